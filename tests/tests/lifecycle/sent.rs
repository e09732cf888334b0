//! Requests: only what the user said or what is known to fit, checked against what the catalog knows.

use std::sync::{Arc, Mutex};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{ApiVersion, Cloud, DeployError, Event, Hardware, PodSpec, RunPod, Stock, Warning};
use serde_json::{Value, json};

use crate::{
    mock::{GPU, fresh_pod},
    scripted::{Answer, Request, Scripted, account, answer, refusal},
};

const NO_STOCK: &str = "There are no longer any instances available with the requested specifications. Please refresh and try again.";

async fn plain() -> Scripted {
    Scripted::start(|request, _| account(request)).await
}

/// The account, but for one path.
async fn but(
    method: &'static str,
    path: &'static str,
    say: impl Fn() -> Answer + Send + Sync + 'static,
) -> Scripted {
    Scripted::start(move |request: &Request, _| match request.is(method, path) {
        true => say(),
        false => account(request),
    })
    .await
}

fn gpu() -> PodSpec {
    PodSpec::gpu("trainer", "image", [GPU])
}

/// The body of the one create of a deploy.
async fn create(spec: &PodSpec) -> Value {
    let server = plain().await;
    server.runpod().deploy(spec).await.unwrap_or_else(|error| panic!("{error}"));
    let mut creates = server.creates();
    assert_eq!(creates.len(), 1);
    creates.remove(0)
}

/// The refusal of a deploy before any create; a plan is refused likewise.
async fn refused(spec: &PodSpec) -> String {
    let server = plain().await;
    let error = server.runpod().deploy(spec).await.expect_err("it must be refused");
    assert!(matches!(error, DeployError::Spec(_)), "{error}");
    let plan = server.runpod().plan(spec).await.expect_err("a plan is checked likewise");
    assert_eq!((plan.to_string(), server.creates().len()), (error.to_string(), 0));
    error.to_string()
}

/// A handle and everything it tells.
fn listening(runpod: &RunPod) -> (RunPod, Arc<Mutex<String>>) {
    let told = Arc::new(Mutex::new(String::new()));
    let teller = Arc::clone(&told);
    let tell = move |event: &Event| *teller.lock().expect("nobody panicked with it") += &format!("{event}\n");
    (runpod.on_event(tell), told)
}

#[tokio::test]
async fn the_default_disk_of_a_cpu_pod_fits_its_flavor() {
    for (spec, disk) in [
        (PodSpec::cpu("c", "image", 2), 20),
        (PodSpec::cpu("c", "image", 4), 40),
        (PodSpec::cpu("c", "image", 8), 50),
        (PodSpec::cpu("c", "image", 2).cpu_flavor("cpu5c"), 30),
        (PodSpec::cpu("c", "image", 2).container_disk_gb(15), 15),
        (gpu(), 50),
    ] {
        assert_eq!(create(&spec).await["disk"], disk);
    }
    let plan = plain().await.runpod().plan(&PodSpec::cpu("c", "image", 2)).await.unwrap();
    assert_eq!(plan.container_disk_gb, Some(20));
    assert!((plan.usd_per_hour.unwrap() - 0.06 - 2.0 / 730.0).abs() < 1e-9, "{plan}");
}

#[tokio::test]
async fn a_disk_over_a_flavors_cap_is_refused_with_the_cap() {
    let spec = PodSpec::cpu("c", "image", 2).cpu_flavor("cpu3c").container_disk_gb(21);
    let error = spec.validate().expect_err("known without asking").to_string();
    assert!(error.contains("container_disk_gb") && error.contains("at most 20 GB with 2 vCPUs"), "{error}");
    // Where the spec leaves the flavor open, those with too little room are not asked for.
    assert_eq!(create(&PodSpec::cpu("c", "image", 2).container_disk_gb(30)).await["cpu"]["id"], "cpu5c");
    let error = refused(&PodSpec::cpu("c", "image", 2).container_disk_gb(31)).await;
    assert!(error.contains("at most 20 GB") && error.contains("at most 30 GB"), "{error}");
}

