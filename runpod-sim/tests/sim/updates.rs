use serde_json::{Value, json};

use crate::client::{Caller, RTX_4090, frozen, id, order};

#[tokio::test]
async fn a_change_of_the_container_restarts_it_and_a_new_name_does_not() {
    let caller = Caller::of(frozen()).await;
    let mount = json!({ "persistent": { "size": 20, "path": "/workspace" } });
    let id = id(&caller.create(order(json!({ "mounts": mount }))).await);
    let path = format!("/v2/pods/{id}");
    caller.advance(40);
    let port = caller.pod(&id).await["ssh"]["direct"]["port"].clone();
    let renamed = caller.patch(&path, json!({ "name": "two" })).await.json();
    assert_eq!((&renamed["name"], &renamed["status"]), (&json!("two"), &json!("RUNNING")));
    assert_eq!(renamed["ssh"]["direct"]["port"], port);
    let change =
        json!({ "image": "debian:13", "env": { "B": "2" }, "ports": ["22/tcp"], "disk": 30, "args": "run" });
    let changed = caller.patch(&path, change).await.json();
    assert_eq!(changed["status"], "STARTING");
    for (key, value) in [
        ("image", json!("debian:13")),
        ("env", json!({ "B": "2" })),
        ("disk", json!(30)),
        ("ports", json!(["22/tcp"])),
    ] {
        assert_eq!(changed[key], value);
    }
    let larger = json!({ "mounts": { "persistent": { "size": 40, "path": "/workspace" } } });
    assert_eq!(caller.patch(&path, larger.clone()).await.json()["mounts"], larger["mounts"]);
    caller.patch(&path, json!({ "mounts": mount })).await.refused(400, "shrink");
    caller.patch(&path, json!({ "registry": "nosuch" })).await.refused(404, "registry not found");
    caller.patch(&path, json!({ "templateId": "nosuch" })).await.refused(404, "template not found");
    caller.patch(&path, json!({ "imageName": "x" })).await.refused(422, "imageName");
    caller.patch(&path, json!({ "disk": 0 })).await.refused(422, "disk");
    caller.patch(&path, json!({ "ports": ["x"] })).await.refused(400, "ports");
    caller.patch("/v2/pods/nosuchpod", json!({ "name": "x" })).await.refused(404, "pod not found");
    assert_eq!(caller.patch(&path, json!({ "locked": true })).await.json()["locked"], true);
    caller.patch(&path, json!({ "image": "x" })).await.refused(400, "locked");
    assert_eq!(caller.patch(&path, json!({ "name": "three" })).await.json()["name"], "three");
    caller.delete(&path).await.refused(400, "locked");
    assert_eq!(caller.patch(&path, json!({ "locked": false, "args": "" })).await.status, 200);
}

#[tokio::test]
async fn a_stopped_pod_keeps_what_is_changed_for_its_next_start() {
    let caller = Caller::of(frozen()).await;
    let id = id(&caller.create(order(json!({}))).await);
    caller.act(&id, "stop").await;
    let changed = caller.patch(&format!("/v2/pods/{id}"), json!({ "image": "debian:13" })).await.json();
    assert_eq!((&changed["status"], &changed["image"]), (&json!("EXITED"), &json!("debian:13")));
}

#[tokio::test]
async fn a_template_fills_in_what_a_create_leaves_open() {
    let caller = Caller::of(frozen()).await;
    let registry = caller
        .post("/v2/registries", json!({ "name": "mine", "username": "u", "password": "sentinel-value" }))
        .await;
    assert!(registry.status == 201 && !registry.text.contains("sentinel-value"), "{}", registry.text);
    let registry = id(&registry.json());
    let body = json!({
        "name": "base", "image": "debian:13", "disk": 33, "args": "serve", "ports": ["22/tcp"], "registry": registry,
        "env": { "A": "template", "B": "template" }, "mounts": { "persistent": { "size": 12, "path": "/data" } },
    });
    let template = caller.post("/v2/templates", body).await;
    assert_eq!(template.status, 201, "{}", template.text);
    let template = template.json();
    assert_eq!((&template["category"], &template["startSsh"]), (&json!("NVIDIA"), &json!(true)));
    let create = json!({
        "name": "one", "templateId": id(&template), "gpu": { "id": RTX_4090, "count": 1 }, "env": { "B": "own", "C": "own" },
    });
    let pod = caller.create(create.clone()).await;
    assert_eq!(pod["env"], json!({ "A": "template", "B": "own", "C": "own" }));
    for key in ["image", "disk", "args", "ports", "registry", "mounts"] {
        assert_eq!(pod[key], template[key], "{key}");
    }
    assert_eq!(pod["template"], Value::Null, "it is resolved once");
    let path = format!("/v2/templates/{}", id(&template));
    let changed = caller.patch(&path, json!({ "image": "debian:14", "registry": null })).await.json();
    assert_eq!((&changed["image"], &changed["registry"]), (&json!("debian:14"), &Value::Null));
    assert_eq!(changed["disk"], 33);
    assert_eq!(caller.get(&path).await.json(), changed);
    assert_eq!(caller.pod(&id(&pod)).await["image"], "debian:13");
    assert_eq!(caller.get("/v2/templates").await.json()["templates"], json!([changed]));
    assert_eq!(caller.delete(&path).await.status, 204);
    caller.get(&path).await.refused(404, "template");
    caller.post("/v2/pods", create).await.refused(404, "template");
}

