//! Every statement against the simulator as the real thing is believed to be.

use std::{collections::BTreeSet, path::Path};

use runpod_conformance::{Evidence, STATEMENTS, Verdict};

use crate::{house, pages};

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_seen_as_believed_and_the_page_says_so() {
    let sim = house::observed().verify(true).start().await.expect("it starts");
    let (outcome, report) = house::survey(&sim).await;
    assert_eq!(outcome.stopped, None);
    assert_eq!(outcome.left, Vec::<String>::new());
    assert_eq!(house::others(&report), Vec::<&str>::new(), "{}", report.markdown());
    assert!(sim.pods().is_empty() && sim.contract_violations().is_empty());
    let ledger: f64 = sim.ledger().iter().map(|pod| pod.cost_usd).sum();
    assert!(ledger > 0.0 && outcome.spent_usd >= ledger, "{ledger} of {}", outcome.spent_usd);
    pages::keep("conformance.md", &pages::seen(&report));
}

#[test]
fn every_statement_has_a_name_of_its_own_and_files_that_are_there() {
    let (root, mut ids) = (Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), BTreeSet::new());
    for statement in STATEMENTS.iter().flat_map(|(_, statements)| *statements) {
        let id = statement.id;
        assert!(ids.insert(id), "{id} is there twice");
        assert!(
            id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{id}"
        );
        assert!(!statement.rests.is_empty(), "{id}");
        for file in statement.rests {
            assert!(root.join(file).is_file(), "{id} names {file}");
        }
    }
}

#[test]
fn nothing_is_judged_by_what_was_not_asked() {
    for statement in STATEMENTS.iter().flat_map(|(_, statements)| *statements) {
        let seen = statement.judge(&Evidence::default());
        assert_eq!(seen.verdict, Verdict::NotSeen, "{}: {}", statement.id, seen.words);
    }
}