#[tokio::test]
async fn beside_a_template_only_what_the_spec_says_is_sent() {
    let keys = |body: &Value| body.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let body = create(&gpu().template("tpl")).await;
    assert_eq!(keys(&body), ["cloud", "env", "gpu", "name", "templateId"]);
    let body = create(&gpu().template("tpl").container_disk_gb(7).port("80/http").volume_gb(10)).await;
    assert_eq!(keys(&body), ["cloud", "disk", "env", "gpu", "mounts", "name", "ports", "templateId"]);
    let plan = plain().await.runpod().plan(&gpu().template("tpl")).await.unwrap();
    assert_eq!(plan.container_disk_gb, None);
    assert!(plan.warnings.contains(&Warning::PriceWithoutTemplate), "{plan}");
}

#[tokio::test]
async fn beside_a_template_only_what_the_spec_says_is_sent_on_v1() {
    let say = |request: &Request, _| match request.method.as_str() {
        "GET" => answer(200, json!([])),
        _ => {
            let mut pod = fresh_pod();
            pod["name"] = request.body["name"].clone();
            answer(201, pod)
        }
    };
    let server = Scripted::start(say).await;
    let runpod = server.builder().api_version(ApiVersion::V1).build().unwrap();
    runpod.deploy(&gpu().template("tpl")).await.unwrap();
    let body = &server.heard().pop().unwrap().body;
    for key in ["containerDiskInGb", "ports", "volumeInGb", "volumeMountPath"] {
        assert!(body.get(key).is_none(), "{key}: {body}");
    }
    runpod.deploy(&PodSpec::gpu("other", "image", [GPU])).await.unwrap();
    let body = &server.heard().pop().unwrap().body;
    assert_eq!((&body["ports"], &body["volumeInGb"]), (&json!([]), &json!(0)), "v1 has defaults of its own");
}

#[test]
fn a_mount_path_that_mounts_nothing_is_refused() {
    for spec in [gpu(), gpu().template("tpl"), PodSpec::cpu("c", "image", 2)] {
        let error = spec.mount_path("/data").validate().expect_err("nothing is mounted there").to_string();
        assert!(
            error.contains("mount_path \"/data\"") && error.contains("volume_gb or network_volume"),
            "{error}"
        );
    }
    gpu().mount_path("/data").volume_gb(10).validate().unwrap();
    gpu().mount_path("/data").network_volume("vol1").validate().unwrap();
}

#[tokio::test]
async fn a_network_volume_is_asked_for_in_the_secure_cloud_only() {
    let server = but("POST", "/v2/pods", || refusal(400, NO_STOCK)).await;
    let spec = gpu().network_volume("vol1").cloud(Cloud::Either);
    let error = server.runpod().deploy(&spec).await.expect_err("no stock");
    let creates = server.creates();
    assert_eq!((creates.len(), &creates[0]["cloud"]), (1, &json!("SECURE")));
    let text = error.to_string();
    assert!(
        text.contains("Try a network volume in another data center") && !text.contains("other cloud"),
        "{text}"
    );
    assert!(server.heard().iter().all(|request| !request.path.contains("COMMUNITY")));

    let plan = plain().await.runpod().plan(&spec).await.unwrap();
    assert!(plan.candidates.iter().all(|candidate| candidate.cloud == Cloud::Secure));
    assert_eq!(plan.candidates[0].price_usd_per_hour, Some(0.7));
    let error = spec.cloud(Cloud::Community).validate().expect_err("known without asking").to_string();
    assert!(error.contains("network_volume \"vol1\"") && error.contains("secure cloud only"), "{error}");
}

#[tokio::test]
async fn data_centers_are_compared_without_case_and_sent_as_the_catalog_spells_them() {
    for (spec, sent) in [
        (gpu().data_center("eu-ro-1"), json!(["EU-RO-1"])),
        (gpu().data_center("eu-cz-1").data_center("EU-CZ-1"), json!(["EU-CZ-1"])),
        (gpu().network_volume("vol1").data_center("eu-ro-1"), json!(["EU-RO-1"])),
        (PodSpec::cpu("c", "image", 2).data_center("us-ca-2"), json!(["US-CA-2"])),
    ] {
        assert_eq!(create(&spec).await["dataCenterIds"], sent);
    }
    let plan = plain().await.runpod().plan(&gpu().data_center("eu-ro-1")).await.unwrap();
    assert_eq!((plan.candidates[0].stock, plan.data_centers), (Some(Stock::Low), vec!["EU-RO-1".to_owned()]));
}

