//! Refusals in RunPod's error shapes.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json};

use super::document::Api;

/// A refusal in RunPod's error shape, `application/problem+json`.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: String,
    pub(crate) errors: Vec<String>,
    pub(crate) headers: HeaderMap,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { status, detail: detail.into(), errors: Vec::new(), headers: HeaderMap::new() })
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Box<Self> {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Refuses an id that does not exist. RunPod does not say which one.
    pub(crate) fn not_found(what: &str) -> Box<Self> {
        Self::new(StatusCode::NOT_FOUND, format!("{what} not found"))
    }

    pub(crate) fn invalid(errors: Vec<String>) -> Box<Self> {
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Request validation failed.");
        problem.errors = errors;
        problem
    }

    pub(crate) fn internal(detail: impl Into<String>) -> Box<Self> {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }

    /// The body, in the shape of an API.
    pub(crate) fn body(&self, api: Api) -> Value {
        if api == Api::V1 {
            let texts: Vec<&str> =
                std::iter::once(self.detail.as_str()).chain(self.errors.iter().map(String::as_str)).collect();
            return json!({ "error": texts.join(" "), "status": self.status.as_u16() });
        }
        let title = self.status.canonical_reason().unwrap_or("Error");
        let mut body = json!({ "title": title, "status": self.status.as_u16(), "detail": self.detail });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        body
    }

    pub(crate) fn into_response(self, api: Api) -> Response {
        let mut response = Response::new(Body::from(self.body(api).to_string()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let kind = match api {
            Api::V1 => "application/json",
            Api::V2 => "application/problem+json",
        };
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        response
    }
}
