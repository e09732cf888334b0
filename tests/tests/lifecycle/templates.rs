//! Templates of the account, by their names.

use runpod_lifecycle::{DeployError, ErrorKind, PodSpec};
use runpod_sim::Area;
use serde_json::{Value, json};

use crate::world::{GPU, World, settings, world};

impl World {
    async fn template(&self, name: &str, change: Value) -> String {
        let mut body = json!({"name": name, "image": "debian:13", "disk": 33, "ports": ["22/tcp"]});
        for (key, value) in change.as_object().expect("members") {
            body[key] = value.clone();
        }
        let body = serde_json::from_value(body).expect("the contract allows it");
        self.runpod.api().expect("v2").create_template(&body).await.expect("it is fine").id.clone()
    }
}

fn by(name: &str) -> PodSpec {
    PodSpec::gpu("one", "", [GPU]).template_named(name)
}

#[tokio::test]
async fn a_template_is_found_on_whatever_page_it_is_and_a_pod_is_deployed_from_it() {
    // Pages of two.
    let world = world().await;
    let mut ids = Vec::new();
    for name in ["base", "b", "c", "d", "e"] {
        ids.push(world.template(name, json!({})).await);
    }
    assert_eq!(world.runpod.list_templates().await.unwrap().len(), 5);
    let found = world.runpod.find_template("base").await.unwrap().expect("it is on the last page");
    assert_eq!(
        (&found.id, found.image.as_deref(), found.is_serverless),
        (&ids[0], Some("debian:13"), Some(false))
    );
    assert_eq!(world.runpod.find_template("bas").await.unwrap(), None);

    let plan = world.runpod.plan(&by("base")).await.unwrap();
    assert_eq!(plan.container_disk_gb, None, "the template has it");
    let pod = world.runpod.deploy(&by("base")).await.unwrap();
    assert_eq!((pod.image.as_deref(), pod.container_disk_gb), (Some("debian:13"), Some(33)));
    assert_eq!(by("base").get_template_name(), Some("base"));
    assert_eq!(by("base").template("tpl").get_template_name(), None);
}

#[tokio::test]
async fn a_name_that_means_none_several_or_the_wrong_kind_is_a_problem_of_the_spec() {
    let world = world().await;
    let one = world.template("twice", json!({})).await;
    let two = world.template("twice", json!({})).await;
    world.template("base", json!({})).await;
    world.template("worker", json!({"serverless": true})).await;
    for (name, words) in [
        ("bsae", vec!["the account has no such template; the nearest are \"base\""]),
        ("twice", vec!["several", one.as_str(), two.as_str()]),
        ("worker", vec!["serverless"]),
    ] {
        let error = world.runpod.deploy(&by(name)).await.expect_err("it cannot be");
        let DeployError::Spec(error) = error else { panic!("{error}") };
        let problem = &error.problems()[0];
        assert_eq!((problem.field, problem.value.as_str()), ("template_named", name));
        assert!(words.iter().all(|word| problem.allowed.contains(word)), "{problem}");
    }
    let error = world.runpod.find_template("twice").await.expect_err("two have the name");
    assert!(error.kind() == ErrorKind::Conflict && error.message().contains(&one), "{error}");
    assert_eq!(world.sent("createPod"), 0);
}

#[tokio::test]
async fn without_the_right_to_read_templates_a_name_cannot_be_resolved() {
    let settings = settings().deny(Area::Templates);
    let world = crate::world::build(settings).await;
    let error = world.runpod.deploy(&by("base")).await.expect_err("nobody knows its id");
    let DeployError::Lookup(error) = error else { panic!("{error}") };
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Forbidden, "list templates"));
    assert_eq!(world.sent("createPod"), 0);
}