#[tokio::test]
async fn an_unknown_data_center_is_refused_with_the_nearest_names() {
    for (id, nearest) in [("EU-RO1", "EU-RO-1"), ("CZ", "EU-CZ-1"), ("us-ca2", "US-CA-2")] {
        for spec in [gpu(), PodSpec::cpu("c", "image", 2)] {
            let error = refused(&spec.data_center(id)).await;
            assert!(error.contains(&format!("data_centers {id:?}")), "{error}");
            assert!(error.contains(&format!("the nearest are {nearest:?}")), "{error}");
        }
    }
    // A list that cannot be read, or shows none, rules nothing out.
    for say in
        [|| refusal(403, "no"), || refusal(404, "no such path"), || answer(200, json!({"dataCenters": []}))]
    {
        let server = but("GET", "/v2/catalog/datacenters", say).await;
        server.runpod().deploy(&gpu().data_center("EU-XX-9")).await.expect("nobody knows that it is wrong");
        assert_eq!(server.creates()[0]["dataCenterIds"], json!(["EU-XX-9"]));
    }
}

#[tokio::test]
async fn more_gpus_than_a_pod_can_have_are_refused() {
    let error = refused(&gpu().gpu_count(99)).await;
    assert!(
        error.contains("gpu_count \"99\"") && error.contains("at most 8 GPUs") && error.contains(GPU),
        "{error}"
    );
    let error = refused(&gpu().gpu_count(5).cloud(Cloud::Community)).await;
    assert!(error.contains("at most 4 GPUs") && error.contains("community cloud"), "{error}");
    // What is too much for one cloud or type is asked for in the others.
    let spec = PodSpec::gpu("trainer", "image", [GPU, "NVIDIA GeForce RTX 3090"]).gpu_count(8);
    let plan = plain().await.runpod().plan(&spec.cloud(Cloud::Either)).await.unwrap();
    let candidates: Vec<_> = plan.candidates.iter().map(|one| (one.hardware.clone(), one.cloud)).collect();
    assert_eq!(candidates, [(Hardware::Gpu { id: GPU.to_owned(), count: 8 }, Cloud::Secure)]);
    assert!(plan.warnings.iter().any(|warning| warning.to_string().contains("at most 2 GPUs")), "{plan}");
}

#[tokio::test]
async fn what_the_key_may_not_read_is_said_and_is_no_reason_to_fail() {
    let pinned = || gpu().port("22/tcp");
    for (path, spec, says) in [
        ("/v2/catalog/gpus", pinned(), "lacks the right to read the catalog"),
        ("/v2/catalog/datacenters", pinned().data_center("US-CA-2"), "lacks the right to read the catalog"),
        ("/v2/catalog/cpus", PodSpec::cpu("c", "image", 2), "lacks the right to read the catalog"),
        (
            "/v2/network-volumes/vol1",
            pinned().network_volume("vol1"),
            "lacks the right to read network volumes",
        ),
        ("/v2/account/ssh-keys", pinned(), "lacks the right to read the account's SSH keys"),
    ] {
        let server = but("GET", path, || refusal(403, "forbidden")).await;
        let (runpod, told) = listening(&server.runpod());
        runpod.deploy(&spec).await.unwrap_or_else(|error| panic!("{path}: {error}"));
        let told = told.lock().unwrap().clone();
        assert!(told.contains(says) && told.contains("403"), "{path}: {told}");

        let server = but("GET", path, || refusal(401, "invalid api key")).await;
        let outcome = server.runpod().deploy(&spec).await;
        assert_eq!(outcome.is_err(), path != "/v2/account/ssh-keys", "{path}: a key that is unknown is one");
    }
}

#[tokio::test]
async fn commands_that_are_blank_are_not_sent() {
    for spec in [
        gpu().args(""),
        gpu().args(" \n"),
        gpu().entrypoint([""]),
        gpu().cmd(["", " "]),
        gpu().args("").cmd(["x"]),
    ] {
        let body = create(&spec).await;
        assert!(body.get("args").is_none() && body.get("entrypoint").is_none(), "{body}");
        assert!(body.get("cmd").is_none_or(|cmd| *cmd == json!(["x"])), "{body}");
    }
    assert_eq!(create(&gpu().cmd(["echo", ""])).await["cmd"], json!(["echo", ""]));
    let error = gpu().entrypoint(["", "-c"]).validate().expect_err("nothing would run").to_string();
    assert!(error.contains("entrypoint"), "{error}");
}

