use std::time::Duration;

use serde::Serialize;

/// One request the simulator answered. It holds no header, no body and no key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When it arrived, in simulated time since the start.
    #[serde(serialize_with = "crate::ledger::seconds")]
    pub at: Duration,
    /// HTTP method.
    pub method: String,
    /// Path, as it was sent.
    pub path: String,
    /// Query string, as it was sent; `None` when there was none.
    pub query: Option<String>,
    /// The contract's operation id, such as `createPod` (v2) or `CreatePod` (v1); `None` when the request reached no
    /// operation.
    pub operation: Option<String>,
    /// Status of the answer; 0 when the connection was closed instead.
    pub status: u16,
    /// The name of the fault that changed this request's fate; `None` for an honest answer.
    pub fault: Option<&'static str>,
    /// The `x-request-id` of the answer.
    pub request_id: String,
}
