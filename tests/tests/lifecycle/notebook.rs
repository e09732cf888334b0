//! A notebook: JupyterLab behind a password, an end when nobody works any more, and what it has cost.

use std::time::Duration;

use runpod_bench::clock::run_fast;
use runpod_lifecycle::{ErrorKind, Idle, PodSpec, Ready, Running, WaitError};
use runpod_sim::HttpAnswer;

use crate::world::{GPU, World, build, settings};

const SPEED: u32 = 50;
/// Long enough for any boot.
const LONG: Duration = Duration::from_secs(900);
const MINUTE: Duration = Duration::from_secs(60);

async fn world() -> World {
    build(settings().time_scale(1.0)).await
}

fn notebook() -> PodSpec {
    PodSpec::gpu("notebook", "runpod/pytorch:latest", [GPU]).volume_gb(20).jupyter_with("correct horse")
}

#[test]
fn jupyter_is_ready_once_it_tells_its_version_and_its_address_holds_no_password() {
    run_fast(SPEED, async {
        let world = world().await;
        let loading = HttpAnswer::new(200).port(8888).path("/api").body("<html>loading</html>");
        world.sim.add_http_answer(loading.until(MINUTE)).unwrap();
        let pod = world.runpod.deploy(&notebook()).await.unwrap();
        assert_eq!(pod.connection().jupyter_url().is_some(), pod.connection().http_url(8888).is_some());
        let pod = pod.wait_until(Ready::Jupyter, LONG).await.unwrap();
        assert!(pod.uptime.unwrap() >= MINUTE, "{:?}", pod.uptime);
        let url = pod.connection().jupyter_url().expect("it runs");
        assert!(url.ends_with("/8888/lab") && !url.contains("horse"), "{url}");
    })
    .expect("a runtime");
}

#[test]
fn jupyter_without_its_port_is_refused_at_once() {
    run_fast(SPEED, async {
        let world = world().await;
        let spec = PodSpec::gpu("closed", "runpod/pytorch:latest", [GPU]).port("22/tcp").jupyter(true);
        let pod = world.runpod.deploy(&spec).await.unwrap();
        let error = pod.wait_until(Ready::Jupyter, LONG).await.expect_err("its port is closed");
        assert!(
            matches!(&error, WaitError::Failed { reason, .. } if reason.contains("8888/http")),
            "{error}"
        );
        assert_eq!(pod.connection().jupyter_url(), None);
    })
    .expect("a runtime");
}

#[test]
fn a_port_that_is_open_already_is_not_opened_twice() {
    assert_eq!(notebook().get_ports(), ["8888/http"]);
    assert_eq!(notebook().jupyter_with("again").port("22/tcp").get_ports(), ["8888/http", "22/tcp"]);
}

#[test]
fn a_pod_is_idle_only_after_it_was_idle_all_the_time() {
    run_fast(SPEED * 4, async {
        let world = world().await;
        let pod = world.runpod.deploy(&notebook()).await.unwrap();
        let pod = pod.wait_until(Running, LONG).await.unwrap();
        world.sim.set_load(&pod.id, 90);
        let idle = Idle::below(5).during(20 * MINUTE);
        let error = pod.wait_until(idle, 30 * MINUTE).await.expect_err("it works");
        assert!(error.to_string().contains("90 % of its CPU is in use"), "{error}");

        world.sim.set_load(&pod.id, 1);
        let began = world.sim.now();
        let polls = world.sent("getPod");
        let pod = pod.wait_until(idle, 60 * MINUTE).await.unwrap();
        let took = world.sim.now() - began;
        assert!((20 * MINUTE..23 * MINUTE).contains(&took), "{took:?}");
        assert!(world.sent("getPod") - polls <= 50, "{}", world.sent("getPod") - polls);
        pod.stop().await.unwrap();
    })
    .expect("a runtime");
}

#[test]
fn the_cost_so_far_is_that_of_the_time_it_ran() {
    run_fast(SPEED * 100, async {
        let world = world().await;
        let pod = world.runpod.deploy(&notebook()).await.unwrap();
        let pod = pod.wait_until(Running, LONG).await.unwrap();
        tokio::time::sleep(120 * MINUTE).await;
        let cost = pod.refresh().await.unwrap().cost_so_far().await;
        let truth = world.sim.ledger()[0].cost_usd;
        let told = cost.at_least_usd().expect("everything is known");
        assert!((told - truth).abs() < 0.02 * truth, "{told} is not {truth}: {cost}");
        assert!(cost.billing_error.is_none() && cost.to_string().contains("so far"), "{cost}");
        world.sim.set_denied(runpod_sim::Area::Billing, true);
        let blind = pod.cost_so_far().await;
        assert!(blind.billing_error.is_some_and(|error| error.kind() == ErrorKind::Forbidden));
        assert_eq!(blind.billed_usd, None);
    })
    .expect("a runtime");
}