#[tokio::test]
async fn an_older_v2_that_refuses_cmd_is_told_from_other_refusals() {
    for (errors, is_about_it) in [
        (json!(["$: additional properties 'cmd' not allowed"]), true),
        (json!(["/entrypoint: unknown"]), true),
        (json!(["/env/RECMD: too long"]), false),
    ] {
        let body =
            json!({"title": "Unprocessable", "status": 422, "detail": "invalid body", "errors": errors});
        let server = but("POST", "/v2/pods", move || answer(422, body.clone())).await;
        let text = server.runpod().deploy(&gpu().cmd(["x"])).await.expect_err("refused").to_string();
        assert_eq!(text.contains("use args in their place"), is_about_it, "{text}");
    }
}

#[tokio::test]
async fn an_unknown_gpu_is_refused_with_the_nearest_names_first() {
    for (wanted, nearest) in [
        ("RTX 4090", "\"NVIDIA GeForce RTX 4090\""),
        ("NVIDIA RTX A4500", "\"NVIDIA  RTX A4500\" (with two blanks in a row)"),
        ("ada_24", "\"ADA_24\""),
        ("AMPERE-48", "\"AMPERE_48\""),
    ] {
        let error = refused(&PodSpec::gpu("trainer", "image", [wanted])).await;
        assert!(error.contains(&format!("the nearest are {nearest}")), "{wanted}: {error}");
        assert!(error.contains("and 5 others") && !error.contains("unknown\""), "{error}");
    }
    let error = refused(&PodSpec::cpu("c", "image", 2).cpu_flavor("cpu-5c")).await;
    assert!(error.contains("the nearest are \"cpu5c\""), "{error}");
}

#[tokio::test]
async fn a_pinned_data_center_is_named_before_another_gpu_and_community_stock_there_is_not_promised() {
    let spec = gpu().cloud(Cloud::Community).data_center("EU-RO-1").data_center("US-CA-2");
    let server = but("POST", "/v2/pods", || refusal(400, NO_STOCK)).await;
    let error = server.runpod().deploy(&spec).await.expect_err("no stock");
    assert!(error.is_no_capacity());
    let text = error.to_string();
    assert!(
        text.contains("Try any data center in place of those that are pinned, another GPU type"),
        "{text}"
    );

    let plan = server.runpod().plan(&spec).await.unwrap();
    assert_eq!(plan.candidates[0].stock, None, "nobody knows");
    assert!(
        plan.warnings.iter().any(|warning| warning.to_string().contains("EU-RO-1, US-CA-2 pinned")),
        "{plan}"
    );
    let plan = server.runpod().plan(&gpu().cloud(Cloud::Community)).await.unwrap();
    assert_eq!(plan.candidates[0].stock, Some(Stock::High));
}

#[test]
fn a_catalog_that_cannot_be_read_for_whatever_reason_fails_no_deploy_of_an_exact_id() {
    let answers = [
        (400, "availability needs a product"),
        (403, "forbidden"),
        (404, "no such path"),
        (409, "busy"),
        (422, "$.include: unknown"),
        (500, "Internal Server Error"),
        (501, "not here"),
    ];
    run_fast(50, async {
        for path in ["/v2/catalog/gpus", "/v2/catalog/datacenters"] {
            for (status, words) in answers {
                let server = but("GET", path, move || refusal(status, words)).await;
                let (runpod, told) = listening(&server.runpod());
                let outcome = runpod.deploy(&gpu().data_center("US-CA-2")).await;
                outcome.unwrap_or_else(|error| panic!("{path} {status}: {error}"));
                let told = told.lock().unwrap().clone();
                let says_what = told.contains("catalog could not be read") && told.contains(words);
                assert!(says_what, "{path} {status}: {told}");
                assert_eq!(told.contains("lacks the right"), status == 403, "{told}");
            }
        }
        let server = but("GET", "/v2/catalog/gpus", || refusal(401, "no such key")).await;
        server.runpod().deploy(&gpu()).await.expect_err("the create would be refused as well");
        assert!(server.creates().is_empty());
    })
    .expect("a runtime");
}
