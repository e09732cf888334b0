//! The life of the run's pod.

use std::time::Duration;

use serde_json::{Value, json};

use super::log;
use crate::{options::Stop, session::Session, wire::Ask};

/// The most pages that a list is taken to have.
const PAGES: u32 = 1000;
const SECOND: Duration = Duration::from_secs(1);
/// Seconds for which lists and gets are behind a change, and a few more.
const LAG: u32 = 20;
/// Looks at a boot, each this much later than the one before.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_secs(3);

/// Watches a pod from its create to its end.
pub(super) async fn watch(session: &Session, id: &str) -> Result<(), Stop> {
    young(session, id).await?;
    let Some(up) = ready(session, id, "boot", &Value::Null).await? else { return Ok(()) };
    look(session, id, "up", 12).await?;
    log::read(session, id).await?;
    locks(session, id).await?;
    act(session, id, "start-running", "start").await?;
    act(session, id, "stop", "stop").await?;
    look(session, id, "stopping", LAG).await?;
    match act(session, id, "start", "start").await? {
        Value::Null => session.evidence().skip("start-boot", "the start was refused"),
        _ => drop(ready(session, id, "start-boot", &up["ssh"]["direct"]).await?),
    }
    session.ask(Ask::delete("delete", path(id))).await?;
    both(session, id, "get-deleted", "list-deleted").await?;
    session.ask(Ask::delete("delete-again", path(id))).await.map(drop)
}

fn path(id: &str) -> String {
    format!("/v2/pods/{id}")
}

/// Watches what lists and gets show in the first seconds.
async fn young(session: &Session, id: &str) -> Result<(), Stop> {
    both(session, id, "get-young", "list-young").await?;
    strays(session, id).await
}

/// Ends second pods of the same create, which bill as the first does.
async fn strays(session: &Session, id: &str) -> Result<(), Stop> {
    let own = |pod: &Value| pod["name"] == *session.name && pod["id"] != *id;
    let found: Vec<String> = {
        let evidence = session.evidence();
        let pages = evidence.of("list-young").map(crate::Exchange::json);
        let pods = pages.filter_map(|page| page["pods"].as_array().cloned()).flatten();
        pods.filter(own).filter_map(|pod| pod["id"].as_str().map(str::to_owned)).collect()
    };
    for stray in found {
        let known = session.ledger().pods.iter().any(|pod| pod.id == stray);
        if !known {
            session.ledger().made(&stray, None);
            session.ask(Ask::delete("stray", path(&stray))).await?;
        }
    }
    Ok(())
}

/// Gets and lists once a second.
async fn both(session: &Session, id: &str, get: &'static str, list: &'static str) -> Result<(), Stop> {
    for round in 0..LAG {
        session.ask(Ask::get(get, path(id))).await?;
        whole_list(session, list, round).await?;
        session.sleep(SECOND).await?;
    }
    Ok(())
}

/// Reads a list page by page.
async fn whole_list(session: &Session, step: &'static str, round: u32) -> Result<(), Stop> {
    let mut next = "/v2/pods".to_owned();
    // A list that never ends is none that was read to its end.
    for _ in 0..PAGES {
        let page = session.ask(Ask::get(step, &next).round(round)).await?.json();
        match page["pagination"]["nextCursor"].as_str() {
            Some(cursor) if page["pagination"]["hasNextPage"] == true => {
                next = format!("/v2/pods?cursor={cursor}");
            }
            _ => break,
        }
    }
    Ok(())
}

async fn look(session: &Session, id: &str, step: &'static str, times: u32) -> Result<(), Stop> {
    for _ in 0..times {
        session.ask(Ask::get(step, path(id))).await?;
        session.sleep(SECOND).await?;
    }
    Ok(())
}

/// Looks until there is an address for SSH other than a former one. Returns the pod then.
async fn ready(
    session: &Session,
    id: &str,
    step: &'static str,
    former: &Value,
) -> Result<Option<Value>, Stop> {
    for _ in 0..LOOKS {
        let pod = session.ask(Ask::get(step, path(id))).await?.json();
        let direct = &pod["ssh"]["direct"];
        if direct.is_object() && direct != former && pod["status"] == "RUNNING" {
            return Ok(Some(pod));
        }
        if pod["status"] == "ERROR" {
            return Ok(None);
        }
        session.sleep(PAUSE).await?;
    }
    Ok(None)
}

async fn act(session: &Session, id: &str, step: &'static str, action: &str) -> Result<Value, Stop> {
    let path = format!("{}/action", path(id));
    let answer = session.ask(Ask::post(step, path, json!({ "action": action }))).await?;
    Ok(if answer.is_success() { answer.json() } else { Value::Null })
}

/// Asks for what a locked pod refuses.
async fn locks(session: &Session, id: &str) -> Result<(), Stop> {
    let locked = session.ask(Ask::patch("lock", path(id), json!({ "locked": true }))).await?;
    if !locked.is_success() {
        ["locked-stop", "locked-delete"]
            .iter()
            .for_each(|step| session.evidence().skip(step, "the pod cannot be locked"));
        return Ok(());
    }
    act(session, id, "locked-stop", "stop").await?;
    session.ask(Ask::delete("locked-delete", path(id))).await?;
    session.ask(Ask::patch("unlock", path(id), json!({ "locked": false }))).await.map(drop)
}
