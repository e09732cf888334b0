//! A simulator and runs against it.

use std::time::{Duration, UNIX_EPOCH};

use runpod_api::ClientBuilder;
use runpod_conformance::{Options, Outcome, Report, STATEMENTS, Verdict, run};
use runpod_sim::{Sim, SimBuilder};

/// Seconds of the edge per real second, so that a log is cut after two seconds and not after a hundred.
pub(crate) const EDGE: f64 = 50.0;
const LOG_LIMIT: &str = "[behavior]\nlog_limit_seconds = 2.0\n";
/// A seed under which every lag of the profile `observed` can be told from none.
const SEED: u64 = 21;

/// The simulator as the real thing is believed to be, on a clock that only a run moves.
pub(crate) fn observed() -> SimBuilder {
    let epoch = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    let sim = Sim::builder().observed().seed(SEED).epoch(epoch).time_scale(0.0).retire_v1(true).verify(false);
    sim.real_endpoints(false).config(LOG_LIMIT).expect("it is a configuration")
}

/// Options of a run that asks everything.
pub(crate) fn options(sim: &Sim) -> Options {
    let mut options = Options::new(sim.url(), sim.api_key());
    (options.gpu, options.edge) = (true, EDGE);
    options
}

/// A whole run.
pub(crate) async fn survey(sim: &Sim) -> (Outcome, Report) {
    let outcome = run(options(sim), std::future::pending()).await.expect("TLS can be set up");
    let report = Report::of(&outcome);
    (outcome, report)
}

/// The ids of the statements that are not as believed.
pub(crate) fn others(report: &Report) -> Vec<&'static str> {
    let others = report.rows.iter().filter(|row| row.verdict != Verdict::AsBelieved);
    others.map(|row| row.id).collect()
}

/// An HTTP client for the simulator's own interface.
pub(crate) fn http() -> reqwest::Client {
    ClientBuilder::new("none").plain_http(Duration::from_secs(700)).expect("TLS can be set up")
}

/// The ids of all statements.
pub(crate) fn ids() -> Vec<&'static str> {
    STATEMENTS.iter().flat_map(|(_, statements)| statements.iter().map(|statement| statement.id)).collect()
}
