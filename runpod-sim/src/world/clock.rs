//! The simulated clock.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// The most simulated seconds per real second.
pub(crate) const MAX_SCALE: f64 = 1_000_000.0;

/// The simulated clock: real time, scaled, and moved forward on request.
///
/// Instants are durations since the simulator started.
pub(crate) struct Clock {
    epoch: Timestamp,
    pace: Mutex<Pace>,
    changed: watch::Sender<()>,
}

struct Pace {
    since: Instant,
    reached: Duration,
    scale: f64,
}

impl Pace {
    fn now(&self) -> Duration {
        self.reached.saturating_add(scaled(self.since.elapsed(), self.scale))
    }

    fn rebase(&mut self) {
        self.reached = self.now();
        self.since = Instant::now();
    }
}

impl Clock {
    pub(crate) fn new(epoch: Timestamp, scale: f64) -> Self {
        // RunPod's times are whole milliseconds, and so is the one they are all counted from.
        let epoch = Timestamp::from_millisecond(epoch.as_millisecond()).unwrap_or(epoch);
        let pace = Pace { since: Instant::now(), reached: Duration::ZERO, scale };
        Self { epoch, pace: Mutex::new(pace), changed: watch::Sender::new(()) }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now(&self) -> Duration {
        self.pace().now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut pace = self.pace();
        pace.rebase();
        pace.reached = pace.reached.saturating_add(by);
        drop(pace);
        self.changed.send_replace(());
    }

    pub(crate) fn set_scale(&self, scale: f64) {
        let mut pace = self.pace();
        pace.rebase();
        pace.scale = scale;
        drop(pace);
        self.changed.send_replace(());
    }

    /// The real time a simulated span takes; `None` while the clock stands still.
    pub(crate) fn real(&self, span: Duration) -> Option<Duration> {
        let scale = self.pace().scale;
        (scale > 0.0).then(|| scaled(span, 1.0 / scale))
    }

    /// Returns once simulated time has reached `at`, even if the pace changes meanwhile.
    pub(crate) async fn sleep_until(&self, at: Duration) {
        let mut changed = self.changed.subscribe();
        loop {
            let missing = at.saturating_sub(self.now());
            if missing.is_zero() {
                return;
            }
            let wake = self.real(missing).and_then(|real| Instant::now().checked_add(real));
            tokio::select! {
                () = wait(wake) => {}
                result = changed.changed() => if result.is_err() { return },
            }
        }
    }

    /// Starts over at zero.
    pub(crate) fn reset(&self) {
        let mut pace = self.pace();
        pace.reached = Duration::ZERO;
        pace.since = Instant::now();
        drop(pace);
        self.changed.send_replace(());
    }

    /// The pace: simulated seconds per real second.
    pub(crate) fn scale(&self) -> f64 {
        self.pace().scale
    }

    /// The wall-clock reading at a simulated instant.
    pub(crate) fn wall(&self, at: Duration) -> Timestamp {
        self.epoch.checked_add(at).unwrap_or(Timestamp::MAX)
    }

    /// The simulated instant of a wall-clock reading; zero when it lies before the start.
    pub(crate) fn instant(&self, wall: Timestamp) -> Duration {
        Duration::try_from(wall.duration_since(self.epoch)).unwrap_or(Duration::ZERO)
    }

    /// The wall-clock reading at a simulated instant, as RunPod writes it: to the millisecond.
    pub(crate) fn written(&self, at: Duration) -> String {
        format!("{:.3}", self.wall(at))
    }

    /// The wall-clock reading at a simulated instant, as HTTP writes it.
    pub(crate) fn date(&self, at: Duration) -> String {
        self.wall(at).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

fn scaled(span: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(span.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn sleepers_follow_the_pace_and_the_jumps() {
        let clock = Clock::new(Timestamp::UNIX_EPOCH, 10.0);
        let real = Instant::now();
        clock.sleep_until(Duration::from_secs(20)).await;
        assert_eq!(real.elapsed().as_secs(), 2);
        assert_eq!(clock.written(Duration::from_micros(20_000_900)), "1970-01-01T00:00:20.000Z");
        assert_eq!(clock.date(Duration::from_secs(20)), "Thu, 01 Jan 1970 00:00:20 GMT");
    }

    #[tokio::test(start_paused = true)]
    async fn a_standing_clock_moves_only_when_advanced() {
        let clock = std::sync::Arc::new(Clock::new(Timestamp::UNIX_EPOCH, 0.0));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Duration::from_secs(5)).await }
        });
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(5));
        sleeper.await.unwrap();
        assert_eq!(clock.now(), Duration::from_secs(5));
        clock.set_scale(2.0);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(clock.now(), Duration::from_secs(11));
    }
}
