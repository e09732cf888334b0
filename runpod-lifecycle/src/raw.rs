//! Calls of the generated client, with the rate limit, the retries and the errors of every other call.

use std::{future::Future, pin::Pin};

use futures_util::{Stream, stream::try_unfold};
use runpod_api::{
    Failure, ResponseValue,
    v2::{Client, types},
};

use crate::{
    Error, ErrorKind, RunPod,
    backend::{Answer, answer, pages, pages::NextPage, v2::next_page},
    client::{call::Call, retry},
    error::operation::Operation,
};

/// The pages of a list of REST v2, as RunPod sends them: each is asked for when it is wanted.
///
/// A page may be empty and still have a next one. An error is the stream's last item.
pub type Pages<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

impl RunPod {
    /// Makes a call of the generated client as this crate makes its own: within the rate limit, with an [`Error`] of the
    /// same kinds, and again after failures that may pass if it only reads (`GET`). Anything else is sent once.
    ///
    /// Make one call in `send`, which is called anew for each attempt: with two, a read that fails after a change would make
    /// that change again. Use this crate's own verbs where there are any: its waits and deploys know nothing of what a raw
    /// call has changed, and may go by what was before for 15 s.
    ///
    /// `operation` are its words in errors and events: "could not *list clusters*". It leaves to deploys what polls leave to
    /// them of a rate limit that is nearly used up; [`for_ending`](Self::for_ending) goes past it.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// use runpod_lifecycle::api::v2::types::UpdatePodRequest;
    ///
    /// let clusters = runpod.raw("list clusters", |api| api.list_clusters()).await?;
    /// println!("{} clusters", clusters.clusters.len());
    /// let (id, new) = ("k3x9q2m7v1b8z5", UpdatePodRequest::new().image("org/image:2"));
    /// let pod = runpod.raw("update pod", |api| api.update_pod(id, &new)).await;
    /// println!("{:?}", pod.map_err(|error| error.with_target(id))?.image);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As the call's own; [`ErrorKind::Unsupported`] on REST v1. [`Error::may_have_been_applied`] says if a call that
    /// changes something is in doubt.
    ///
    /// # Cancellation
    /// If the future is dropped, a call that was sent may be done all the same.
    ///
    /// # Cost
    /// Whatever the call makes. What this crate does about a lost answer to a create ([`deploy`](Self::deploy)), this does not.
    pub async fn raw<'a, T, F>(
        &'a self,
        operation: &'static str,
        send: impl Fn(&'a Client) -> F + Send + 'a,
    ) -> Result<ResponseValue<T>, Error>
    where
        T: Send + 'a,
        F: Future<Output = Result<ResponseValue<T>, Failure>> + Send + 'a,
    {
        let call = Call::raw(operation);
        let api = self.api().ok_or_else(|| call.refused(ErrorKind::Unsupported, ONLY_V2))?;
        let attempts = async move {
            let (mut call, mut pauses) = (call, retry::pauses(retry::ATTEMPTS));
            loop {
                let sent = send(api);
                let answer = self.once(call, Box::pin(async { sent.await.map(whole) })).await;
                let Err(error) = answer else { return answer };
                let pause = pauses.next().filter(|_| error.is_read() && error.is_retryable());
                match pause {
                    Some(pause) if self.rest_after(&error, call, pause).await => call = call.again(),
                    _ => return Err(error),
                }
            }
        };
        self.part(call, attempts).await
    }
}

/// The refusal of REST v1.
const ONLY_V2: &str = "raw calls and pages are REST v2's (ApiVersion::V2)";

/// An answer as a whole is its own value.
fn whole<T>(response: ResponseValue<T>) -> Answer<ResponseValue<T>> {
    Answer { status: response.status(), headers: response.headers().clone(), value: response }
}

/// Everything that the next page depends on.
struct Place<A> {
    runpod: RunPod,
    operation: &'static str,
    id: Option<String>,
    /// `None` at the end, or why the list is not whole.
    pages: Result<Option<pages::Pages>, Error>,
    ask: A,
}

