//! Hardware by need and below a price, told by raw answers.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Cloud, DeployError, ErrorKind, Event, Order, PodSpec};
use serde_json::{Value, json};

use crate::{
    mock::fresh_pod,
    scripted::{Answer, Request, Scripted, account, answer, refusal},
};

const H100: &str = "NVIDIA H100 80GB HBM3";
const MI300: &str = "AMD Instinct MI300X OAM";
const A40: &str = "NVIDIA A40";
const L4: &str = "NVIDIA L4";

fn catalog(secure: bool) -> Value {
    let gpu = |id: &str, maker: &str, memory: u32, prices: (f64, Option<f64>), stock: &str| {
        json!({
            "id": id, "pool": format!("POOL_{memory}"), "manufacturer": maker, "memory": memory,
            "secure": true, "community": prices.1.is_some(),
            "price": {"secure": prices.0, "community": prices.1.unwrap_or(0.01)},
            "maxCount": {"secure": 8, "community": 2}, "availability": if secure { stock } else { "HIGH" },
        })
    };
    json!({"gpus": [
        gpu(H100, "NVIDIA", 80, (2.99, None), "HIGH"),
        gpu(A40, "NVIDIA", 48, (0.40, Some(0.35)), "HIGH"),
        gpu(L4, "NVIDIA", 24, (0.43, None), "NONE"),
        gpu(MI300, "AMD", 192, (2.49, None), "LOW"),
        {"id": "unknown", "manufacturer": "UNKNOWN", "memory": 999, "price": {"secure": 0.0}},
    ]})
}

fn flavors() -> Value {
    let flavor = |id: &str, max: u32, ram: Option<f64>, price: f64| {
        json!({
            "id": id, "vcpu": {"min": 2, "max": max}, "ramGbPerVcpu": ram, "price": {"securePerVcpu": price},
            "availability": "HIGH",
        })
    };
    json!({"cpus": [
        flavor("cpu3c", 32, Some(2.0), 0.03), flavor("cpu3m", 32, Some(8.0), 0.05), flavor("cpu5x", 8, None, 0.01),
    ]})
}

/// The answers of [`account`], with another catalog and pods that cost as much as they are said to.
fn says(request: &Request, usd: impl Fn(&str) -> f64) -> Answer {
    if request.is("GET", "/v2/catalog/gpus") {
        return answer(200, catalog(!request.path.contains("COMMUNITY")));
    }
    if request.is("GET", "/v2/catalog/cpus") {
        return answer(200, flavors());
    }
    if !request.is("POST", "/v2/pods") {
        return account(request);
    }
    let (mut pod, id) = (fresh_pod(), request.body["gpu"]["id"].as_str().unwrap_or_default());
    (pod["name"], pod["env"]) = (request.body["name"].clone(), request.body["env"].clone());
    (pod["id"], pod["cost"]) = (json!(format!("pod{}", id.len())), json!(usd(id)));
    answer(201, pod)
}

async fn server() -> Scripted {
    Scripted::start(|request, _| says(request, |_| 0.4)).await
}

fn any() -> PodSpec {
    PodSpec::any_gpu("trainer", "image")
}

async fn tried(spec: &PodSpec) -> Vec<String> {
    let plan = server().await.runpod().plan(spec).await.unwrap_or_else(|error| panic!("{error}"));
    plan.candidates.iter().map(|one| format!("{} {:?}", one.hardware, one.cloud)).collect()
}

