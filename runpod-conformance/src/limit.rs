//! The money of a run, by its own reckoning from prices and time.

use std::time::Duration;

/// Time that ending a pod may take, whose price is kept back from the limit.
pub const RESERVE: Duration = Duration::from_secs(180);
const HOUR: f64 = 3600.0;

/// A pod that the run has made.
#[derive(Debug, Clone)]
pub(crate) struct Rented {
    pub(crate) id: String,
    pub(crate) since: Duration,
    /// The instant from which it was proven gone.
    pub(crate) until: Option<Duration>,
    usd_per_hour: f64,
}

/// All pods of a run, and what they cost.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    limit_usd: Option<f64>,
    pub(crate) pods: Vec<Rented>,
    /// A create whose outcome is not known: since when a pod of it bills, if there is one, and its price.
    unclear: Option<(Duration, f64)>,
    /// The instant of the last create.
    pub(crate) created: Option<Duration>,
}

impl Ledger {
    pub(crate) fn new(limit_usd: Option<f64>) -> Self {
        Self { limit_usd, ..Self::default() }
    }

    /// Notes that a create is sent.
    pub(crate) fn begin(&mut self, now: Duration, usd_per_hour: f64) {
        self.unclear = Some((now, usd_per_hour));
        self.created = Some(now);
    }

    /// Lets lists count as late enough only after this, if it is not known what a create has made.
    pub(crate) fn doubt_from(&mut self, now: Duration) {
        if self.unclear.is_some() {
            self.created = Some(now);
        }
    }

    /// Notes that the create made nothing.
    pub(crate) fn nothing_made(&mut self) {
        self.unclear = None;
    }

    /// Notes a pod that the last create has made, or one that a list shows. A price that is not known is the create's.
    pub(crate) fn made(&mut self, id: &str, usd_per_hour: Option<f64>) {
        if let Some(known) = self.pods.iter_mut().find(|pod| pod.id == id) {
            known.until = None;
            return;
        }
        let last = self.pods.last().map(|pod| (pod.since, pod.usd_per_hour));
        let (since, price) = self.unclear.take().or(last).unwrap_or_default();
        let usd_per_hour = usd_per_hour.unwrap_or(0.0).max(price);
        self.pods.push(Rented { id: id.to_owned(), since, until: None, usd_per_hour });
    }

    /// Notes that a pod is proven gone.
    pub(crate) fn gone(&mut self, id: &str, now: Duration) {
        let known = self.pods.iter_mut().filter(|pod| pod.id == id && pod.until.is_none());
        known.for_each(|pod| pod.until = Some(now));
    }

    /// The pods that are not proven gone.
    pub(crate) fn open(&self) -> Vec<Rented> {
        self.pods.iter().filter(|pod| pod.until.is_none()).cloned().collect()
    }

    /// True while a pod is there, or may be.
    pub(crate) fn is_busy(&self) -> bool {
        self.unclear.is_some() || self.pods.iter().any(|pod| pod.until.is_none())
    }

    /// The instant of the last create or end, after which lists are behind for a while.
    pub(crate) fn changed(&self) -> Duration {
        let ends = self.pods.iter().filter_map(|pod| pod.until);
        ends.chain(self.created).max().unwrap_or_default()
    }

    /// USD so far, every pod counted from its create to the proof that it is gone.
    pub(crate) fn spent(&self, now: Duration) -> f64 {
        let cost = |since: Duration, until: Option<Duration>, price: f64| {
            until.unwrap_or(now).saturating_sub(since).as_secs_f64() / HOUR * price
        };
        let pods = self.pods.iter().map(|pod| cost(pod.since, pod.until, pod.usd_per_hour));
        pods.chain(self.unclear.map(|(since, price)| cost(since, None, price))).sum()
    }

    /// The time until everything has to be ended; `None` while nothing bills, or without a limit.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        let open = self.pods.iter().filter(|pod| pod.until.is_none()).map(|pod| pod.usd_per_hour);
        let rate: f64 = open.chain(self.unclear.map(|(_, price)| price)).sum();
        let seconds = (self.limit_usd? - self.spent(now)) / rate * HOUR;
        let left = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        (rate > 0.0).then(|| left(seconds).saturating_sub(RESERVE))
    }

    /// Returns true if a pod of this price may be made: its end, and a minute more, must be within the limit.
    pub(crate) fn affords(&self, now: Duration, usd_per_hour: f64) -> bool {
        let shortest = (RESERVE.as_secs_f64() + 60.0) / HOUR;
        self.limit_usd.is_none_or(|limit| self.spent(now) + usd_per_hour * shortest <= limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_pod_counts_from_its_create_to_the_proof_that_it_is_gone() {
        let mut ledger = Ledger::new(Some(0.1));
        assert_eq!(ledger.left(at(0)), None);
        ledger.begin(at(100), 0.36);
        ledger.doubt_from(at(130));
        assert_eq!(ledger.changed(), at(130), "a create may take effect as late as its answer could come");
        assert!((ledger.spent(at(200)) - 0.01).abs() < 1e-9, "a create without an answer may bill");
        ledger.made("a", Some(0.72));
        assert!((ledger.spent(at(200)) - 0.02).abs() < 1e-9, "the dearer price counts");
        assert_eq!(ledger.left(at(200)), Some(at(400) - RESERVE));
        ledger.gone("a", at(300));
        assert!((ledger.spent(at(900)) - 0.04).abs() < 1e-9);
        assert_eq!(ledger.left(at(900)), None);
        ledger.made("a", None);
        assert_eq!(ledger.open().len(), 1, "it was not gone after all");
        assert!(ledger.spent(at(900)) > 0.1);
        assert_eq!(ledger.left(at(900)), Some(Duration::ZERO));
    }

    #[test]
    fn what_ending_would_cost_is_kept_back() {
        let ledger = Ledger::new(Some(0.01));
        assert!(ledger.affords(at(0), 0.15));
        assert!(!ledger.affords(at(0), 0.16));
        let nothing = Ledger::new(Some(0.0));
        assert!(!nothing.affords(at(0), 0.0001));
        assert!(Ledger::default().affords(at(0), 100.0));
    }
}
