//! The turns to ask an endpoint: one wait at a time, with growing pauses.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{Probe, condition::http::PATIENCE};

/// The pause after the first try. Each one after it is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after connections that were taken, whatever they brought: sshd shuts out clients that come too often
/// without a login.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The longest pause after attempts that nobody minds: at an endpoint that takes no connection, or at RunPod's proxy.
const LONGEST_FREE_PAUSE: Duration = Duration::from_secs(3);
/// The time for which an endpoint is remembered after it was last due.
const MEMORY: Duration = Duration::from_secs(60);

/// An endpoint that does not answer as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lack {
    /// The reason in a few words.
    pub(crate) reason: String,
    /// The connection was taken: asking again at once may be taken amiss.
    pub(crate) was_reached: bool,
}

impl Lack {
    pub(crate) fn unreached(reason: String) -> Self {
        Self { reason, was_reached: false }
    }
}

type Outcome = Result<(), Lack>;

/// Everything that the waits know of the endpoints.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    endpoints: Mutex<HashMap<Probe, Endpoint>>,
}

#[derive(Debug)]
struct Endpoint {
    /// The next try: after the pause, or when the one that is under way should be over.
    due_at: Instant,
    last: Option<Outcome>,
    /// Attempts in a row that came to the same.
    attempts: u32,
    /// When the last turn was taken: what an earlier one brings is about another time.
    taken_at: Instant,
}

/// The answer to a wait that wants to ask.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// Ask.
    Mine(Asking<'a>),
    /// Make do with this: another wait asks, or asked a moment ago.
    Known(Outcome),
}

/// Leave to ask an endpoint. Dropped, it is the next one's turn at once.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    turns: &'a Turns,
    probe: &'a Probe,
    taken_at: Instant,
    is_over: bool,
}

impl Turns {
    pub(crate) fn take<'a>(&'a self, probe: &'a Probe) -> Turn<'a> {
        let now = Instant::now();
        let mut endpoints = self.endpoints();
        endpoints.retain(|_, endpoint| now < endpoint.due_at + MEMORY);
        let endpoint = endpoints.entry(probe.clone()).or_insert(Endpoint {
            due_at: now,
            last: None,
            attempts: 0,
            taken_at: now,
        });
        if now < endpoint.due_at {
            let under_way = || Err(Lack { reason: format!("{probe} is being asked"), was_reached: false });
            return Turn::Known(endpoint.last.clone().unwrap_or_else(under_way));
        }
        // Nobody waits longer than this for a future that is no longer polled.
        (endpoint.due_at, endpoint.taken_at) = (now + probe.patience(), now);
        Turn::Mine(Asking { turns: self, probe, taken_at: now, is_over: false })
    }

