use crate::contract::Problem;

/// v1 has one status for whatever is wrong with a request.
pub(super) fn as_v1(mut problem: Box<Problem>) -> Box<Problem> {
    if matches!(problem.status.as_u16(), 409 | 422) {
        problem.status = axum::http::StatusCode::BAD_REQUEST;
    }
    problem
}
