//! v1's operations on network volumes.

use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::as_v1;
use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
        v2::volumes as v2,
    },
    world::{
        App,
        volume::{Volume, VolumeKind},
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewVolume {
    name: String,
    size: u32,
    data_center_id: String,
}

#[derive(Deserialize)]
struct VolumeChange {
    name: Option<String>,
    size: Option<u32>,
}

fn view(volume: &Volume) -> Value {
    json!({ "id": volume.id, "name": volume.name, "size": volume.size, "dataCenterId": volume.data_center })
}

pub(super) fn list(app: &App) -> Outcome {
    let account = app.account();
    Reply::ok(account.volumes.numbered().map(|(_, volume)| view(volume)).collect())
}

pub(super) fn get(app: &App, call: &Call) -> Outcome {
    Reply::ok(view(&v2::find(&app.account(), call.id())?))
}

pub(super) fn create(app: &App, call: &Call) -> Outcome {
    let order: NewVolume = call.body().map_err(as_v1)?;
    if order.size < 10 {
        return Err(Problem::bad_request("size must be at least 10"));
    }
    let volume = v2::put(app, order.name, order.size, order.data_center_id, VolumeKind::Standard)?;
    Reply::ok(view(&volume))
}

pub(super) fn update(app: &App, call: &Call) -> Outcome {
    let VolumeChange { name, size } = call.body().map_err(as_v1)?;
    Reply::ok(view(&v2::change(app, call.id(), name, size)?))
}
