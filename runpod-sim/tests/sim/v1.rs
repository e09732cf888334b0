use std::time::SystemTime;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use runpod_sim::{Fault, FaultKind};
use serde_json::{Value, json};

use crate::client::{Answer, Caller, RTX_4090, frozen, id};

fn order(change: Value) -> Value {
    let mut body =
        json!({ "name": "old", "imageName": "ubuntu:24.04", "gpuTypeIds": [RTX_4090], "env": { "A": "1" } });
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    body
}

#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    let error = answer.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains(words), "{error}");
}

#[tokio::test]
async fn v1_shows_what_is_wanted_and_addresses_late() {
    let caller = Caller::of(frozen().epoch(SystemTime::UNIX_EPOCH)).await;
    let created = caller.post("/v1/pods", order(json!({}))).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let created = created.json();
    let expected = [
        ("desiredStatus", json!("RUNNING")),
        ("publicIp", json!("")),
        ("portMappings", Value::Null),
        ("ports", json!(["8888/http", "22/tcp"])),
        ("containerDiskInGb", json!(50)),
        ("volumeInGb", json!(20)),
        ("volumeMountPath", json!("/workspace")),
        ("gpuCount", json!(1)),
        ("imageName", json!("ubuntu:24.04")),
        ("createdAt", json!("1970-01-01 00:00:00.00 +0000 UTC")),
    ];
    for (key, value) in expected {
        assert_eq!(created[key], value, "{key}");
    }
    let path = format!("/v1/pods/{}", id(&created));
    caller.advance(40);
    let ready = caller.get(&path).await.json();
    assert_eq!(ready["publicIp"], "127.0.0.1");
    assert_eq!(ready["portMappings"].as_object().unwrap().keys().collect::<Vec<_>>(), ["22"]);
    let same = caller.pod(&id(&created)).await;
    assert_eq!(same["ssh"]["direct"]["port"], ready["portMappings"]["22"], "v1 and v2 show one pod");
    assert_eq!(caller.post(&format!("{path}/stop"), json!({})).await.text, "");
    assert_eq!(caller.get(&path).await.json()["desiredStatus"], "EXITED");
    refused(&caller.post(&format!("{path}/stop"), json!({})).await, 400, "EXITED");
    assert_eq!(caller.post(&format!("{path}/start"), json!({})).await.status, 200);
    assert_eq!(caller.get(&path).await.json()["desiredStatus"], "RUNNING");
    caller.advance(40);
    assert_eq!(caller.post(&format!("{path}/restart"), json!({})).await.status, 200);
    let changed = caller.patch(&path, json!({ "name": "new", "volumeInGb": 30 })).await.json();
    assert_eq!((&changed["name"], &changed["volumeInGb"]), (&json!("new"), &json!(30)));
    assert_eq!(caller.delete(&path).await.status, 204);
    refused(&caller.delete(&path).await, 404, "not found");
}

