mod order;
mod pods;
mod view;
mod volumes;

use super::{App, Call, Outcome};
use crate::contract::Operation;
use crate::problem::Problem;

/// Performs an operation of REST v1; `None` when the simulator does not implement it.
pub(super) fn perform(app: &App, operation: &Operation, call: &Call) -> Option<Outcome> {
    Some(match operation.id.as_str() {
        "ListPods" => pods::list(app, call),
        "CreatePod" => pods::create(app, call),
        "GetPod" => pods::get(app, call),
        "UpdatePod" | "UpdatePodPost" => pods::update(app, call),
        "DeletePod" => pods::delete(app, call),
        "StartPod" => pods::act(app, call, crate::pod::Action::Start),
        "StopPod" => pods::act(app, call, crate::pod::Action::Stop),
        "RestartPod" => pods::act(app, call, crate::pod::Action::Restart),
        "ResetPod" => pods::act(app, call, crate::pod::Action::Restart),
        "ListNetworkVolumes" => volumes::list(app),
        "CreateNetworkVolume" => volumes::create(app, call),
        "GetNetworkVolume" => volumes::get(app, call),
        "UpdateNetworkVolume" | "UpdateNetworkVolumePost" => volumes::update(app, call),
        "DeleteNetworkVolume" => super::volumes::delete(app, call),
        _ => return None,
    })
}

/// v1 has one status for whatever is wrong with a request.
fn as_v1(mut problem: Box<Problem>) -> Box<Problem> {
    if matches!(problem.status.as_u16(), 409 | 422) {
        problem.status = axum::http::StatusCode::BAD_REQUEST;
    }
    problem
}
