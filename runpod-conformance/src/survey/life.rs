//! The life of the run's pod.

use std::time::Duration;

use serde_json::{Value, json};

use super::log;
use crate::{
    run::{Run, Stop},
    wire::Ask,
};

const SECOND: Duration = Duration::from_secs(1);
/// Seconds for which lists and gets are behind a change, and a few more.
const LAG: u32 = 20;
/// Looks at a boot, each this much later than the one before.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_secs(3);

/// Watches a pod from its create to its end.
pub(super) async fn watch(run: &Run, id: &str) -> Result<(), Stop> {
    young(run, id).await?;
    let Some(up) = ready(run, id, "boot", &Value::Null).await? else { return Ok(()) };
    look(run, id, "up", 12).await?;
    log::read(run, id).await?;
    locks(run, id).await?;
    act(run, id, "start-running", "start").await?;
    act(run, id, "stop", "stop").await?;
    look(run, id, "stopping", LAG).await?;
    let started = act(run, id, "start", "start").await?;
    if started.is_object() {
        ready(run, id, "start-boot", &up["ssh"]["direct"]).await?;
    }
    run.ask(Ask::delete("delete", path(id))).await?;
    both(run, id, "get-deleted", "list-deleted").await?;
    run.ask(Ask::delete("delete-again", path(id))).await.map(drop)
}

fn path(id: &str) -> String {
    format!("/v2/pods/{id}")
}

/// Watches what lists and gets show in the first seconds.
async fn young(run: &Run, id: &str) -> Result<(), Stop> {
    both(run, id, "get-young", "list-young").await?;
    strays(run, id).await
}

/// Ends second pods of the same create, which bill as the first does.
async fn strays(run: &Run, id: &str) -> Result<(), Stop> {
    let own = |pod: &Value| pod["name"] == *run.name && pod["id"] != *id;
    let found: Vec<String> = {
        let evidence = run.evidence();
        let pages = evidence.of("list-young").map(crate::Exchange::json);
        let pods = pages.filter_map(|page| page["pods"].as_array().cloned()).flatten();
        pods.filter(own).filter_map(|pod| pod["id"].as_str().map(str::to_owned)).collect()
    };
    for stray in found {
        let known = run.ledger().pods.iter().any(|pod| pod.id == stray);
        if !known {
            run.ledger().made(&stray, None);
            run.ask(Ask::delete("stray", path(&stray))).await?;
        }
    }
    Ok(())
}

/// Gets and lists once a second.
async fn both(run: &Run, id: &str, get: &'static str, list: &'static str) -> Result<(), Stop> {
    for round in 0..LAG {
        run.ask(Ask::get(get, path(id))).await?;
        whole_list(run, list, round).await?;
        run.sleep(SECOND).await?;
    }
    Ok(())
}

/// Reads a list page by page.
async fn whole_list(run: &Run, step: &'static str, round: u32) -> Result<(), Stop> {
    let mut next = "/v2/pods".to_owned();
    loop {
        let page = run.ask(Ask::get(step, &next).round(round)).await?.json();
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) if page["pagination"]["hasNextPage"] == true => {
                next = format!("/v2/pods?cursor={cursor}");
            }
            _ => return Ok(()),
        }
    }
}

async fn look(run: &Run, id: &str, step: &'static str, times: u32) -> Result<(), Stop> {
    for _ in 0..times {
        run.ask(Ask::get(step, path(id))).await?;
        run.sleep(SECOND).await?;
    }
    Ok(())
}

/// Looks until there is an address for SSH other than a former one. Returns the pod then.
async fn ready(run: &Run, id: &str, step: &'static str, former: &Value) -> Result<Option<Value>, Stop> {
    for _ in 0..LOOKS {
        let pod = run.ask(Ask::get(step, path(id))).await?.json();
        let direct = &pod["ssh"]["direct"];
        if direct.is_object() && direct != former && pod["status"] == "RUNNING" {
            return Ok(Some(pod));
        }
        if pod["status"] == "ERROR" {
            return Ok(None);
        }
        run.sleep(PAUSE).await?;
    }
    Ok(None)
}

async fn act(run: &Run, id: &str, step: &'static str, action: &str) -> Result<Value, Stop> {
    let path = format!("{}/action", path(id));
    let answer = run.ask(Ask::post(step, path, json!({ "action": action }))).await?;
    Ok(if answer.is_success() { answer.json() } else { Value::Null })
}

/// Asks for what a locked pod refuses.
async fn locks(run: &Run, id: &str) -> Result<(), Stop> {
    let locked = run.ask(Ask::patch("lock", path(id), json!({ "locked": true }))).await?;
    if !locked.is_success() {
        ["locked-stop", "locked-delete"]
            .iter()
            .for_each(|step| run.evidence().skip(step, "the pod cannot be locked"));
        return Ok(());
    }
    act(run, id, "locked-stop", "stop").await?;
    run.ask(Ask::delete("locked-delete", path(id))).await?;
    run.ask(Ask::patch("unlock", path(id), json!({ "locked": false }))).await.map(drop)
}
