//! A page that is open while others ask.

use std::{
    collections::HashMap,
    io::Write,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use runpod_sim::Sim;
use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{
    browser::Browser,
    client::{Client, Failure},
};

const GETS_PER_SECOND: u32 = 200;
const CONNECTIONS: u32 = 4;
const ROUNDS: u32 = 12;
const ROUND: Duration = Duration::from_secs(4);
/// Time between two new pods.
const NEW_POD: Duration = Duration::from_millis(700);

/// Somebody who looks at the page.
enum Viewer {
    Nobody,
    /// Only the page's events are read, by this process.
    Events(Option<(oneshot::Sender<()>, JoinHandle<Shown>)>),
    Browser(Box<Browser>),
}

/// The answers and the updates measured with one viewer.
#[derive(Default)]
struct Tally {
    gets: Vec<Duration>,
    updates: Vec<Duration>,
    /// Processor time of this process, the client included; the browser has its own.
    processor: Duration,
}

/// Measures the same load in turn with nobody looking, with a reader of the events, and with a browser.
pub(crate) async fn measure(sim: &Sim, ids: &[String]) -> Result<(), Failure> {
    sim.set_time_scale(10.0)?;
    let mut viewers = vec![("nobody looks", Viewer::Nobody), ("events are read", Viewer::Events(None))];
    if let Some(browser) = Browser::start().await {
        browser.size(1400, 1500).await;
        viewers.push(("a browser looks", Viewer::Browser(Box::new(browser))));
    }
    let mut tallies: Vec<Tally> = viewers.iter().map(|_| Tally::default()).collect();
    for _ in 0..ROUNDS {
        for ((_, viewer), tally) in viewers.iter_mut().zip(&mut tallies) {
            viewer.look(sim).await?;
            let before = processor_time();
            let (gets, made) = tokio::try_join!(load(sim, ids), new_pods(sim))?;
            tally.processor += processor_time().saturating_sub(before);
            let shown = viewer.stop().await?;
            tally.gets.extend(gets);
            let late = |(id, at): &(String, Duration)| Some(shown.get(id)?.saturating_sub(*at));
            tally.updates.extend(made.iter().filter_map(late));
        }
    }
    viewers.iter().zip(tallies).try_for_each(|((name, _), tally)| tally.tell(name))
}

impl Tally {
    fn tell(mut self, name: &str) -> Result<(), Failure> {
        self.gets.sort();
        self.updates.sort();
        let at = |sorted: &[Duration], percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        let mean = self.gets.iter().sum::<Duration>() / u32::try_from(self.gets.len())?;
        let [median, p95, p99] = [50, 95, 99].map(|percent| at(&self.gets, percent));
        let (count, mut out) = (self.gets.len(), std::io::stdout());
        let busy = self.processor.as_secs_f64() / (ROUND * ROUNDS).as_secs_f64();
        writeln!(
            out,
            "{name}: {count} gets, mean {mean:.2?}, median {median:.2?}, 95 % {p95:.2?}, 99 % {p99:.2?}; {:.1} % of a processor",
            busy * 100.0
        )?;
        if !self.updates.is_empty() {
            let (count, median, most) = (self.updates.len(), at(&self.updates, 50), at(&self.updates, 100));
            writeln!(
                out,
                "  {count} new pods were shown after {median:.0?} at the median, {most:.0?} at most"
            )?;
        }
        Ok(())
    }
}

/// Asks for pods at an even pace over a few connections, and returns how long each answer took.
async fn load(sim: &Sim, ids: &[String]) -> Result<Vec<Duration>, Failure> {
    let mut connections: Vec<JoinHandle<Result<Vec<Duration>, Failure>>> = Vec::new();
    for number in 0..CONNECTIONS {
        let (mut client, ids) = (Client::connect(sim).await?, ids.to_vec());
        connections.push(tokio::spawn(async move {
            let period = Duration::from_secs(1) * CONNECTIONS / GETS_PER_SECOND;
            sleep(period * number / CONNECTIONS).await;
            let mut pace = interval(period);
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (begun, mut taken) = (Instant::now(), Vec::new());
            while begun.elapsed() < ROUND {
                pace.tick().await;
                let sent = Instant::now();
                let id = &ids[(taken.len() * 131 + number as usize) % ids.len()];
                client.call("GET", &format!("/v2/pods/{id}"), String::new()).await?;
                taken.push(sent.elapsed());
            }
            Ok(taken)
        }));
    }
    let mut taken = Vec::new();
    for connection in connections {
        taken.extend(connection.await??);
    }
    Ok(taken)
}

/// Creates a pod now and then, ends it again, and returns when each was accepted.
async fn new_pods(sim: &Sim) -> Result<Vec<(String, Duration)>, Failure> {
    let mut client = Client::connect(sim).await?;
    let order = json!({
        "name": "new", "image": "ubuntu:24.04", "disk": 20, "gpu": { "id": "NVIDIA GeForce RTX 4090", "count": 1 },
    });
    let (begun, mut made) = (Instant::now(), Vec::new());
    while begun.elapsed() < ROUND - NEW_POD * 2 {
        let answer = client.call("POST", "/v2/pods", order.to_string()).await?;
        let id = serde_json::from_slice::<Value>(&answer)?["id"].as_str().unwrap_or_default().to_owned();
        made.push((id.clone(), wall()));
        sleep(NEW_POD * 2).await;
        client.call("DELETE", &format!("/v2/pods/{id}"), String::new()).await?;
    }
    Ok(made)
}

/// Processor time that this process has used; zero on a system that does not say.
fn processor_time() -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name, in brackets, may hold anything.
    let numbers = stat.rsplit_once(')').map_or("", |(_, numbers)| numbers).split_whitespace();
    numbers.skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).map(|ticks| TICK * ticks).sum()
}

