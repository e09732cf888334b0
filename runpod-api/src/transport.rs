//! The transport of the generated clients.

use std::{
    fmt,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{self, InvalidHeaderValue},
};
use http_body_util::BodyDataStream;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Body, Client, Request, Response};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::Error as _};
use serde_json::Value;
use url::Url;

pub use crate::failure::Failure as Error;
use crate::{
    decode::{self, DecodeError},
    failure::{BodyError, Failure},
    redaction::Redaction,
    secret::Secret,
};

/// Largest answer read, in bytes.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Most of a failure's body read, in bytes.
const LARGEST_FAILURE: usize = 64 * 1024;

/// Most redirects followed.
const MOST_REDIRECTS: usize = 5;

/// Everything but what RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Stands for a path segment that would not name anything; no text is encoded to it but NUL.
const NO_SEGMENT: &str = "%00";

/// Settings of a client beyond the base URL.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sent with every request; marked as sensitive.
    pub(crate) authorization: HeaderValue,
    /// Sent with every request, whoever made the HTTP client: the edge refuses clients without one.
    pub(crate) agent: HeaderValue,
    pub(crate) key: Secret,
    /// Longest time for a call, or for a stream to begin.
    pub(crate) timeout: Duration,
}

/// A client of one version of the API.
pub trait ClientInfo<Inner> {
    /// The version that the contract gives itself.
    fn api_version() -> &'static str;

    /// The base URL of the API, without a slash at the end.
    fn baseurl(&self) -> &str;

    /// The HTTP client below.
    fn client(&self) -> &Client;

    /// The settings of the client beyond the base URL.
    fn inner(&self) -> &Inner;
}

impl<T: ClientInfo<Inner>, Inner> ClientInfo<Inner> for &T {
    fn api_version() -> &'static str {
        T::api_version()
    }

    fn baseurl(&self) -> &str {
        (*self).baseurl()
    }

    fn client(&self) -> &Client {
        (*self).client()
    }

    fn inner(&self) -> &Inner {
        (*self).inner()
    }
}

/// The operation a call is for.
pub struct OperationInfo {
    /// The name of the operation, as the client's method is called.
    pub operation_id: &'static str,
}

/// The call an answer belongs to.
#[derive(Clone)]
struct Call {
    operation: &'static str,
    reads: bool,
    key: Secret,
    body: Option<Bytes>,
}

impl Call {
    /// A call of which nothing is known.
    fn unknown() -> Self {
        Self { operation: "", reads: false, key: Secret::from(""), body: None }
    }

    fn redaction(&self) -> Redaction {
        Redaction::new(&self.key, self.body.as_deref())
    }
}

/// An import of the generated clients for form bodies, which no version of the API has.
pub trait RequestBuilderExt {}

/// A query parameter: left out if it is `None`, repeated for each item of a list, one for each field of an object.
pub struct QueryParam<'a, T> {
    name: &'a str,
    value: &'a T,
}

impl<'a, T> QueryParam<'a, T> {
    /// Pairs a name with its value.
    pub fn new(name: &'a str, value: &'a T) -> Self {
        Self { name, value }
    }
}

impl<T: Serialize> Serialize for QueryParam<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(match serde_json::to_value(self.value).map_err(S::Error::custom)? {
            Value::Object(fields) => {
                fields.into_iter().flat_map(|(name, value)| pairs(&name, value)).collect()
            }
            value => pairs(self.name, value),
        })
    }
}

fn pairs(name: &str, value: Value) -> Vec<(String, String)> {
    let values = match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        value => vec![value],
    };
    let text = |value| match value {
        Value::String(text) => text,
        value => value.to_string(),
    };
    values.into_iter().map(|value| (name.to_owned(), text(value))).collect()
}

/// Moves what the options of a call have for the headers, named `:<header>`, out of the query.
fn move_headers(request: &mut Request) -> Result<(), InvalidHeaderValue> {
    let is_header = |query: &str| query.split('&').any(|pair| pair.starts_with("%3A"));
    if !request.url().query().is_some_and(is_header) {
        return Ok(());
    }
    let all = request.url().query_pairs().into_owned();
    let (headers, query): (Vec<_>, Vec<_>) = all.partition(|(name, _)| name.starts_with(':'));
    for (name, value) in headers {
        if let Ok(name) = HeaderName::try_from(&name[1..]) {
            request.headers_mut().insert(name, HeaderValue::try_from(value)?);
        }
    }
    request.url_mut().set_query(None);
    if !query.is_empty() {
        request.url_mut().query_pairs_mut().extend_pairs(query);
    }
    Ok(())
}