#[tokio::test]
async fn what_meets_a_need_is_tried_the_cheapest_first_and_what_has_no_stock_last() {
    let all = [
        "1x NVIDIA A40 Secure",
        "1x AMD Instinct MI300X OAM Secure",
        "1x NVIDIA H100 80GB HBM3 Secure",
        "1x NVIDIA L4 Secure",
    ];
    for (spec, expected) in [
        (any(), all.to_vec()),
        (any().min_vram_gb(80), vec![all[1], all[2]]),
        (any().min_vram_gb(80).manufacturer("nvidia"), vec![all[2]]),
        (any().exclude_gpu(A40).exclude_gpu("POOL_192"), vec![all[2], all[3]]),
        (any().min_vram_gb(48).order(Order::MostAvailable), vec![all[0], all[2], all[1]]),
        (any().min_vram_gb(48).order(Order::AsGiven), vec![all[2], all[0], all[1]]),
        (any().max_usd_per_hour(0.5), vec![all[0], all[3]]),
        (
            any().min_vram_gb(48).max_usd_per_hour(0.5).cloud(Cloud::Either),
            vec!["1x NVIDIA A40 Community", all[0]],
        ),
        (any().gpu_count(4).min_vram_gb(48).cloud(Cloud::Community).max_usd_per_hour(9.0), vec![]),
        (PodSpec::gpu("trainer", "image", [L4]).or_any_gpu().min_vram_gb(80), vec![all[3], all[1], all[2]]),
    ] {
        if expected.is_empty() {
            let error = server().await.runpod().plan(&spec).await.expect_err("a pod has 2 GPUs there");
            assert!(error.to_string().contains("at most 2 GPUs of \"NVIDIA A40\""), "{error}");
            continue;
        }
        assert_eq!(tried(&spec).await, expected, "{spec:?}");
    }
}

#[tokio::test]
async fn a_plan_says_why_each_type_is_left_out() {
    let spec = any().min_vram_gb(40).manufacturer("NVIDIA").max_usd_per_hour(1.0);
    let plan = server().await.runpod().plan(&spec).await.unwrap();
    let shown = plan.to_string();
    for line in [
        "\n  1x NVIDIA A40 (Secure), $0.400/h, stock high",
        "\n  not 1x NVIDIA L4 (Secure): it has 24 GB of VRAM",
        "\n  not 1x AMD Instinct MI300X OAM (Secure): AMD makes it",
        "\n  not 1x NVIDIA H100 80GB HBM3 (Secure): it costs $2.997 per hour with its storage",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert_eq!(plan.left_out.len(), 3);
    assert!(!shown.contains("unknown"), "{shown}");
}

#[tokio::test]
async fn cpu_pods_by_need_have_the_fewest_vcpus_that_do() {
    let any = || PodSpec::any_cpu("builder", "image");
    for (spec, expected) in [
        (any(), vec!["2 vCPUs of cpu5x Secure", "2 vCPUs of cpu3c Secure", "2 vCPUs of cpu3m Secure"]),
        (
            any().min_vcpus(6).max_usd_per_hour(0.3),
            vec!["8 vCPUs of cpu5x Secure", "8 vCPUs of cpu3c Secure"],
        ),
        (any().min_ram_gb(16), vec!["2 vCPUs of cpu3m Secure", "8 vCPUs of cpu3c Secure"]),
        (any().min_vcpus(16).min_ram_gb(100), vec!["16 vCPUs of cpu3m Secure"]),
        (PodSpec::cpu("builder", "image", 4).min_ram_gb(16), vec!["4 vCPUs of cpu3m Secure"]),
        (any().min_ram_gb(16).cpu_flavor("cpu3c"), vec!["8 vCPUs of cpu3c Secure"]),
    ] {
        assert_eq!(tried(&spec).await, expected, "{spec:?}");
    }
}

#[tokio::test]
async fn a_contradiction_is_told_with_what_is_nearest_and_nothing_is_created() {
    let named = || PodSpec::gpu("trainer", "image", [A40]);
    let cpu = || PodSpec::any_cpu("builder", "image");
    for (spec, is_sent, expected) in [
        (any().min_vram_gb(0), false, "min_vram_gb \"0\": a number from 1"),
        (any().max_usd_per_hour(0.0), false, "max_usd_per_hour \"0\": an amount in USD is more than 0"),
        (any().max_total_usd(f64::NAN), false, "max_total_usd \"NaN\": an amount"),
        (
            named().min_vram_gb(24),
            false,
            "min_vram_gb \"set\": it says nothing about types that are named; use any_gpu",
        ),
        (
            named().or_any_gpu().exclude_gpu(A40),
            false,
            "exclude_gpu \"NVIDIA A40\": it is named among those to use",
        ),
        (
            PodSpec::cpu("c", "image", 2).min_vram_gb(24),
            false,
            "min_vram_gb \"set\": this setting is for GPU pods only",
        ),
        (
            PodSpec::cpu("c", "image", 2).min_vcpus(4),
            false,
            "min_vcpus \"set\": this pod has as many vCPUs as it says",
        ),
        (named().cpu_flavor("cpu3c"), false, "cpu_flavor \"set\": this setting is for CPU pods only"),
        (named().min_ram_gb(9), false, "min_ram_gb \"set\": a GPU pod has min_ram_gb_per_gpu"),
        (
            any().manufacturer("Nvidea"),
            true,
            "manufacturer \"Nvidea\": RunPod's catalog has no such manufacturer; the nearest are \"NVIDIA\"",
        ),
        (
            any().exclude_gpu("NVIDIA A4"),
            true,
            "exclude_gpu \"NVIDIA A4\": RunPod's catalog has no such GPU type or pool; the nearest are \"NVIDIA A40\"",
        ),
        (
            any().min_vram_gb(500),
            true,
            "min_vram_gb \"500\": nothing that RunPod's catalog has meets every need: 1x NVIDIA H100 80GB HBM3 (Secure): it has 80 GB",
        ),
        (
            any().max_usd_per_hour(0.1),
            true,
            "max_usd_per_hour \"0.1\": the cheapest that fits is 1x NVIDIA A40 (Secure) at $0.407 per hour",
        ),
        (
            any().min_vram_gb(80).max_usd_per_hour(1.0),
            true,
            "the cheapest that fits is 1x AMD Instinct MI300X OAM (Secure) at $2.497",
        ),
        (cpu().min_vcpus(64), true, "min_vcpus \"64\": no CPU flavor has as many; the largest has 32"),
        (cpu().min_ram_gb(300), true, "min_ram_gb \"300\": no CPU flavor has as much"),
    ] {
        let server = server().await;
        let error = server.runpod().deploy(&spec).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}\n{expected}");
        assert!(!error.may_bill() && server.creates().is_empty(), "{expected}");
        assert_eq!(!server.heard().is_empty(), is_sent, "{expected}");
    }
}