#[tokio::test]
async fn templates_are_checked_and_public_ones_are_for_everybody() {
    let caller = Caller::of(frozen()).await;
    let refusals = [
        (422, "'image'", json!({ "name": "x" })),
        (422, "colour", json!({ "name": "x", "image": "i", "colour": 1 })),
        (422, "mounts", json!({ "name": "x", "image": "i", "mounts": { "network": [] } })),
        (400, "ports", json!({ "name": "x", "image": "i", "ports": ["22"] })),
        (400, "nosuch", json!({ "name": "x", "image": "i", "registry": "nosuch" })),
    ];
    for (status, words, body) in refusals {
        caller.post("/v2/templates", body).await.refused(status, words);
    }
    let public = caller.get("/v2/catalog/templates?source=official").await.json();
    let template = id(&public["templates"][0]);
    let none = caller.get("/v2/catalog/templates?source=community").await.json();
    assert_eq!(none["templates"], json!([]));
    caller.get("/v2/catalog/templates?source=x").await.refused(422, "source");
    let body = json!({ "name": "one", "templateId": template, "cpu": { "id": "cpu3c", "vcpuCount": 2 } });
    assert_eq!(caller.create(body).await["image"], public["templates"][0]["image"]);
    caller.delete(&format!("/v2/templates/{template}")).await.refused(404, "template");
}

#[tokio::test]
async fn registries_come_and_go() {
    let caller = Caller::of(frozen()).await;
    let body = |name: &str| json!({ "name": name, "username": "u", "password": "p" });
    let mut ids = Vec::new();
    for name in ["a", "b", "c"] {
        ids.push(id(&caller.post("/v2/registries", body(name)).await.json()));
    }
    caller.post("/v2/registries", json!({ "name": "x" })).await.refused(422, "'password'");
    let list = caller.get("/v2/registries?limit=2").await.json();
    let newest = json!({ "id": ids[2], "name": "c" });
    assert_eq!((list["registries"].as_array().unwrap().len(), &list["registries"][0]), (3, &newest));
    assert_eq!(list.get("pagination"), None, "this list has no pages");
    let path = format!("/v2/registries/{}", ids[0]);
    assert_eq!(caller.get(&path).await.json()["name"], "a");
    assert_eq!(caller.delete(&path).await.status, 204);
    caller.get(&path).await.refused(404, "registry not found");
    caller.delete(&path).await.refused(404, "registry not found");
    caller.post("/v2/pods", order(json!({ "registry": ids[0] }))).await.refused(404, "registry");
    assert_eq!(caller.create(order(json!({ "registry": ids[1] }))).await["registry"], ids[1]);
    caller.delete(&format!("/v2/registries/{}", ids[1])).await.refused(400, "in use by pod");
    caller.get("/v2/registries/delegations").await.refused(501, "listDelegations");
}

#[tokio::test]
async fn a_template_loses_the_login_that_is_deleted() {
    let caller = Caller::of(frozen()).await;
    let login = json!({ "name": "hub", "username": "u", "password": "p" });
    let login = id(&caller.post("/v2/registries", login).await.json());
    let template = json!({ "name": "tools", "image": "image", "registry": login });
    let template = id(&caller.post("/v2/templates", template).await.json());
    let path = format!("/v2/templates/{template}");
    assert_eq!(caller.delete(&format!("/v2/registries/{login}")).await.status, 204);
    assert_eq!(caller.get(&path).await.json()["registry"], Value::Null);
}

