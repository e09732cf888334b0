//! REST v2.

mod billing;
mod cpus;
mod data_centers;
mod gpus;
mod keys;
mod logs;
mod page;
pub(super) mod pods;
mod registries;
mod secrets;
mod templates;
mod view;
pub(super) mod volumes;

use std::sync::Arc;

use super::{call::Call, reply::Outcome};
use crate::{contract::Operation, world::App};

/// Performs an operation of REST v2; `None` when the simulator does not implement it.
pub(super) fn perform(app: &Arc<App>, operation: &Operation, call: &Call) -> Option<Outcome> {
    Some(match operation.id.as_str() {
        "listPods" => pods::list(app, call),
        "createPod" => pods::create(app, call),
        "getPod" => pods::get(app, call),
        "updatePod" => pods::update(app, call),
        "deletePod" => pods::delete(app, call),
        "podAction" => pods::act(app, call),
        "getPodLogs" => logs::follow(app, call),
        "listPodBilling" => billing::pods(app, call),
        "listGpuTypes" => gpus::list(app, call),
        "getGpuType" => gpus::get(app, call),
        "listCpuTypes" => cpus::list(app, call),
        "getCpuType" => cpus::get(app, call),
        "listDataCenters" => data_centers::list(app, call),
        "getDataCenter" => data_centers::get(app, call),
        "listPublicTemplates" => templates::catalog(call),
        "listTemplates" => templates::list(app, call),
        "createTemplate" => templates::create(app, call),
        "getTemplate" => templates::get(app, call),
        "updateTemplate" => templates::update(app, call),
        "deleteTemplate" => templates::delete(app, call),
        "listRegistries" => registries::list(app),
        "createRegistry" => registries::create(app, call),
        "getRegistry" => registries::get(app, call),
        "deleteRegistry" => registries::delete(app, call),
        "listSecrets" => secrets::list(app, call),
        "createSecret" => secrets::create(app, call),
        "getSecret" => secrets::get(app, call),
        "updateSecret" => secrets::update(app, call),
        "deleteSecret" => secrets::delete(app, call),
        "getSshKeys" => keys::get(app, call),
        "updateSshKeys" => keys::put(app, call),
        "listNetworkVolumes" => volumes::list(app),
        "createNetworkVolume" => volumes::create(app, call),
        "getNetworkVolume" => volumes::get(app, call),
        "updateNetworkVolume" => volumes::update(app, call),
        "deleteNetworkVolume" => volumes::delete(app, call),
        _ => return None,
    })
}