/// The time of day, which the browser has too.
fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Records in the browser when each pod's card was first there.
const RECORD: &str = "(window.seen = {}, new MutationObserver(() => {
    for (const { id } of document.querySelectorAll('.card')) window.seen[id.slice(5)] ??= Date.now();
}).observe(document.getElementById('pods'), { childList: true, subtree: true }), null)";

/// The time at which each pod was first shown.
type Shown = HashMap<String, Duration>;

impl Viewer {
    async fn look(&mut self, sim: &Sim) -> Result<(), Failure> {
        match self {
            Self::Nobody => {}
            Self::Events(reader) => {
                let mut client = Client::connect(sim).await?;
                let answer = client.open("GET", "/_sim/page/events", String::new()).await?;
                let (stop, stopped) = oneshot::channel();
                *reader = Some((stop, tokio::spawn(read(answer.into_body(), stopped))));
            }
            Self::Browser(browser) => {
                browser.open(&sim.url()).await;
                browser.shows("#live", "live").await;
                browser.value(RECORD).await;
            }
        }
        Ok(())
    }

    /// Stops looking and returns what was shown when.
    async fn stop(&mut self) -> Result<Shown, Failure> {
        match self {
            Self::Nobody => Ok(Shown::new()),
            Self::Events(reader) => {
                let (stop, reader) = reader.take().ok_or("nobody reads")?;
                drop(stop);
                Ok(reader.await?)
            }
            Self::Browser(browser) => {
                let seen: HashMap<String, u64> = serde_json::from_value(browser.value("window.seen").await)?;
                browser.open("about:blank").await;
                Ok(seen.into_iter().map(|(id, at)| (id, Duration::from_millis(at))).collect())
            }
        }
    }
}

/// Reads events until told to stop.
async fn read(mut events: Incoming, mut stopped: oneshot::Receiver<()>) -> Shown {
    let mut shown = Shown::new();
    loop {
        let frame = tokio::select! {
            _ = &mut stopped => return shown,
            frame = events.frame() => frame,
        };
        let Some(Ok(frame)) = frame else { return shown };
        let text = String::from_utf8_lossy(frame.data_ref().map_or(&[][..], |data| data)).into_owned();
        for id in text.split("card-").skip(1).filter_map(|rest| rest.get(..14)) {
            shown.entry(id.to_owned()).or_insert_with(wall);
        }
    }
}
