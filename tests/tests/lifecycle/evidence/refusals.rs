//! Which refusals of a create prove that nothing was created.

use runpod_lifecycle::DeployError;
use tokio::time::sleep;

use super::{fast, state};
use crate::{
    mock::spec,
    script::{ID, Script, To::Create, refusal},
};

#[test]
fn a_refusal_without_a_reason_proves_nothing_and_the_pod_is_looked_for() {
    fast(async {
        for words in [
            "Something went wrong. Please try again later or contact support.",
            "Internal Server Error",
            "internal error",
        ] {
            let script = Script::new().await;
            script.set(Create, refusal(400, words));
            let made = async {
                while script.asked(Create) == 0 {
                    sleep(std::time::Duration::from_millis(100)).await;
                }
                script.show(state("STARTING"));
            };
            let runpod = script.runpod();
            let spec = spec();
            let (outcome, ()) = tokio::join!(runpod.deploy(&spec), made);
            assert_eq!(outcome.unwrap_or_else(|error| panic!("{words}: {error}")).id, ID);
            assert_eq!(script.asked(Create), 1, "{words}");
        }
        let script = Script::new().await;
        script.set(Create, refusal(400, "Something went wrong. Please try again later or contact support."));
        let error = script.runpod().deploy(&spec()).await.expect_err("no list shows it");
        assert!(matches!(&error, DeployError::Unclear { .. }) && error.may_bill(), "{error}");
    });
}