#[tokio::test]
async fn without_a_catalog_no_need_can_be_met() {
    for path in ["/v2/catalog/gpus", "/v2/catalog/cpus"] {
        for spec in [
            any(),
            PodSpec::any_cpu("trainer", "image"),
            PodSpec::cpu("trainer", "image", 2).max_usd_per_hour(9.0),
        ] {
            let server = Scripted::start(move |request, _| match request.path.starts_with("/v2/catalog") {
                true => refusal(403, "not this"),
                false => says(request, |_| 0.4),
            })
            .await;
            let error = server.runpod().deploy(&spec).await.expect_err("nothing is known");
            assert!(matches!(error, DeployError::Lookup(_)), "{path}: {error}");
            assert!(server.creates().is_empty());
        }
    }
}

#[tokio::test]
async fn a_pod_that_costs_more_than_it_may_is_ended_and_the_next_candidate_tried() {
    let server = Scripted::start(|request, _| says(request, |id| if id == A40 { 0.9 } else { 0.43 })).await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let teller = Arc::clone(&told);
    let runpod =
        server.runpod().on_event(move |event: &Event| teller.lock().unwrap().push(event.to_string()));
    let pod = runpod.deploy(&any().max_usd_per_hour(0.5)).await.unwrap();
    let ended: Vec<String> =
        server.heard().into_iter().filter(|heard| heard.method == "DELETE").map(|heard| heard.path).collect();
    assert_eq!((ended.as_slice(), pod.id.as_str()), (["/v2/pods/pod10".to_owned()].as_slice(), "pod9"));
    let told = told.lock().unwrap().join("\n");
    assert!(told.contains("terminated pod pod10: it cost $0.9"), "{told}");
}

