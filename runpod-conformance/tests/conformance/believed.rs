//! Every statement against the simulator as it is, and as it is with one behavior switched off.

use runpod_conformance::Report;

use crate::house;

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_seen_as_believed() {
    let sim = house::observed().start().await.expect("it starts");
    let (outcome, report) = house::survey(&sim).await;
    println!("{}", report.markdown());
    println!("{} requests, {:?}", outcome.evidence.exchanges().len(), sim.now());
    assert_eq!(outcome.stopped, None);
    assert_eq!(outcome.left, Vec::<String>::new());
    assert_eq!(house::others(&report), Vec::<&str>::new());
    assert!(sim.pods().is_empty() && sim.contract_violations().is_empty());
    let _: &Report = &report;
}
