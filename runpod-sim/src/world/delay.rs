//! Spans of simulated time that are drawn from the seed.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};
use rand_distr::{Distribution, StandardNormal};
use serde::{Serialize, Serializer};

/// Largest factor between a log-normal draw and its median.
const MAX_STRETCH: f64 = 50.0;

/// A span of simulated time, drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delay(Law);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Law {
    LogNormal { median: Duration, sigma: f64 },
    Between { from: Duration, to: Duration },
}

impl Delay {
    /// No time at all.
    pub const NONE: Self = Self::fixed(Duration::ZERO);

    /// Always the same span.
    #[must_use]
    pub const fn fixed(span: Duration) -> Self {
        Self::log_normal(span, 0.0)
    }

    /// A log-normal draw: half are shorter than `median`, `sigma` (0 to about 1.5) is the spread of the logarithm.
    /// No draw is more than 50 times longer or shorter than the median.
    #[must_use]
    pub const fn log_normal(median: Duration, sigma: f64) -> Self {
        Self(Law::LogNormal { median, sigma })
    }

    /// Any span from one to another, each as likely; `from` when `to` is shorter.
    #[must_use]
    pub const fn between(from: Duration, to: Duration) -> Self {
        Self(Law::Between { from, to })
    }

    /// Returns true if a draw can be made with it.
    pub(crate) fn is_sound(&self) -> bool {
        match self.0 {
            Law::LogNormal { sigma, .. } => sigma.is_finite() && sigma >= 0.0,
            Law::Between { from, to } => from <= to,
        }
    }

    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Duration {
        match self.0 {
            Law::LogNormal { median, sigma } => {
                let normal: f64 = StandardNormal.sample(rng);
                let stretch = (sigma * normal).exp().clamp(1.0 / MAX_STRETCH, MAX_STRETCH);
                Duration::try_from_secs_f64(median.as_secs_f64() * stretch).unwrap_or(Duration::MAX)
            }
            Law::Between { from, to } => {
                let share: f64 = rng.random();
                from.saturating_add(to.saturating_sub(from).mul_f64(share))
            }
        }
    }

    /// Draws the span that belongs to this grain, which is always the same.
    pub(crate) fn of(&self, grain: u64) -> Duration {
        match self.0 {
            Law::LogNormal { median, sigma: 0.0 } => median,
            Law::LogNormal { .. } | Law::Between { .. } => self.draw(&mut StdRng::seed_from_u64(grain)),
        }
    }
}

impl Serialize for Delay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = match self.0 {
            Law::LogNormal { median, sigma } => [("median_seconds", median.as_secs_f64()), ("sigma", sigma)],
            Law::Between { from, to } => {
                [("from_seconds", from.as_secs_f64()), ("to_seconds", to.as_secs_f64())]
            }
        };
        serializer.collect_map(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_one_boot_and_the_median_holds() {
        let delay = Delay::log_normal(Duration::from_secs(10), 0.5);
        let draw = |seed| delay.draw(&mut StdRng::seed_from_u64(seed));
        assert_eq!(draw(7), draw(7));
        let shorter = (0..2000).filter(|seed| draw(*seed) < Duration::from_secs(10)).count();
        assert!((900..1100).contains(&shorter), "{shorter} of 2000 below the median");
    }

    #[test]
    fn a_wild_spread_stays_within_bounds() {
        let delay = Delay::log_normal(Duration::from_secs(1), 1e300);
        let drawn = delay.draw(&mut StdRng::seed_from_u64(1));
        assert!(drawn <= Duration::from_secs(50));
        assert!(!Delay::log_normal(Duration::ZERO, f64::NAN).is_sound());
    }
}
