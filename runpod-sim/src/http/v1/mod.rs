//! REST v1.

mod order;
mod pods;
mod refusal;
mod view;
mod volumes;

use super::{call::Call, reply::Outcome, v2};
use crate::{
    contract::Operation,
    world::{App, pod::Action},
};

/// Performs an operation of REST v1; `None` when the simulator does not implement it.
pub(super) fn perform(app: &App, operation: &Operation, call: &Call) -> Option<Outcome> {
    Some(match operation.id.as_str() {
        "ListPods" => pods::list(app, call),
        "CreatePod" => pods::create(app, call),
        "GetPod" => pods::get(app, call),
        "UpdatePod" | "UpdatePodPost" => pods::update(app, call),
        "DeletePod" => pods::delete(app, call),
        "StartPod" => pods::act(app, call, Action::Start),
        "StopPod" => pods::act(app, call, Action::Stop),
        "RestartPod" => pods::act(app, call, Action::Restart),
        "ResetPod" => pods::act(app, call, Action::Restart),
        "ListNetworkVolumes" => volumes::list(app),
        "CreateNetworkVolume" => volumes::create(app, call),
        "GetNetworkVolume" => volumes::get(app, call),
        "UpdateNetworkVolume" | "UpdateNetworkVolumePost" => volumes::update(app, call),
        "DeleteNetworkVolume" => v2::volumes::delete(app, call),
        _ => return None,
    })
}