    /// Forgets what was heard: a pod was changed, and its endpoints may be another's by now.
    pub(crate) fn forget(&self) {
        self.endpoints().clear();
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<Probe, Endpoint>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    /// Tells everybody what the endpoint said.
    pub(crate) fn over(mut self, outcome: &Outcome) {
        self.is_over = true;
        self.with_endpoint(|endpoint, probe| {
            let is_same = endpoint.last.as_ref().is_some_and(|last| kind(last) == kind(outcome));
            endpoint.attempts = if is_same { endpoint.attempts + 1 } else { 0 };
            endpoint.due_at = Instant::now() + pause(endpoint.attempts, longest_pause(probe, outcome));
            endpoint.last = Some(outcome.clone());
        });
    }

    /// Does something with the endpoint, unless it was forgotten or is another's turn by now.
    fn with_endpoint(&self, then: impl FnOnce(&mut Endpoint, &Probe)) {
        if let Some(endpoint) = self.turns.endpoints().get_mut(self.probe)
            && endpoint.taken_at == self.taken_at
        {
            then(endpoint, self.probe);
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.with_endpoint(|endpoint, _| endpoint.due_at = Instant::now());
        }
    }
}

/// Tells one outcome from another: is it fine, and was the connection taken.
fn kind(outcome: &Outcome) -> (bool, bool) {
    (outcome.is_ok(), outcome.as_ref().map_or_else(|lack| lack.was_reached, |()| true))
}

fn longest_pause(probe: &Probe, outcome: &Outcome) -> Duration {
    match (probe, kind(outcome)) {
        (Probe::Http { .. }, _) | (_, (_, false)) => LONGEST_FREE_PAUSE,
        _ => LONGEST_PAUSE,
    }
}

fn pause(attempts: u32, longest: Duration) -> Duration {
    (PAUSE * 2_u32.saturating_pow(attempts.min(10))).min(longest)
}

impl Probe {
    /// The longest it may take.
    fn patience(&self) -> Duration {
        match self {
            // A connection, and then a greeting.
            Self::Tcp { .. } | Self::Ssh { .. } => 2 * PATIENCE,
            Self::Http { request, .. } => request.limit(),
            Self::Own(own) => own.limit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn ssh() -> Probe {
        Probe::Ssh { host: "203.0.113.7".into(), port: 10022 }
    }

    /// When an endpoint that always says the same is asked within 30 s by many who come every tenth of a second.
    async fn asked_at(probe: Probe, outcome: Outcome) -> Vec<f64> {
        let (turns, began) = (Turns::default(), Instant::now());
        let mut asked = Vec::new();
        while began.elapsed() < Duration::from_secs(30) {
            for _ in 0..20 {
                if let Turn::Mine(turn) = turns.take(&probe) {
                    asked.push(began.elapsed().as_secs_f64());
                    turn.over(&outcome);
                }
            }
            advance(Duration::from_millis(100)).await;
        }
        asked
    }

    #[tokio::test(start_paused = true)]
    async fn every_endpoint_is_asked_ever_more_rarely_most_of_all_one_that_takes_connections() {
        let tcp = || Probe::Tcp { host: "203.0.113.7".into(), port: 10022 };
        let http = || Probe::Http { pod_id: "pod123".into(), request: crate::HttpReady::port(8000) };
        let lack = |was_reached| Err(Lack { reason: "not yet".into(), was_reached });
        let often = [0.0, 1.0, 3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0, 27.0];
        let rarely = [0.0, 1.0, 3.0, 7.0, 15.0, 23.0];
        for (probe, outcome, expected) in [
            (ssh(), lack(true), &rarely[..]),
            (ssh(), Ok(()), &rarely),
            (tcp(), Ok(()), &rarely),
            (ssh(), lack(false), &often),
            (tcp(), lack(false), &often),
            (http(), lack(false), &often),
            (http(), Ok(()), &often),
        ] {
            let asked = asked_at(probe.clone(), outcome.clone()).await;
            let rounded: Vec<f64> = asked.iter().map(|at| (at * 10.0).round() / 10.0).collect();
            assert_eq!(rounded, expected, "{probe:?} {outcome:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_heard_before_a_change_is_forgotten_and_what_comes_late_is_not_taken() {
        let (turns, probe) = (Turns::default(), ssh());
        let Turn::Mine(before) = turns.take(&probe) else { panic!("nobody else asks") };
        turns.forget();
        advance(Duration::from_millis(1)).await;
        let Turn::Mine(after) = turns.take(&probe) else { panic!("it is asked anew") };
        before.over(&Ok(()));
        assert!(matches!(turns.take(&probe), Turn::Known(Err(_))), "the first one is of before the change");
        after.over(&Ok(()));
        assert!(matches!(turns.take(&probe), Turn::Known(Ok(()))));
        turns.forget();
        assert!(matches!(turns.take(&probe), Turn::Mine(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn only_one_asks_at_a_time_and_the_others_hear_what_it_heard() {
        let (turns, probe) = (Turns::default(), ssh());
        let Turn::Mine(first) = turns.take(&probe) else { panic!("nobody else asks") };
        assert!(matches!(turns.take(&probe), Turn::Known(Err(_))));
        first.over(&Ok(()));
        assert!(matches!(turns.take(&probe), Turn::Known(Ok(()))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_is_dropped_or_never_ends_holds_nobody_up() {
        let (turns, probe) = (Turns::default(), ssh());
        drop(turns.take(&probe));
        let Turn::Mine(forgotten) = turns.take(&probe) else { panic!("the first one was dropped") };
        advance(2 * PATIENCE).await;
        assert!(matches!(turns.take(&probe), Turn::Mine(_)));
        drop(forgotten);
    }
}
