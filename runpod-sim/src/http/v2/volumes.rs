//! v2's operations on network volumes.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::{
    contract::Problem,
    http::{
        call::Call,
        reply::{Outcome, Reply},
    },
    world::{
        App,
        account::Account,
        catalog,
        volume::{Volume, VolumeKind},
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewVolume {
    name: String,
    size: u32,
    data_center: String,
    #[serde(rename = "type", default)]
    kind: VolumeKind,
}

#[derive(Deserialize)]
struct VolumeChange {
    name: Option<String>,
    size: Option<u32>,
}

/// Lists all at once: this list has no pages.
pub(crate) fn list(app: &App) -> Outcome {
    let account = app.account();
    let volumes: Vec<&Volume> = account.volumes.numbered().map(|(_, volume)| volume).rev().collect();
    Reply::ok(json!({ "networkVolumes": volumes }))
}

pub(crate) fn get(app: &App, call: &Call) -> Outcome {
    Reply::ok(json!(find(&app.account(), call.id())?))
}

/// A volume by its id.
pub(crate) fn find(account: &Account, id: &str) -> Result<Volume, Box<Problem>> {
    account.volumes.get(id).cloned().ok_or_else(|| Problem::not_found("network volume"))
}

pub(crate) fn create(app: &App, call: &Call) -> Outcome {
    let order: NewVolume = call.body()?;
    let volume = put(app, order.name, order.size, order.data_center, order.kind)?;
    Ok(Reply::Json(StatusCode::CREATED, json!(volume)))
}

/// Creates a volume.
pub(crate) fn put(
    app: &App,
    name: String,
    size: u32,
    data_center: String,
    kind: VolumeKind,
) -> Result<Volume, Box<Problem>> {
    if catalog::data_center(&data_center).is_none() {
        return Err(Problem::bad_request(format!("Unknown data center: {data_center}")));
    }
    if kind != VolumeKind::Standard {
        return Err(Problem::bad_request(format!("{data_center} offers STANDARD network volumes only")));
    }
    let mut account = app.account();
    let id = account.fresh_id()[..10].to_owned();
    let volume = Volume { id, name, size, data_center, kind };
    account.volumes.put(volume.clone());
    Ok(volume)
}

pub(crate) fn update(app: &App, call: &Call) -> Outcome {
    let VolumeChange { name, size } = call.body()?;
    Reply::ok(json!(change(app, call.id(), name, size)?))
}

/// Renames a volume or makes it larger.
pub(crate) fn change(
    app: &App,
    id: &str,
    name: Option<String>,
    size: Option<u32>,
) -> Result<Volume, Box<Problem>> {
    let mut account = app.account();
    let volume = account.volumes.get_mut(id).ok_or_else(|| Problem::not_found("network volume"))?;
    if let Some(size) = size.filter(|size| *size < volume.size) {
        return Err(Problem::bad_request(format!("size cannot shrink from {} to {size}", volume.size)));
    }
    volume.size = size.unwrap_or(volume.size);
    if let Some(name) = name {
        volume.name = name;
    }
    Ok(volume.clone())
}

pub(crate) fn delete(app: &App, call: &Call) -> Outcome {
    let mut account = app.account();
    let uses = |pod: &&crate::world::pod::Pod| {
        pod.terminated.is_none() && pod.facts.mounts.network_volume() == Some(call.id())
    };
    if let Some(pod) = account.pods().iter().find(uses) {
        let detail = format!("the network volume is attached to pod {}: delete the pod first", pod.id);
        return Err(Problem::bad_request(detail));
    }
    if account.volumes.remove(call.id()) {
        Ok(Reply::Empty(StatusCode::NO_CONTENT))
    } else {
        Err(Problem::not_found("network volume"))
    }
}