#[tokio::test]
async fn v1_lists_bare_arrays_and_filters_them() {
    let caller = Caller::of(frozen()).await;
    caller.post("/v1/pods", order(json!({}))).await;
    let cpu = json!({ "name": "cpu", "computeType": "CPU", "cpuFlavorIds": ["cpu3c"], "gpuTypeIds": [], "vcpuCount": 4 });
    caller.post("/v1/pods", order(cpu)).await;
    let names = async |query: &str| -> Vec<String> {
        let list = caller.get(&format!("/v1/pods{query}")).await.json();
        list.as_array().unwrap().iter().map(|pod| pod["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("").await, ["old", "cpu"]);
    assert_eq!(names("?computeType=CPU").await, ["cpu"]);
    assert_eq!(names("?name=old").await, ["old"]);
    assert_eq!(names("?gpuTypeId=NVIDIA%20L4&gpuTypeId=NVIDIA%20GeForce%20RTX%204090").await, ["old"]);
    assert_eq!(names("?desiredStatus=EXITED").await, Vec::<String>::new());
    refused(&caller.get("/v1/pods?desiredStatus=BUSY").await, 400, "desiredStatus");
}

#[tokio::test]
async fn v1_refuses_in_its_own_shape() {
    let caller = Caller::of(frozen().capacity(RTX_4090, 0)).await;
    for (status, words, change) in [
        (400, "colour", json!({ "colour": 1 })),
        (400, "gpuTypeIds", json!({ "gpuTypeIds": [] })),
        (400, "gpuTypeIds", json!({ "gpuTypeIds": ["NVIDIA Toaster"] })),
        (400, "gpuCount", json!({ "gpuCount": 0 })),
        (400, "ports", json!({ "ports": ["22"] })),
        (500, "create pod: There are no instances currently available", json!({})),
        (500, "create pod", json!({ "gpuTypeIds": ["NVIDIA GeForce RTX 3070"] })),
        (500, "create pod", json!({ "gpuTypeIds": ["NVIDIA L4"], "countryCodes": ["AU"] })),
    ] {
        refused(&caller.post("/v1/pods", order(change)).await, status, words);
    }
    let fallback =
        order(json!({ "gpuTypeIds": [RTX_4090, "NVIDIA L4"], "countryCodes": ["RO"], "locked": true }));
    let pod = caller.post("/v1/pods", fallback).await.json();
    assert_eq!((&pod["gpu"]["id"], &pod["locked"]), (&json!("NVIDIA L4"), &json!(true)));
    refused(&caller.delete(&format!("/v1/pods/{}", id(&pod))).await, 400, "locked");
    refused(&caller.get("/v1/endpoints").await, 501, "ListEndpoints");
    refused(&caller.get("/v1/nothing").await, 404, "route not found");
    let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer x"))]);
    let unsigned = caller.request(reqwest::Method::GET, "/v1/pods").headers(headers);
    refused(&caller.send(unsigned).await, 401, "bearer");
}

#[tokio::test]
async fn v1_may_fail_although_the_pod_was_made_and_may_be_gone() {
    let caller = Caller::of(frozen()).await;
    caller.sim.inject(Fault::new(FaultKind::status_after(500)).on("CreatePod").times(1)).unwrap();
    refused(&caller.post("/v1/pods", order(json!({}))).await, 500, "Something went wrong");
    assert_eq!(caller.sim.ledger().len(), 1);
    caller.sim.set_v1_retired(true);
    refused(&caller.get("/v1/pods").await, 410, "retired");
    assert_eq!(caller.get("/v2/pods").await.status, 200);
    caller.sim.set_v1_retired(false);
    caller.sim.inject(Fault::new(FaultKind::Gone).on("ListPods").times(1)).unwrap();
    refused(&caller.get("/v1/pods").await, 410, "retired");
    assert_eq!(caller.get("/v1/pods").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn v1_network_volumes_are_the_same_volumes() {
    let caller = Caller::of(frozen()).await;
    let body = json!({ "name": "data", "size": 20, "dataCenterId": "EU-RO-1" });
    let volume = caller.post("/v1/networkvolumes", body).await.json();
    let path = format!("/v1/networkvolumes/{}", id(&volume));
    assert_eq!(caller.patch(&path, json!({ "size": 30 })).await.json()["size"], 30);
    assert_eq!(caller.post(&format!("{path}/update"), json!({ "name": "b" })).await.json()["name"], "b");
    let expected = json!({ "id": id(&volume), "name": "b", "size": 30, "dataCenterId": "EU-RO-1" });
    assert_eq!(caller.get(&path).await.json(), expected);
    assert_eq!(caller.get("/v1/networkvolumes").await.json(), json!([expected]));
    let v2 = caller.get(&format!("/v2/network-volumes/{}", id(&volume))).await.json();
    assert_eq!(v2["dataCenter"], "EU-RO-1");
    let too_small = json!({ "name": "data", "size": 5, "dataCenterId": "EU-RO-1" });
    refused(&caller.post("/v1/networkvolumes", too_small).await, 400, "size");
    assert_eq!(caller.delete(&path).await.status, 204);
    refused(&caller.get(&path).await, 404, "not found");
}

#[tokio::test]
async fn v1_names_its_image_once_and_has_the_fields_its_document_lacks() {
    let caller = Caller::of(frozen()).await;
    let pod = caller.post("/v1/pods", order(json!({ "templateId": "simubuntu1" }))).await.json();
    assert_eq!((pod.get("image"), &pod["imageName"]), (None, &json!("ubuntu:24.04")));
    assert_eq!(pod["templateId"], "simubuntu1");
    assert!(pod["machine"]["dataCenterId"].is_string() && pod["consumerUserId"].is_string(), "{pod}");
    let cpu = json!({ "computeType": "CPU", "cpuFlavorIds": ["cpu3c"], "gpuTypeIds": [], "vcpuCount": 2 });
    let pod = caller.post("/v1/pods", order(cpu)).await.json();
    assert_eq!(pod["containerDiskInGb"], 20, "as much as the flavor may have");
}
