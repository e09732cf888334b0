//! The committed JSON Schema: current, and of one mind with what is read.

use std::path::Path;

use runpod_sindri::SindriConfig;
use serde_json::{Value, json};

const COMMITTED: &str = include_str!("../../../docs/schema/runpod.schema.json");

#[test]
fn the_committed_schema_is_current() {
    assert!(COMMITTED == runpod_sindri::schema(), "run `cargo xtask schema` and commit docs/schema");
}

fn takes(runpod: Value) -> bool {
    let schema: Value = serde_json::from_str(COMMITTED).expect("the schema is JSON");
    jsonschema::is_valid(&schema, &json!({"name": "a", "providers": {"runpod": runpod}}))
}

#[test]
fn the_schema_has_every_bound() {
    for fine in [
        json!({}),
        json!({"gpuType": "ADA_24", "gpuCount": 16, "vcpuCount": 1, "containerDiskGb": 1, "volumeSizeGb": 0}),
        json!({"gpuType": ["ADA_24", "NVIDIA A40"], "volumeSizeGb": 9, "cloudType": "COMMUNITY", "spot": false}),
        json!({"volumeMountPath": "/data", "region": "US-CA-2", "ports": ["80/http"], "networkVolumeId": "v", "publicIp": true}),
        json!({"gpuTypeId": "ADA_24", "exposePorts": [80], "startSsh": true, "cpuInstanceId": "cpu3c-2-4", "templateId": "t", "spotBid": 0, "region": ""}),
        json!({"registryId": "r", "lifetimeHours": 8.5, "atEnd": "STOP"}),
        json!({"job": {"command": "a && b"}}),
        json!({"job": {"command": ["a", "b"], "upload": {"x": "y"}, "download": {"z": "."}, "folder": "/w", "timeoutMinutes": 1, "keep": "ON_FAILURE"}}),
    ] {
        assert!(takes(fine.clone()), "{fine}");
        serde_json::from_value::<SindriConfig>(json!({"name": "a", "providers": {"runpod": fine}})).unwrap();
    }
    for wrong in [
        json!({"gpuKind": "A40"}),
        json!({"gpuCount": 0}),
        json!({"gpuCount": 17}),
        json!({"gpuType": []}),
        json!({"vcpuCount": 0}),
        json!({"containerDiskGb": 0}),
        json!({"volumeSizeGb": -1}),
        json!({"volumeMountPath": "data"}),
        json!({"cloudType": "ALL"}),
        json!({"lifetimeHours": 0}),
        json!({"atEnd": "KEEP"}),
        json!({"job": {}}),
        json!({"job": {"command": []}}),
        json!({"job": {"command": "a", "timeoutMinutes": 0}}),
        json!({"job": {"command": "a", "keep": "SOMETIMES"}}),
        json!({"ports": ["22"]}),
        json!({"ports": ["22/udp"]}),
        json!({"sshUser": "-oProxyCommand=x"}),
        json!({"spotBid": 0.2}),
    ] {
        assert!(!takes(wrong.clone()), "{wrong}");
    }
}

#[test]
fn the_schema_has_every_default_and_describes_every_key() {
    let schema: Value = serde_json::from_str(COMMITTED).unwrap();
    let keys = &schema["$defs"]["RunpodConfig"]["properties"];
    for (key, default) in [
        ("cpuOnly", json!(false)),
        ("vcpuCount", json!(4)),
        ("containerDiskGb", json!(50)),
        ("volumeSizeGb", json!(20)),
        ("volumeMountPath", json!("/workspace")),
        ("cloudType", json!("SECURE")),
        ("spot", json!(false)),
        ("ports", json!(["8888/http", "22/tcp"])),
        ("sshUser", json!("root")),
        ("publicIp", json!(false)),
        ("atEnd", json!("TERMINATE")),
    ] {
        assert_eq!(keys[key]["default"], default, "{key}");
    }
    for (key, value) in keys.as_object().unwrap() {
        assert!(value["description"].is_string(), "{key}");
    }
}

#[test]
fn every_example_fits_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/sindri");
    let schema: Value = serde_json::from_str(COMMITTED).unwrap();
    let mut examples = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let config = SindriConfig::from_path(entry.unwrap().path()).unwrap();
        jsonschema::validate(&schema, &serde_json::to_value(&config).unwrap()).unwrap();
        examples += 1;
    }
    assert_eq!(examples, 14);
}
