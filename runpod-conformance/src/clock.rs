//! The time of a run: real, scaled like a simulator's, or a simulator's that stands still and is moved by the run.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// The clock of a server. Waiting by it takes as much real time as the server's own time asks for.
#[derive(Debug, Clone)]
pub struct Clock {
    pace: Pace,
    begun: Instant,
    /// Seconds of the edge, which cuts streams by its own time, per real second.
    edge: f64,
}

#[derive(Debug, Clone)]
enum Pace {
    /// Seconds of the server per real second.
    Scaled(f64),
    /// A simulator's that moves only when it is told to.
    Stepped { http: reqwest::Client, advance: String, reached: Arc<Mutex<Duration>> },
}

impl Clock {
    /// Real time.
    #[must_use]
    pub fn real() -> Self {
        Self { pace: Pace::Scaled(1.0), begun: Instant::now(), edge: 1.0 }
    }

    /// The clock of a server: a simulator's own, which it is asked for, or real time.
    pub async fn of(http: &reqwest::Client, base: &str) -> Self {
        let asked = http.get(format!("{base}/_sim/time")).timeout(Duration::from_secs(5)).send().await;
        let told: Option<Value> = match asked {
            Ok(answer) if answer.status().is_success() => answer.json().await.ok(),
            _ => None,
        };
        let pace = match told.and_then(|time| time["scale"].as_f64()) {
            None => Pace::Scaled(1.0),
            Some(scale) if scale > 0.0 => Pace::Scaled(scale),
            Some(_) => Pace::Stepped {
                http: http.clone(),
                advance: format!("{base}/_sim/advance"),
                reached: Arc::default(),
            },
        };
        Self { pace, ..Self::real() }
    }

    /// Sets the seconds of the edge per real second, for a simulator whose edge cuts streams sooner than RunPod's.
    #[must_use]
    pub fn edge(mut self, scale: f64) -> Self {
        self.edge = scale;
        self
    }

    /// The server's time since the run began.
    #[must_use]
    pub fn now(&self) -> Duration {
        match &self.pace {
            Pace::Scaled(scale) => self.begun.elapsed().mul_f64(*scale),
            Pace::Stepped { reached, .. } => *reached.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Waits for a span of the server's time.
    pub async fn sleep(&self, span: Duration) {
        match &self.pace {
            Pace::Scaled(scale) => sleep(span.div_f64(*scale)).await,
            Pace::Stepped { http, advance, reached } => {
                let body = json!({ "seconds": span.as_secs_f64() });
                // A simulator that is gone has no time, and the next request says so.
                let _ = http.post(advance).json(&body).send().await;
                *reached.lock().unwrap_or_else(PoisonError::into_inner) += span;
            }
        }
    }

    /// The real time that a span of the server's takes at most. Where time stands still that is the span itself.
    pub(crate) fn real_time(&self, span: Duration) -> Duration {
        match self.pace {
            Pace::Scaled(scale) => span.div_f64(scale),
            Pace::Stepped { .. } => span,
        }
    }

    /// The real time that a span of the edge's takes.
    pub(crate) fn real_of_edge(&self, span: Duration) -> Duration {
        span.div_f64(self.edge)
    }

    /// The edge's time since an instant.
    pub(crate) fn edge_since(&self, begun: Instant) -> Duration {
        begun.elapsed().mul_f64(self.edge)
    }
}
