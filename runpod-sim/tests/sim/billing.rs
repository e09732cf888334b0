use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::client::{Caller, frozen, id, order};

fn near(value: &Value, wanted: f64) {
    assert!((value.as_f64().unwrap() - wanted).abs() < 1e-6, "{value} is not {wanted}");
}

#[tokio::test]
async fn a_bill_is_the_ledger_in_buckets() {
    let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(1_787_000_400);
    let caller = Caller::of(frozen().epoch(epoch)).await;
    let mount = json!({ "persistent": { "size": 73, "path": "/workspace" } });
    let gpu = id(&caller.create(order(json!({ "mounts": mount, "disk": 73 }))).await);
    let cpu = order(json!({ "gpu": null, "cpu": { "id": "cpu3c", "vcpuCount": 2 }, "disk": 1 }));
    caller.create(cpu).await;
    caller.advance(10 + 2 * 3600);
    caller.act(&gpu, "stop").await;
    caller.advance(3600 - 10);
    let bill = caller.get(&format!("/v2/billing/pods?bucketSize=hour&podId={gpu}")).await.json();
    let records = bill["records"].as_array().unwrap();
    let total = &bill["metadata"]["totals"];
    near(&total["gpuAmount"], 2.0 * 0.69);
    near(&total["cpuAmount"], 0.0);
    // Two hours up, with both disks; ten seconds before and an hour after them only the pod's own disk.
    near(&total["diskAmount"], 2.0 * 0.02 + 0.02);
    assert_eq!(bill["metadata"]["recordCount"], records.len());
    assert_eq!(bill["metadata"]["uniquePodCount"], 1);
    near(
        &records.iter().map(|record| record["totalAmount"].as_f64().unwrap()).sum::<f64>().into(),
        1.38 + 0.06,
    );
    let ledger: f64 = caller.sim.ledger().iter().map(|entry| entry.cost_usd).sum();
    let day = caller.get("/v2/billing/pods").await.json();
    let totals = &day["metadata"]["totals"];
    near(&json!(totals["gpuAmount"].as_f64().unwrap() + totals["cpuAmount"].as_f64().unwrap()), ledger);
    assert_eq!(day["metadata"]["uniquePodCount"], 2);
    let last = caller.get("/v2/billing/pods?bucketSize=hour&lastN=1").await.json();
    assert!(
        last["metadata"]["recordCount"].as_u64() < day["metadata"]["recordCount"].as_u64().map(|n| n + 1)
    );
    for (query, status, words) in [
        ("?bucketSize=minute", 422, "bucketSize"),
        ("?lastN=0", 422, "lastN"),
        ("?startTime=x", 422, "startTime"),
        ("?startTime=2026-08-02T00:00:00Z&endTime=2026-08-01T00:00:00Z", 400, "startTime"),
    ] {
        caller.get(&format!("/v2/billing/pods{query}")).await.refused(status, words);
    }
    caller.get("/v2/billing/serverless").await.refused(501, "listServerlessBilling");
}
