use std::time::Duration;

/// One request the simulator answered. It holds no header, no body and no key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestRecord {
    /// When it arrived, in simulated time since the start.
    pub at: Duration,
    /// HTTP method.
    pub method: String,
    /// Path, as it was sent.
    pub path: String,
    /// Query string, as it was sent; `None` when there was none.
    pub query: Option<String>,
    /// The contract's operation id; `None` when the request reached no operation.
    pub operation: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// The `x-request-id` of the answer.
    pub request_id: String,
}