#[tokio::test]
async fn a_secret_is_filled_in_at_boot_and_never_read_back() {
    const FIRST: &str = "sentinel-first";
    const SECOND: &str = "sentinel-second";
    let caller = Caller::of(frozen()).await;
    let body = json!({ "name": "hf", "value": FIRST });
    let made = caller.post("/v2/account/secrets", body.clone()).await;
    assert_eq!((made.status, &made.json()["valueLastUpdatedAt"]), (201, &Value::Null), "{}", made.text);
    caller.post("/v2/account/secrets", body).await.refused(409, "already exists");
    caller.post("/v2/account/secrets", json!({ "name": "x" })).await.refused(422, "'value'");
    let path = format!("/v2/account/secrets/{}", id(&made.json()));

    let env =
        json!({ "HF_TOKEN": "{{ RUNPOD_SECRET_hf }}", "NONE": "{{ RUNPOD_SECRET_none }}", "MODE": "x" });
    let pod = caller.create(order(json!({ "env": env }))).await;
    assert_eq!(pod["env"], env, "an answer shows the reference");
    let pod = id(&pod);
    assert_eq!(caller.sim.container_env(&pod), None, "it does not run yet");
    caller.advance(30);
    let inside = |name: &str| caller.sim.container_env(&pod).expect("it runs")[name].clone();
    assert_eq!(inside("HF_TOKEN"), FIRST);
    assert_eq!(inside("NONE"), "{{ RUNPOD_SECRET_none }}");
    let changed = caller.patch(&path, json!({ "value": SECOND })).await;
    assert!(changed.json()["valueLastUpdatedAt"].is_string(), "{}", changed.text);
    assert_eq!(inside("HF_TOKEN"), FIRST, "until the next start");
    assert_eq!(caller.act(&pod, "restart").await.status, 200);
    caller.advance(60);
    assert_eq!(inside("HF_TOKEN"), SECOND);

    let mut seen = made.text + &changed.text;
    for path in ["/v2/account/secrets", "/v2/account/secrets?name=hf", &path, "/v2/pods"] {
        seen += &caller.get(path).await.text;
    }
    assert!(!seen.contains("sentinel-"), "{seen}");
    let none = caller.get("/v2/account/secrets?name=other").await.json();
    assert_eq!(none, json!({ "secrets": [] }));
    assert_eq!(caller.delete(&path).await.status, 204);
    caller.delete(&path).await.refused(404, "secret not found");
    caller.patch(&path, json!({ "value": "v" })).await.refused(404, "secret not found");
    caller.patch(&path, json!({})).await.refused(422, "");
    let denied = Caller::of(frozen().deny(runpod_sim::Area::Secrets)).await;
    denied.get("/v2/account/secrets").await.refused(403, "no permission for secrets");
}

#[tokio::test]
async fn network_volumes_grow_move_nowhere_and_outlive_no_pod() {
    let caller = Caller::of(frozen()).await;
    let body = json!({ "name": "data", "size": 50, "dataCenter": "EU-RO-1" });
    let volume = caller.post("/v2/network-volumes", body.clone()).await;
    assert_eq!(volume.status, 201, "{}", volume.text);
    let id = id(&volume.json());
    let path = format!("/v2/network-volumes/{id}");
    for (status, words, change) in [
        (400, "MOON-1", json!({ "dataCenter": "MOON-1" })),
        (400, "STANDARD", json!({ "type": "HIGH_PERFORMANCE" })),
        (422, "size", json!({ "size": 9 })),
        (422, "size", json!({ "size": 4097 })),
        (422, "type", json!({ "type": "FLOPPY" })),
    ] {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        caller.post("/v2/network-volumes", body).await.refused(status, words);
    }
    let larger = caller.patch(&path, json!({ "name": "more", "size": 60 })).await.json();
    assert_eq!((&larger["name"], &larger["size"]), (&json!("more"), &json!(60)));
    caller.patch(&path, json!({ "size": 50 })).await.refused(400, "shrink");
    caller.patch(&path, json!({})).await.refused(422, "");
    let mounts = json!({ "network": [{ "volumeId": id, "path": "/data" }] });
    let pod = caller.create(order(json!({ "mounts": mounts }))).await;
    let pod = pod["id"].as_str().unwrap().to_owned();
    caller.delete(&path).await.refused(400, &pod);
    caller.delete(&format!("/v2/pods/{pod}")).await;
    assert_eq!(caller.delete(&path).await.status, 204);
    caller.patch(&path, json!({ "name": "x" })).await.refused(404, "network volume not found");
    assert_eq!(caller.get("/v2/network-volumes").await.json()["networkVolumes"], json!([]));
}

#[tokio::test]
async fn later_additions_to_the_contract_are_understood() {
    let caller = Caller::of(frozen()).await;
    let create = json!({
        "gpu": { "id": RTX_4090, "count": 2, "minRamPerGpu": 41, "minVcpuCountPerGpu": 6 },
        "entrypoint": ["/bin/sh"], "cmd": ["-c", "true"],
    });
    let pod = caller.create(order(create)).await;
    assert_eq!(pod["gpu"], json!({ "id": RTX_4090, "count": 2, "vcpuCount": 12.0, "memory": 82.0 }));
    assert_eq!((&pod["entrypoint"], &pod["cmd"]), (&json!(["/bin/sh"]), &json!(["-c", "true"])));
    for gpu in [json!({ "minRamPerGpu": 42 }), json!({ "minVcpuCountPerGpu": 7 })] {
        let mut gpu = gpu;
        gpu["id"] = json!(RTX_4090);
        gpu["count"] = json!(1);
        caller.post("/v2/pods", order(json!({ "gpu": gpu }))).await.refused(400, "no longer any instances");
    }
    let changed = caller.patch(&format!("/v2/pods/{}", id(&pod)), json!({ "cmd": [] })).await.json();
    assert_eq!((&changed["entrypoint"], &changed["cmd"]), (&json!(["/bin/sh"]), &json!([])));
}