/// The pages that `ask` brings, one for each cursor.
fn paged<T, F, A>(runpod: &RunPod, operation: &'static str, id: Option<String>, ask: A) -> Pages<T>
where
    T: Send + 'static,
    F: Future<Output = Result<Answer<(T, NextPage)>, Failure>> + Send,
    A: Fn(RunPod, Option<String>) -> F + Send + Sync + 'static,
{
    let pages = Ok(Some(pages::Pages::default()));
    let place = Place { runpod: runpod.clone(), operation, id, pages, ask };
    Box::pin(try_unfold(place, |place| async move {
        let Place { runpod, operation, id, pages, ask } = place;
        let Some(mut pages) = pages? else { return Ok(None) };
        let call = Call::read(Operation::Named(operation), id.as_deref());
        runpod.api().ok_or_else(|| call.refused(ErrorKind::Unsupported, ONLY_V2))?;
        let cursor = pages.cursor().map(str::to_owned);
        let (page, next) = runpod.repeatedly(call, || ask(runpod.clone(), cursor.clone())).await?;
        let more = pages.follow(next).map_err(|why| call.refused(ErrorKind::Unreadable, why));
        let pages = more.map(|more| more.then_some(pages));
        Ok(Some((page, Place { runpod, operation, id, pages, ask })))
    }))
}

/// Writes a method for each list of REST v2 that comes in pages.
macro_rules! pages {
    ($($method:ident($($id:ident)?), $words:literal, $call:ident($options:ident) -> $page:ident;)*) => {
        impl RunPod { $(
            #[doc = concat!("The answers to \"", $words, "\", page by page, from the generated client.")]
            ///
            /// ```no_run
            /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
            /// use futures_util::TryStreamExt;
            #[doc = concat!("use runpod_lifecycle::api::v2::types::", stringify!($options), ";")]
            ///
            #[doc = concat!(
                "let mut pages = runpod.", stringify!($method), "(",
                $(concat!("\"my-", stringify!($id), "\", "),)? stringify!($options), "::new());"
            )]
            /// while let Some(page) = pages.try_next().await? {
            ///     println!("{page:?}");
            /// }
            /// # Ok(())
            /// # }
            /// ```
            ///
            /// # Errors
            /// The stream ends with one if a page cannot be read after several attempts, or the pages do not come to an
            /// end; with [`ErrorKind::Unsupported`] on REST v1.
            pub fn $method(
                &self,
                $($id: impl Into<String>,)?
                options: types::$options,
            ) -> Pages<types::$page> {
                let id: Option<String> = None $(.or(Some($id.into())))?;
                $(let $id = id.clone().unwrap_or_default();)?
                paged(self, $words, id, move |runpod, cursor| {
                    let mut options = options.clone();
                    $(let $id = $id.clone();)?
                    async move {
                        if let Some(cursor) = cursor {
                            let empty = |_| Failure::invalid(stringify!($call), "a cursor is empty");
                            options.cursor = Some(cursor.parse().map_err(empty)?);
                        }
                        let api = runpod.backend().v2()?.client();
                        let response = api.$call($(&$id,)? &options).await?;
                        Ok(answer(response, |page| {
                            let next = next_page(page.pagination.clone());
                            (page, next)
                        }))
                    }
                })
            }
        )* }

        /// The calls that have pages.
        #[cfg(test)]
        const PAGED: &[&str] = &[$(stringify!($call)),*];
    };
}

pages! {
    pod_pages(), "list pods", list_pods_with(ListPodsOptions) -> ListPodsResponse;
    template_pages(), "list templates", list_templates_with(ListTemplatesOptions) -> ListTemplatesResponse;
    endpoint_pages(), "list endpoints", list_endpoints_with(ListEndpointsOptions) -> ListEndpointsResponse;
    endpoint_build_pages(endpoint_id), "list builds of endpoint",
        list_endpoint_builds_with(ListEndpointBuildsOptions) -> ListEndpointBuildsResponse;
    endpoint_release_pages(endpoint_id), "list releases of endpoint",
        list_endpoint_releases_with(ListEndpointReleasesOptions) -> ListEndpointReleasesResponse;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_the_contract_that_takes_a_cursor_has_its_pages() {
        let contract = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/v2.json");
        let contract = std::fs::read_to_string(contract).unwrap();
        let contract: serde_json::Value = serde_json::from_str(&contract).unwrap();
        let items = contract["paths"].as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let paged = operations.filter(|operation| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.into_iter().any(|parameter| parameter["name"] == "cursor")
        });
        let mut wanted: Vec<String> = paged.map(|operation| snake(&operation["operationId"])).collect();
        let mut have: Vec<String> = PAGED.iter().map(|name| (*name).to_owned()).collect();
        wanted.sort();
        have.sort();
        assert_eq!(have, wanted);
    }

    /// The method of an operation, such as `list_pods_with` of `listPods`.
    fn snake(id: &serde_json::Value) -> String {
        let letters = id.as_str().unwrap_or_default().chars();
        let name =
            letters.map(|c| if c.is_uppercase() { format!("_{}", c.to_lowercase()) } else { c.to_string() });
        name.collect::<String>() + "_with"
    }
}
