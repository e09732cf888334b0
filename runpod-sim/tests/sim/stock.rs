use runpod_sim::{Cloud, Scope};
use serde_json::json;

use crate::client::{Caller, RTX_4090, frozen, id, order};

const NO_INSTANCES: &str = "no longer any instances available";

#[tokio::test]
async fn stock_is_handed_out_and_comes_back() {
    let caller = Caller::of(frozen().capacity(RTX_4090, 2)).await;
    let first = id(&caller.create(order(json!({}))).await);
    caller
        .post("/v2/pods", order(json!({ "gpu": { "id": RTX_4090, "count": 2 } })))
        .await
        .refused(400, NO_INSTANCES);
    caller.create(order(json!({}))).await;
    caller.post("/v2/pods", order(json!({}))).await.refused(400, NO_INSTANCES);
    caller.delete(&format!("/v2/pods/{first}")).await;
    caller.create(order(json!({}))).await;
    assert_eq!(caller.sim.pods().len(), 2);
    assert_eq!(caller.sim.ledger().len(), 3);
}

#[tokio::test]
async fn a_stopped_pod_may_not_get_its_gpu_back() {
    let caller = Caller::of(frozen().capacity(RTX_4090, 1)).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.act(&id, "stop").await;
    caller.create(order(json!({ "name": "two" }))).await;
    caller.act(&id, "start").await.refused(400, "not enough free GPUs on the host machine");
    assert_eq!(caller.pod(&id).await["status"], "EXITED");
    caller.sim.set_capacity(RTX_4090, 2).unwrap();
    assert_eq!(caller.act(&id, "start").await.status, 200);
}

#[tokio::test]
async fn data_centers_and_clouds_are_enforced() {
    let here = Scope::of_type(RTX_4090).in_data_center("EU-RO-1");
    let community = Scope::of_type(RTX_4090).in_cloud(Cloud::Community);
    let caller = Caller::of(frozen().capacity_in(here, 0).capacity_in(community, 0)).await;
    let refused = [
        json!({ "dataCenterIds": ["EU-RO-1"] }),
        json!({ "dataCenterIds": ["NO-WHERE-1"] }),
        json!({ "cloud": "COMMUNITY" }),
        json!({ "cloud": "COMMUNITY", "gpu": { "id": "NVIDIA H200", "count": 1 } }),
        json!({ "gpu": { "id": RTX_4090, "count": 1, "minCudaVersion": "12.11" } }),
    ];
    for change in refused {
        caller.post("/v2/pods", order(change)).await.refused(400, NO_INSTANCES);
    }
    let id = id(&caller.create(order(json!({ "dataCenterIds": ["EU-RO-1", "EU-CZ-1"] }))).await);
    caller.advance(10);
    assert_eq!(caller.pod(&id).await["dataCenterId"], "EU-CZ-1");
}

#[tokio::test]
async fn a_network_volume_decides_where_its_pod_goes() {
    let caller = Caller::of(frozen().network_volume("vol1", "data", 50, "EUR-IS-1")).await;
    let mounts = json!({ "network": [{ "volumeId": "vol1", "path": "/data" }] });
    let id = id(&caller.create(order(json!({ "mounts": mounts }))).await);
    caller.advance(10);
    let pod = caller.pod(&id).await;
    assert_eq!((pod["dataCenterId"].clone(), pod["mounts"].clone()), (json!("EUR-IS-1"), mounts.clone()));
    assert_eq!(caller.get("/v2/network-volumes/vol1").await.json()["dataCenter"], "EUR-IS-1");
    let elsewhere = order(json!({ "mounts": mounts, "dataCenterIds": ["EU-RO-1"] }));
    caller.post("/v2/pods", elsewhere).await.refused(400, "EUR-IS-1");
    let community = order(json!({ "mounts": mounts, "cloud": "COMMUNITY" }));
    caller.post("/v2/pods", community).await.refused(400, "SECURE");
    let unknown = order(json!({ "mounts": { "network": [{ "volumeId": "vol2", "path": "/data" }] } }));
    caller.post("/v2/pods", unknown).await.refused(404, "network volume not found");
}