#[test]
fn where_everything_costs_more_the_error_says_so_and_nothing_bills() {
    run_fast(50, async {
        let server = Scripted::start(|request, _| says(request, |_| 0.9)).await;
        let error =
            server.runpod().deploy(&any().max_usd_per_hour(0.5)).await.expect_err("all cost too much");
        let text = error.to_string();
        for told in ["Each cost more than the spec allows", "pod9 cost $0.9", "and none is left: "] {
            assert!(text.contains(told) && !text.contains("none was created"), "{text}");
        }
        assert!(!error.may_bill());
        let DeployError::AllRefused { attempts, .. } = error else { panic!("{text}") };
        assert!(attempts.iter().all(|attempt| attempt.error.kind() == ErrorKind::OverPrice));
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_costs_too_much_and_cannot_be_ended_is_named() {
    run_fast(50, async {
        let server = Scripted::start(|request, _| match request.method == "DELETE" {
            true => refusal(403, "you may not"),
            false => says(request, |_| 0.9),
        })
        .await;
        let error =
            server.runpod().deploy(&any().max_usd_per_hour(0.5)).await.expect_err("it cannot be ended");
        assert!(error.may_bill() && error.pod_ids() == ["pod10"], "{error}");
        assert!(
            error.to_string().contains("you may not") && error.to_string().contains("terminate it"),
            "{error}"
        );
        assert_eq!(server.creates().len(), 1);
    })
    .expect("a runtime");
}

#[test]
fn a_pod_that_costs_too_much_is_told_of_whatever_ends_the_deploy_after_it() {
    run_fast(50, async {
        let server = Scripted::start(|request, _| match request.body["gpu"]["id"] == L4 {
            true => refusal(402, "no balance"),
            false => says(request, |_| 0.9),
        })
        .await;
        let error = server.runpod().deploy(&any().max_usd_per_hour(0.5)).await.expect_err("no money is left");
        let text = error.to_string();
        assert!(matches!(error, DeployError::Refused(_)) && !error.may_bill(), "{text}");
        assert!(text.contains("no balance") && text.contains("pod pod10 cost $0.9"), "{text}");
    })
    .expect("a runtime");
}

/// An account whose create makes two pods that cost too much, of which lists show the one that no answer names.
fn twice(made: &Mutex<Option<Value>>, request: &Request, is_locked: bool) -> Answer {
    let mut made = made.lock().expect("no test panics with it");
    match (request.method.as_str(), request.path.as_str()) {
        ("DELETE", "/v2/pods/twin") if is_locked => refusal(400, "Pod is locked"),
        ("DELETE", "/v2/pods/twin") => {
            *made = None;
            answer(204, Value::Null)
        }
        ("POST", "/v2/pods") => {
            let mut twin = fresh_pod();
            (twin["id"], twin["cost"]) = (json!("twin"), json!(0.9));
            (twin["name"], twin["env"]) = (request.body["name"].clone(), request.body["env"].clone());
            *made = Some(twin);
            says(request, |_| 0.9)
        }
        ("GET", path) if path.starts_with("/v2/pods") && !path.starts_with("/v2/pods/") => {
            answer(200, json!({"pods": made.iter().collect::<Vec<_>>()}))
        }
        _ => says(request, |_| 0.9),
    }
}

#[test]
fn the_second_pod_of_one_that_costs_too_much_is_ended_or_named() {
    for is_locked in [false, true] {
        run_fast(50, async move {
            let made = Mutex::new(None);
            let server = Scripted::start(move |request, _| twice(&made, request, is_locked)).await;
            let spec = PodSpec::gpu("trainer", "image", [A40]).max_usd_per_hour(0.5);
            let error = server.runpod().deploy(&spec).await.expect_err("it costs too much");
            let is_asked = server.heard().iter().any(|heard| heard.is("DELETE", "/v2/pods/twin"));
            assert!(is_asked && error.may_bill() == is_locked, "{error}");
            assert_eq!(error.pod_ids(), if is_locked { vec!["twin"] } else { vec![] }, "{error}");
            assert_eq!(matches!(&error, DeployError::AllRefused { .. }), !is_locked, "{error}");
            assert!(!is_locked || error.to_string().contains("Pod is locked"), "{error}");
        })
        .expect("a runtime");
    }
}

#[tokio::test]
async fn a_total_becomes_a_lifetime_by_the_list_price() {
    for (spec, seconds) in [
        // 50 GB of container disk for 0.10 USD a month of 730 hours beside 0.40 USD an hour.
        (any().max_total_usd(4.0), 4.0 / (0.40 + 50.0 * 0.10 / 730.0) * 3600.0),
        (any().max_total_usd(4.0).lifetime(Duration::from_secs(60)), 60.0),
        (any().max_total_usd(1e9).lifetime(Duration::from_secs(60)), 60.0),
    ] {
        let server = server().await;
        server.runpod().deploy(&spec).await.unwrap();
        let written = server.creates()[0]["env"]["RUNPOD_LIFECYCLE_LIFETIME_SECONDS"].clone();
        let written: f64 = written.as_str().unwrap().parse().unwrap();
        assert!((written - seconds).abs() < 0.01, "{written} {seconds}");
    }
}

#[test]
fn a_404_about_an_over_priced_pod_is_no_proof_that_it_is_gone() {
    run_fast(50, async {
        let server = Scripted::start(|request, earlier| match request.method.as_str() {
            "DELETE" if earlier < 6 => refusal(404, "pod not found"),
            _ => says(request, |_| 0.9),
        })
        .await;
        let spec = any().min_vram_gb(48).max_usd_per_hour(0.5);
        let error = server.runpod().deploy(&spec).await.expect_err("it costs too much");
        let ended = server.heard().iter().filter(|heard| heard.method == "DELETE").count();
        assert!(ended > 1 && !error.may_bill(), "{ended} {error}");
    })
    .expect("a runtime");
}

#[tokio::test]
async fn a_pod_whose_price_is_not_told_is_kept_and_warned_of() {
    let server = Scripted::start(|request, _| says(request, |_| 0.0)).await;
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let teller = Arc::clone(&told);
    let runpod =
        server.runpod().on_event(move |event: &Event| teller.lock().unwrap().push(event.to_string()));
    let pod = runpod.deploy(&any().max_usd_per_hour(0.5)).await.expect("nobody knows better");
    let told = told.lock().unwrap().join("\n");
    assert!(told.contains(&format!("RunPod does not say what pod {} costs", pod.id)), "{told}");
}

#[tokio::test]
async fn what_the_catalog_says_by_mistake_is_no_price_no_size_and_no_veto() {
    let odd = |price: Value| {
        json!({"gpus": [{
            "id": A40, "manufacturer": "NVIDIA", "memory": 48, "secure": true, "price": {"secure": price},
            "maxCount": {"secure": 8}, "availability": "HIGH",
        }]})
    };
    for price in [json!(0), json!(-5), json!(1e308), json!("NaN"), json!(null)] {
        let body = odd(price.clone());
        let server = Scripted::start(move |request, _| match request.is("GET", "/v2/catalog/gpus") {
            true => answer(200, body.clone()),
            false => says(request, |_| 0.4),
        })
        .await;
        let error = server.runpod().deploy(&any().max_total_usd(4.0)).await.expect_err("it has no price");
        assert!(error.to_string().contains("the catalog names no price"), "{price}: {error}");
    }
    let error = server().await.runpod().deploy(&any().max_total_usd(1e-5)).await.expect_err("too little");
    assert!(error.to_string().contains("max_total_usd \"0.00001\""), "{error}");
    for (body, spec, expected) in [
        (
            json!({"cpus": []}),
            PodSpec::any_cpu("c", "image").min_ram_gb(64),
            "RunPod's catalog has no CPU flavor",
        ),
        (
            json!({"cpus": [{"id": "cpu3c", "vcpu": {"min": 2}, "ramGbPerVcpu": 1e-6}]}),
            PodSpec::any_cpu("c", "image").min_ram_gb(1),
            "no CPU flavor has as much",
        ),
        (json!({"gpus": []}), any().min_vram_gb(24), "it has no entry"),
    ] {
        let server = Scripted::start(move |request, _| match request.path.starts_with("/v2/catalog/") {
            true => answer(200, body.clone()),
            false => says(request, |_| 0.4),
        })
        .await;
        let error = server.runpod().deploy(&spec).await.expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}\n{expected}");
        assert!(server.creates().is_empty());
    }
    // Only the secure cloud's list knows the maker.
    let server = Scripted::start(|request, _| match request.path.contains("COMMUNITY") {
        true => answer(200, json!({"gpus": [{"id": L4, "manufacturer": "NVIDIA"}]})),
        false => says(request, |_| 2.49),
    })
    .await;
    server.runpod().deploy(&any().manufacturer("AMD").cloud(Cloud::Either)).await.expect("one cloud has it");
}
