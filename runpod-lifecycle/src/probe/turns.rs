//! Whose turn it is to ask an endpoint: one wait at a time, with growing pauses where somebody answers.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{Probe, condition::http::PATIENCE, probe::Lack};

/// The pause after an answer, and after each try at an endpoint that takes no connection: that costs nobody
/// anything.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after connections that brought nothing: sshd shuts out whoever comes too often.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// How long an endpoint is remembered after it was last due.
const MEMORY: Duration = Duration::from_secs(60);

type Outcome = Result<(), Lack>;

/// What everybody who waits knows of the endpoints.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    endpoints: Mutex<HashMap<Probe, Endpoint>>,
}

#[derive(Debug)]
struct Endpoint {
    /// The next try: after the pause, or when the one that is under way should be over.
    due_at: Instant,
    last: Option<Outcome>,
    /// Connections in a row that brought nothing.
    vain: u32,
}

/// What somebody who wants to ask has to do.
#[derive(Debug)]
pub(crate) enum Turn<'a> {
    /// Ask.
    Mine(Asking<'a>),
    /// Make do with this: another wait asks, or asked a moment ago.
    Known(Outcome),
}

/// Leave to ask an endpoint. Dropped, it is somebody else's turn at once.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    turns: &'a Turns,
    probe: &'a Probe,
    is_over: bool,
}

impl Turns {
    pub(crate) fn take<'a>(&'a self, probe: &'a Probe) -> Turn<'a> {
        let now = Instant::now();
        let mut endpoints = self.endpoints();
        endpoints.retain(|_, endpoint| now < endpoint.due_at + MEMORY);
        let endpoint =
            endpoints.entry(probe.clone()).or_insert(Endpoint { due_at: now, last: None, vain: 0 });
        if now < endpoint.due_at {
            let under_way = || Err(Lack { reason: format!("{probe} is being asked"), was_reached: false });
            return Turn::Known(endpoint.last.clone().unwrap_or_else(under_way));
        }
        // Nobody waits longer than this for a future that is no longer polled.
        endpoint.due_at = now + probe.patience();
        Turn::Mine(Asking { turns: self, probe, is_over: false })
    }

    fn endpoints(&self) -> MutexGuard<'_, HashMap<Probe, Endpoint>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asking<'_> {
    /// Tells everybody what the endpoint said.
    pub(crate) fn over(mut self, outcome: &Outcome) {
        self.is_over = true;
        if let Some(endpoint) = self.turns.endpoints().get_mut(self.probe) {
            endpoint.vain = match outcome {
                Err(lack) if lack.was_reached => endpoint.vain + 1,
                _ => 0,
            };
            endpoint.due_at = Instant::now() + pause(endpoint.vain);
            endpoint.last = Some(outcome.clone());
        }
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if !self.is_over
            && let Some(endpoint) = self.turns.endpoints().get_mut(self.probe)
        {
            endpoint.due_at = Instant::now();
        }
    }
}

fn pause(vain: u32) -> Duration {
    (PAUSE * 2_u32.saturating_pow(vain.saturating_sub(1).min(10))).min(LONGEST_PAUSE)
}

impl Probe {
    /// The longest it may take.
    fn patience(&self) -> Duration {
        match self {
            // A connection, and then a greeting.
            Self::Tcp { .. } | Self::Ssh { .. } => 2 * PATIENCE,
            Self::Http { request, .. } => request.limit(),
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
    async fn asked_at(outcome: Outcome) -> Vec<f64> {
        let (turns, probe, began) = (Turns::default(), ssh(), Instant::now());
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
    async fn an_endpoint_that_takes_connections_in_vain_is_asked_ever_more_rarely() {
        let vain = Err(Lack { reason: "Not allowed at this time".into(), was_reached: true });
        assert_eq!(asked_at(vain).await, [0.0, 1.0, 3.0, 7.0, 15.0, 23.0]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_that_takes_no_connection_is_asked_every_second_however_many_wait() {
        let refused = Err(Lack { reason: "accepts no connection yet".into(), was_reached: false });
        assert_eq!(asked_at(refused).await.len(), 30);
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
