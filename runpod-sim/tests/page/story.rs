//! A session of somebody who looks at the page.

use std::{path::PathBuf, time::Duration};

use serde_json::json;

use crate::{
    browser::{Browser, ENTER},
    client::{Caller, frozen, id, order},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_life_is_seen_changed_and_ended_in_a_browser() {
    let Some(browser) = Browser::start().await else { return };
    let caller = Caller::of(frozen().seed(7)).await;
    browser.size(1400, 1400).await;
    browser.open(&caller.sim.url()).await;
    browser.shows("#live", "live").await;
    browser.shows("#pods", "No such pods").await;

    let pod = id(&caller.create(order(json!({}))).await);
    browser.shows("#pods", "PROVISIONING").await;
    browser.shows("#requests", "createPod").await;
    // By keyboard, as everything can be done.
    browser.keys(".card a", ENTER).await;
    browser.shows("#pod", "Next: has a machine, bills, in 10 s.").await;
    browser.shows("#pod", "POST /v2/pods → 201").await;

    inject(&browser).await;
    caller.get(&format!("/v2/pods/{pod}")).await.refused(503, "from the page");
    browser.shows("#faults", "fired 1 of 1 calls").await;
    for place in ["#requests tbody tr:first-child", "#pod .life"] {
        let text = browser.text(place).await;
        assert!(text.contains("503") && text.contains("status"), "{place}: {text}");
    }

    browser.click("button[data-body='{\"seconds\":60}']").await;
    browser.shows("#pod", "RUNNING, ready").await;
    browser.shows("#account", "1 min 00 s").await;
    browser.shows("#pod pre", "still working").await;
    assert_eq!(caller.sim.now(), Duration::from_secs(60));
    looks(&browser).await;
    focus_stays(&browser, &caller).await;
    mistakes_are_said(&browser).await;

    browser.click("#pod button.grave").await;
    browser.shows("#pod", "ended").await;
    browser.shows("#ledger", "TERMINATED").await;
    assert!(caller.sim.ledger()[0].terminated.is_some());
    hold_still(&browser, &caller).await;
    browser.close().await;
}

/// Injects a fault with the form.
async fn inject(browser: &Browser) {
    assert_eq!(browser.value("document.querySelector('[name=status]').checkVisibility()").await, false);
    for (field, text) in [
        ("select[name=fault]", "status"),
        ("[name=on]", "getPod"),
        ("[name=times]", "1"),
        ("[name=status]", "503"),
    ] {
        browser.keys(&format!("#inject {field}"), text).await;
    }
    browser.keys("#inject [name=detail]", &format!("from the page{ENTER}")).await;
    browser.shows("#faults", "status on getPod: fired 0 of 0 calls").await;
    browser.shows("#said", "POST /_sim/faults: done").await;
}

/// An element that has the focus keeps it when the page changes around it.
async fn focus_stays(browser: &Browser, caller: &Caller) {
    browser.value("document.querySelector('.card a').focus()").await;
    caller.create(order(json!({ "name": "newer" }))).await;
    browser.shows("#pods .card:first-child", "newer").await;
    caller.advance(5);
    browser.shows("#account", "1 min 05 s").await;
    assert_eq!(browser.value("document.activeElement.textContent").await, "one");
}

/// A refusal of the simulator's is said where it was asked for.
async fn mistakes_are_said(browser: &Browser) {
    browser.clear("#inject [name=on]").await;
    browser.keys("#inject [name=on]", &format!("nonsense{ENTER}")).await;
    browser.shows("#said.bad", "`nonsense` is not an operation").await;
    browser.click("#faults button").await;
    browser.shows("#faults", "None is injected.").await;
}

/// Both themes and narrow windows, with nothing from elsewhere. Where a folder is named, the themes are kept there as pictures.
async fn looks(browser: &Browser) {
    browser.value("scrollTo(0, 0)").await;
    let mut grounds = Vec::new();
    for theme in ["light", "dark"] {
        browser.theme(theme).await;
        grounds.push(browser.value("getComputedStyle(document.body).backgroundColor").await);
        if let Some(folder) = std::env::var_os("RUNPOD_SIM_PICTURES") {
            let picture = PathBuf::from(folder).join(format!("simulator-{theme}.png"));
            browser.picture(&picture).await;
        }
    }
    assert_ne!(grounds[0], grounds[1]);
    let foreign =
        "performance.getEntriesByType('resource').filter(e => !e.name.startsWith(location.origin)).length";
    assert_eq!(browser.value(foreign).await, 0);
    browser.size(500, 1500).await;
    let widths = "[document.documentElement.scrollWidth, innerWidth].join()";
    let widths = browser.value(widths).await;
    let (content, window) = widths.as_str().unwrap().split_once(',').unwrap();
    assert!(
        content.parse::<u32>().unwrap() <= window.parse().unwrap(),
        "wider than the window: {content}, {window}"
    );
    browser.size(1400, 1400).await;
}

/// A page that is held still shows nothing new until it is let go.
async fn hold_still(browser: &Browser, caller: &Caller) {
    browser.click("#hold").await;
    browser.shows("#live", "held still").await;
    let seen = browser.text("#requests").await;
    let before = caller.sim.request_count();
    caller.get("/v2/pods").await;
    assert_eq!((browser.text("#requests").await, caller.sim.request_count()), (seen, before + 1));
    browser.click("#hold").await;
    browser.shows("#requests tbody tr:first-child", "listPods").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_comes_back_to_life_after_the_simulator_has_begun_anew() {
    let Some(browser) = Browser::start().await else { return };
    let caller = Caller::of(frozen()).await;
    let pod = id(&caller.create(order(json!({}))).await);
    browser.open(&format!("{}/?pod={pod}&pods=all&requests=changes", caller.sim.url())).await;
    browser.shows("#pod", "created").await;
    caller.sim.reset();
    browser.shows("#pod", "There is no pod").await;
    browser.shows("#requests", "0 so far").await;
    browser.click("button[data-call='POST /_sim/pods']").await;
    browser.shows("#pods", "looked-at").await;
    let (address, url) = (caller.sim.address(), caller.sim.url());
    caller.sim.shutdown().await;
    browser.shows("#live", "does not answer").await;
    let sim = frozen().listen(address).start().await.unwrap();
    assert_eq!(sim.url(), url);
    browser.shows("#live", "live").await;
    browser.shows("#pods", "none there").await;
    browser.close().await;
}