/// Takes away the `null` that stands for a body that was left out.
fn drop_no_body(request: &mut Request) {
    if request.body().and_then(Body::as_bytes).is_some_and(|body| body == b"null") {
        *request.body_mut() = None;
        request.headers_mut().remove(header::CONTENT_TYPE);
    }
}

/// The bytes of an answer that goes on, as they come.
///
/// # Cancellation
/// Dropping it closes the connection.
#[derive(Debug)]
pub struct ByteStream(BodyDataStream<Body>);

impl Stream for ByteStream {
    type Item = reqwest::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}

/// Encodes an id as one segment of a path.
pub(crate) fn encode_path(id: &str) -> String {
    // URLs resolve dot segments, encoded or not.
    if matches!(id, "" | "." | "..") {
        return NO_SEGMENT.to_owned();
    }
    utf8_percent_encode(id, RESERVED).to_string()
}

/// Hooks by which the generated client makes its calls.
#[allow(async_fn_in_trait)]
pub trait ClientHooks<Inner>: ClientInfo<Settings> {
    /// Completes a request, or refuses one that cannot be sent as meant.
    async fn pre(&self, request: &mut Request, info: &OperationInfo) -> Result<(), Failure> {
        if request.url().path().contains(NO_SEGMENT) {
            let problem = "an id is empty, a dot segment or has a NUL; give the id that RunPod gave";
            return Err(Failure::invalid(info.operation_id, problem));
        }
        move_headers(request).map_err(|_| {
            let problem = "a header value has characters that cannot be sent; give visible ASCII text";
            Failure::invalid(info.operation_id, problem)
        })?;
        drop_no_body(request);
        let headers = request.headers_mut();
        headers.remove("api-version");
        headers.insert(header::AUTHORIZATION, self.inner().authorization.clone());
        headers.insert(header::USER_AGENT, self.inner().agent.clone());
        Ok(())
    }

    /// Makes the call. Any answer but a success is an error.
    async fn exec(&self, request: Request, info: &OperationInfo) -> Result<Response, Failure> {
        let settings = self.inner();
        let body = request.body().and_then(Body::as_bytes).map(Bytes::copy_from_slice);
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let call = Call { operation: info.operation_id, reads, key: settings.key.clone(), body };
        let answer = answer(self.client(), request, settings.timeout, call).await;
        answer.map_err(|failure| failure.of_read(reads))
    }

    /// Does nothing: no work is left after a call.
    async fn post(&self, _: &Result<Response, Failure>, _: &OperationInfo) -> Result<(), Failure> {
        Ok(())
    }
}

async fn answer(client: &Client, request: Request, limit: Duration, call: Call) -> Result<Response, Failure> {
    let operation = call.operation;
    let copy = request.try_clone();
    let mut response = send(client, request, limit, operation).await?;
    for _ in 0..MOST_REDIRECTS {
        let Some(next) = copy.as_ref().and_then(|request| redirected(request, &response)) else { break };
        response = send(client, next, limit, operation).await?;
    }
    if !response.status().is_success() {
        // A client of the caller's own may have followed a redirect by itself.
        let is_led = !call.reads && copy.is_some_and(|request| request.url() != response.url());
        let status = if is_led { StatusCode::TEMPORARY_REDIRECT } else { response.status() };
        return Err(refused(response, status, limit, &call).await);
    }
    if is_page(&response) {
        return Err(unreadable(&response, &call, &[], BodyError::Malformed(DecodeError::no_json())));
    }
    response.extensions_mut().insert(call);
    Ok(response)
}

async fn send(
    client: &Client,
    mut request: Request,
    limit: Duration,
    operation: &'static str,
) -> Result<Response, Failure> {
    // The generated code asks for JSON wherever it does not hand out a stream.
    if request.headers().contains_key(header::ACCEPT) {
        *request.timeout_mut() = Some(limit);
        return client.execute(request).await.map_err(|error| Failure::unanswered(operation, error));
    }
    match tokio::time::timeout(limit, client.execute(request)).await {
        Ok(answer) => answer.map_err(|error| Failure::unanswered(operation, error)),
        Err(_) => Err(Failure::late(operation, limit)),
    }
}

