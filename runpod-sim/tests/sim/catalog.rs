use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Caller, RTX_4090, frozen, order};

#[tokio::test]
async fn the_catalog_lists_prices_and_pools_and_hides_stock_unless_asked() {
    let caller = Caller::of(frozen()).await;
    let list = caller.get("/v2/catalog/gpus").await.json();
    let gpus = list["gpus"].as_array().unwrap();
    assert!(gpus.iter().any(|gpu| gpu["id"] == "unknown"));
    assert!(gpus.iter().all(|gpu| gpu.get("availability").is_none()));
    let gpu = caller.get("/v2/catalog/gpus/NVIDIA%20GeForce%20RTX%204090").await.json();
    assert_eq!(gpu["pool"], "ADA_24");
    assert_eq!(gpu["price"]["community"], 0.34);
    let a40 = caller.get("/v2/catalog/gpus/NVIDIA%20A40").await.json();
    assert_eq!((a40["community"].clone(), a40["price"]["community"].clone()), (json!(false), json!(0.35)));
    caller.get("/v2/catalog/gpus/ADA_24").await.refused(404, "GPU type not found");
}

#[tokio::test]
async fn availability_needs_a_product_and_follows_the_stock() {
    let caller = Caller::of(frozen().capacity(RTX_4090, 2)).await;
    caller.get("/v2/catalog/gpus?include=AVAILABILITY").await.refused(400, "product");
    caller.get("/v2/catalog/gpus?include=STOCK&product=POD").await.refused(422, "include");
    let ask = "/v2/catalog/gpus/NVIDIA%20GeForce%20RTX%204090?include=AVAILABILITY&product=POD,CLUSTER";
    let level = async |more: &str| caller.get(&format!("{ask}{more}")).await.json();
    let low = level("").await;
    assert_eq!(low["availability"], "LOW");
    assert_eq!(low["dataCenters"].as_array().unwrap().len(), 5);
    assert_eq!(low["cudaVersions"][0], json!({ "version": "12.4", "available": true }));
    let none = level("&count=3").await;
    assert_eq!((none["availability"].clone(), none.get("dataCenters")), (json!("NONE"), None));
    assert_eq!(level("&minCudaVersion=12.11").await["availability"], "NONE");
    caller.create(order(json!({ "gpu": { "id": RTX_4090, "count": 2 } }))).await;
    assert_eq!(level("").await["availability"], "NONE");
    assert_eq!(level("&countryCodes=jp").await["title"], "Unprocessable Entity");
    let japan = caller.get("/v2/catalog/gpus?countryCodes=JP").await.json();
    assert!(japan["gpus"].as_array().unwrap().iter().all(|gpu| gpu["id"] != RTX_4090));
}

#[tokio::test]
async fn cpus_and_data_centers_are_listed() {
    let caller = Caller::of(frozen()).await;
    let flavor = caller.get("/v2/catalog/cpus/cpu3c?include=AVAILABILITY&product=POD").await.json();
    assert_eq!((flavor["vcpu"]["max"].clone(), flavor["availability"].clone()), (json!(32), json!("HIGH")));
    assert_eq!(caller.get("/v2/catalog/cpus").await.json()["cpus"].as_array().unwrap().len(), 6);
    let europe = caller.get("/v2/catalog/datacenters?regions=EUROPE&include=GPU_AVAILABILITY").await.json();
    let ids: Vec<&Value> =
        europe["dataCenters"].as_array().unwrap().iter().map(|center| &center["id"]).collect();
    assert_eq!(ids, ["EU-CZ-1", "EU-NL-1", "EU-RO-1", "EU-SE-1", "EUR-IS-1"]);
    let cpu = json!({ "id": "cpu3c", "vcpuCount": 4 });
    let pod = caller.create(order(json!({ "gpu": null, "cpu": cpu }))).await;
    assert_eq!((pod["cpu"]["memory"].clone(), pod["cost"].clone()), (json!(8), json!(0.12)));
    assert!(pod.get("gpu").is_none());
}

#[tokio::test]
async fn ssh_keys_are_replaced_as_a_whole() {
    let caller = Caller::of(frozen()).await;
    assert_eq!(caller.get("/v2/account/ssh-keys").await.json()["keys"].as_array().unwrap().len(), 1);
    let put =
        |keys: Value| caller.request(Method::PUT, "/v2/account/ssh-keys").json(&json!({ "keys": keys }));
    assert_eq!(caller.send(put(json!([]))).await.status, 200);
    assert_eq!(caller.get("/v2/account/ssh-keys").await.json(), json!({ "keys": [] }));
    caller.send(put(json!(["not a key"]))).await.refused(422, "keys");
}

#[tokio::test]
async fn filters_of_stock_need_the_stock_and_odd_entries_are_there() {
    let caller = Caller::of(frozen()).await;
    for filter in ["cloud=SECURE", "count=2", "minCudaVersion=12.4"] {
        caller.get(&format!("/v2/catalog/gpus?{filter}")).await.refused(400, "include=AVAILABILITY");
    }
    let list = caller.get("/v2/catalog/gpus?include=AVAILABILITY&product=POD").await.json();
    let gpu = |id: &str| list["gpus"].as_array().unwrap().iter().find(|gpu| gpu["id"] == id).unwrap();
    assert_eq!(gpu("NVIDIA GeForce RTX 3080")["dataCenters"], json!([]));
    caller
        .create(order(
            json!({ "cloud": "COMMUNITY", "gpu": { "id": "NVIDIA GeForce RTX 3080", "count": 1 } }),
        ))
        .await;
    assert_eq!(gpu("NVIDIA RTX PRO 4500 Blackwell")["memory"], 32);
    let center = &gpu("NVIDIA  RTX A4500")["dataCenters"][0];
    assert_eq!(center["id"], center["name"], "data centers are named by their id");
}
