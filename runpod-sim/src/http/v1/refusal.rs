//! v1's refusals.

use crate::contract::Problem;

/// Answers 400 to every invalid request, as v1 does.
pub(super) fn as_v1(mut problem: Box<Problem>) -> Box<Problem> {
    if matches!(problem.status.as_u16(), 409 | 422) {
        problem.status = axum::http::StatusCode::BAD_REQUEST;
    }
    problem
}