/// Returns the request that follows a redirect; `None` if it would go to another origin, or if the call changes
/// something: who answered with a redirect may have done it already, and the next answer knows nothing of that.
fn redirected(request: &Request, response: &Response) -> Option<Request> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let follow = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    ) && reads;
    let place = response.headers().get(header::LOCATION)?.to_str().ok()?;
    let next = response.url().join(place).ok()?;
    if !follow || !same_origin(request.url(), &next) {
        return None;
    }
    let mut request = request.try_clone()?;
    *request.url_mut() = next;
    Some(request)
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin() && other.username().is_empty() && other.password().is_none()
}

/// Returns true if it is an HTML page, as proxies and portals send. RunPod sends none, with any status.
fn is_page(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

async fn refused(mut response: Response, status: StatusCode, limit: Duration, call: &Call) -> Failure {
    let (status, headers) = (status.as_u16(), response.headers().clone());
    // What a call refuses itself is worth more than all its words.
    let body = tokio::time::timeout(limit, body(&mut response, LARGEST_FAILURE)).await;
    let (body, _) = body.unwrap_or_default();
    Failure::status_of(call.operation, status, headers, &body, &call.redaction())
}

fn unreadable(response: &Response, call: &Call, body: &[u8], why: BodyError) -> Failure {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Failure::unreadable(call.operation, status, headers, body, why, &call.redaction()).of_read(call.reads)
}

/// The body, or as much of it as came and fits.
async fn body(response: &mut Response, largest: usize) -> (Bytes, Option<BodyError>) {
    let mut read = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(None) => return (read.freeze(), None),
            Ok(Some(chunk)) => {
                let fits = chunk.len().min(largest - read.len());
                read.extend_from_slice(&chunk[..fits]);
                if fits < chunk.len() {
                    return (read.freeze(), Some(BodyError::TooLarge));
                }
            }
            Err(error) => return (read.freeze(), Some(BodyError::Cut(error))),
        }
    }
}

/// An answer: its value, status and headers. It reads like the value.
pub struct ResponseValue<T> {
    value: T,
    status: StatusCode,
    headers: HeaderMap,
}

impl<T> ResponseValue<T> {
    /// The value.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The value and the headers.
    pub fn into_parts(self) -> (T, HeaderMap) {
        (self.value, self.headers)
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers, such as `RateLimit` and `x-request-id`.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    fn of(value: T, response: &Response) -> Self {
        Self { value, status: response.status(), headers: response.headers().clone() }
    }
}

impl<T: DeserializeOwned> ResponseValue<T> {
    /// Reads the value.
    pub(crate) async fn from_response(mut response: Response) -> Result<Self, Failure> {
        let (read, trouble) = body(&mut response, LARGEST_ANSWER).await;
        // Some successes have a body or none; none reads as `null`.
        let json: &[u8] = if read.is_empty() && trouble.is_none() { b"null" } else { &read };
        let why = match (trouble, decode::read(json)) {
            (None, Ok(value)) => {
                let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
                return Ok(Self { value, status, headers });
            }
            (Some(why), _) => why,
            (None, Err(error)) => BodyError::Malformed(error),
        };
        let call = response.extensions_mut().remove::<Call>().unwrap_or_else(Call::unknown);
        Err(unreadable(&response, &call, &read, why))
    }
}

impl ResponseValue<()> {
    /// An answer whose body says nothing.
    pub(crate) fn empty(response: Response) -> Self {
        Self::of((), &response)
    }
}

impl ResponseValue<ByteStream> {
    /// An answer that goes on.
    pub(crate) fn stream(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { value: ByteStream(BodyDataStream::new(response.into())), status, headers }
    }
}

/// Names that the generated code calls for an answer that is not a success. The transport has turned each of them into
/// a failure by then, with more in it.
#[allow(non_snake_case)]
impl Failure {
    pub(crate) fn ErrorResponse(value: ResponseValue<Value>) -> Self {
        Self::bare(value.status().as_u16(), value.headers().clone())
    }

    pub(crate) fn UnexpectedResponse(response: Response) -> Self {
        Self::bare(response.status().as_u16(), response.headers().clone())
    }
}

impl<T> Deref for ResponseValue<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for ResponseValue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseValue")
            .field("status", &self.status)
            .field("value", &self.value)
            .finish_non_exhaustive()
    }
}
