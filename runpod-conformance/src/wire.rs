//! Plain requests, each of which is kept.

use std::time::Duration;

use reqwest::{Method, Response, header};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use crate::{Exchange, options::Stop, session::Session};

const AGENT: &str = concat!("runpod-conformance/", env!("CARGO_PKG_VERSION"));
/// Turns of waiting that a 429 is given.
const TURNS: u32 = 4;

/// A request to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    step: &'static str,
    method: Method,
    path: String,
    body: Option<Value>,
    round: u32,
    agent: &'static str,
    wrong_key: bool,
    resume: Option<String>,
}

impl Ask {
    fn new(step: &'static str, method: Method, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { step, method, path, body: None, round: 0, agent: AGENT, wrong_key: false, resume: None }
    }

    pub(crate) fn get(step: &'static str, path: impl Into<String>) -> Self {
        Self::new(step, Method::GET, path)
    }

    pub(crate) fn post(step: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(step, Method::POST, path) }
    }

    pub(crate) fn patch(step: &'static str, path: impl Into<String>, body: Value) -> Self {
        Self { body: Some(body), ..Self::new(step, Method::PATCH, path) }
    }

    pub(crate) fn delete(step: &'static str, path: impl Into<String>) -> Self {
        Self::new(step, Method::DELETE, path)
    }

    pub(crate) fn round(self, round: u32) -> Self {
        Self { round, ..self }
    }

    pub(crate) fn agent(self, agent: &'static str) -> Self {
        Self { agent, ..self }
    }

    pub(crate) fn wrong_key(self) -> Self {
        Self { wrong_key: true, ..self }
    }

    pub(crate) fn resume(self, cursor: String) -> Self {
        Self { resume: Some(cursor), ..self }
    }

    fn exchange(&self, at: Duration) -> Exchange {
        Exchange {
            step: self.step,
            round: self.round,
            at,
            method: self.method.to_string(),
            path: self.path.clone(),
            status: 0,
            headers: Vec::new(),
            body: String::new(),
            failure: None,
            lasted: Duration::ZERO,
            ended: false,
        }
    }
}

impl Session {
    /// Sends a request of the survey, as long as there is money for it.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Exchange, Stop> {
        let mut exchange = self.send(&ask, self.longest()?).await;
        for _ in 1..TURNS {
            if exchange.status != 429 {
                break;
            }
            let pause = exchange.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(1);
            self.sleep(Duration::from_secs(pause)).await?;
            exchange = self.send(&ask, self.longest()?).await;
        }
        Ok(exchange)
    }

    /// Waits by the server's time, as long as there is money for it.
    pub(crate) async fn sleep(&self, span: Duration) -> Result<(), Stop> {
        let left = self.ledger().left(self.clock.now());
        if left.is_some_and(|left| left <= span) {
            return Err(Stop::Limit);
        }
        self.clock.sleep(span).await;
        Ok(())
    }

    /// The longest real time that a request may take.
    fn longest(&self) -> Result<Duration, Stop> {
        let left = self.ledger().left(self.clock.now());
        match left {
            Some(Duration::ZERO) => Err(Stop::Limit),
            left => Ok(self.clock.real_time(self.options.longest.min(left.unwrap_or(Duration::MAX)))),
        }
    }

    /// Sends a request that no limit holds back, and keeps the exchange.
    pub(crate) async fn send(&self, ask: &Ask, longest: Duration) -> Exchange {
        let mut exchange = ask.exchange(self.clock.now());
        let answered = timeout(longest, self.answer(ask, &mut exchange)).await;
        exchange.failure = match answered {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(innermost(&error)),
            Err(_) => Some("no answer in time".to_owned()),
        };
        self.evidence().note(exchange.clone());
        exchange
    }

    async fn answer(&self, ask: &Ask, exchange: &mut Exchange) -> Result<(), reqwest::Error> {
        let mut answer = self.request(ask).send().await?;
        head(&answer, exchange);
        let mut body = Vec::new();
        while let Some(bytes) = answer.chunk().await? {
            body.extend_from_slice(&bytes);
        }
        exchange.body = String::from_utf8_lossy(&body).into_owned();
        Ok(())
    }

    /// Reads a stream for so long, by the edge's time, or until it has so many bytes or ends.
    pub(crate) async fn stream(&self, ask: Ask, longest: Duration, bytes: usize) -> Result<Exchange, Stop> {
        let left = self.ledger().left(self.clock.now());
        let longest = self.clock.real_of_edge(longest);
        let longest = longest.min(left.map_or(Duration::MAX, |left| self.clock.real_time(left)));
        let (mut exchange, begun, mut body) = (ask.exchange(self.clock.now()), Instant::now(), Vec::new());
        let read = async {
            let mut answer = self.request(&ask).send().await?;
            head(&answer, &mut exchange);
            while body.len() < bytes {
                match answer.chunk().await? {
                    Some(more) => body.extend_from_slice(&more),
                    None => return Ok(true),
                }
            }
            Ok::<_, reqwest::Error>(false)
        };
        let read = timeout(longest, read).await;
        exchange.ended = matches!(read, Ok(Ok(true) | Err(_)));
        exchange.failure = read.ok().and_then(Result::err).map(|error| innermost(&error));
        exchange.lasted = self.clock.edge_since(begun);
        exchange.body = String::from_utf8_lossy(&body).into_owned();
        self.evidence().note(exchange.clone());
        Ok(exchange)
    }

    fn request(&self, ask: &Ask) -> reqwest::RequestBuilder {
        let url = match ask.path.strip_prefix("/v1") {
            Some(rest) => format!("{}{rest}", self.v1_url()),
            None => format!("{}{}", self.options.url, ask.path),
        };
        let key = if ask.wrong_key { "rpa_WRONG" } else { self.options.key.expose() };
        let request = self.http.request(ask.method.clone(), url).bearer_auth(key);
        let request = request.header(header::USER_AGENT, ask.agent);
        let request = ask.body.iter().fold(request, reqwest::RequestBuilder::json);
        ask.resume.iter().fold(request, |request, cursor| request.header("last-event-id", cursor))
    }
}

fn head(answer: &Response, exchange: &mut Exchange) {
    exchange.status = answer.status().as_u16();
    let text = |value: &header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value)));
    exchange.headers = headers.collect();
}

/// The cause at the bottom, which names no address.
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
