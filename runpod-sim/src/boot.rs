use std::time::Duration;

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::faults::{BootStage, FaultKind};

/// How far a log-normal draw may stray from its median, as a factor.
const MAX_STRETCH: f64 = 50.0;

/// A span of simulated time, drawn anew for every boot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delay {
    median: Duration,
    sigma: f64,
}

impl Delay {
    /// Always the same span.
    #[must_use]
    pub const fn fixed(span: Duration) -> Self {
        Self { median: span, sigma: 0.0 }
    }

    /// A log-normal draw: half are shorter than `median`, `sigma` (0 to about 1.5) is the spread of the logarithm.
    /// No draw is more than 50 times longer or shorter than the median.
    #[must_use]
    pub const fn log_normal(median: Duration, sigma: f64) -> Self {
        Self { median, sigma }
    }

    /// Whether the spread is a number a draw can be made with.
    pub(crate) fn is_sound(&self) -> bool {
        self.sigma.is_finite() && self.sigma >= 0.0
    }

    pub(crate) fn draw(&self, rng: &mut impl Rng) -> Duration {
        let normal: f64 = StandardNormal.sample(rng);
        let stretch = (self.sigma * normal).exp().clamp(1.0 / MAX_STRETCH, MAX_STRETCH);
        Duration::try_from_secs_f64(self.median.as_secs_f64() * stretch).unwrap_or(Duration::MAX)
    }
}

/// How long each step from an accepted create to a usable pod takes, in simulated time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootProfile {
    /// PROVISIONING: until a machine is assigned. Default: 4 s median.
    pub provisioning: Delay,
    /// STARTING: pulling the image and starting the container. Default: 40 s median.
    pub image_pull: Delay,
    /// From RUNNING until `runtime` stops being null. Default: 4 s median.
    pub runtime: Delay,
    /// From RUNNING until public ports, and with them `ssh.direct`, appear. Default: 5 s median.
    pub ports: Delay,
    /// From the public ports until something in the container listens on them. Default: 3 s median.
    pub listening: Delay,
    /// From an accepted connection on port 22 until the SSH banner. Default: 0.2 s.
    pub ssh_banner: Delay,
}

impl Default for BootProfile {
    fn default() -> Self {
        let drawn = |seconds, sigma| Delay::log_normal(Duration::from_secs(seconds), sigma);
        Self {
            provisioning: drawn(4, 0.4),
            image_pull: drawn(40, 0.6),
            runtime: drawn(4, 0.4),
            ports: drawn(5, 0.4),
            listening: drawn(3, 0.4),
            ssh_banner: Delay::fixed(Duration::from_millis(200)),
        }
    }
}

impl BootProfile {
    /// Every step takes exactly `step`.
    #[must_use]
    pub const fn fixed(step: Duration) -> Self {
        let delay = Delay::fixed(step);
        Self {
            provisioning: delay,
            image_pull: delay,
            runtime: delay,
            ports: delay,
            listening: delay,
            ssh_banner: delay,
        }
    }

    pub(crate) fn is_sound(&self) -> bool {
        let steps =
            [self.provisioning, self.image_pull, self.runtime, self.ports, self.listening, self.ssh_banner];
        steps.iter().all(Delay::is_sound)
    }

    /// Draws one boot that was asked for at `at`; a restart keeps its machine and its image.
    pub(crate) fn plan(&self, at: Duration, rng: &mut impl Rng, machine: Machine, fate: Fate) -> Boot {
        let provisioning = self.provisioning.draw(rng);
        let image_pull = self.image_pull.draw(rng);
        let assigned = match machine {
            Machine::Wanted => at.saturating_add(provisioning),
            Machine::Kept => at,
        };
        let running = assigned.saturating_add(match machine {
            Machine::Wanted => image_pull,
            Machine::Kept => image_pull / 10,
        });
        let ports = running.saturating_add(self.ports.draw(rng));
        let boot = Boot {
            asked: at,
            assigned,
            pull: running.saturating_sub(assigned),
            running,
            runtime: running.saturating_add(self.runtime.draw(rng)),
            ports,
            listening: ports.saturating_add(self.listening.draw(rng)),
            ssh_banner: self.ssh_banner.draw(rng),
            fate,
        };
        boot.fated()
    }
}

/// What becomes of a boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Sound,
    /// The container exits and is restarted, again and again.
    ExitLoop {
        every: Duration,
    },
    /// The container cannot be started.
    Fails,
    Stuck(BootStage),
}

/// Whether a boot starts with looking for a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    Wanted,
    Kept,
}

/// The instants of one boot, all known from its first moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boot {
    pub(crate) asked: Duration,
    pub(crate) assigned: Duration,
    /// How long the image takes to arrive.
    pub(crate) pull: Duration,
    pub(crate) running: Duration,
    pub(crate) runtime: Duration,
    pub(crate) ports: Duration,
    pub(crate) listening: Duration,
    pub(crate) ssh_banner: Duration,
    pub(crate) fate: Fate,
}

impl Boot {
    /// A boot that is over and done with at once.
    pub(crate) fn done(at: Duration) -> Self {
        let (pull, ssh_banner) = (Duration::ZERO, Duration::ZERO);
        Self {
            asked: at,
            assigned: at,
            pull,
            running: at,
            runtime: at,
            ports: at,
            listening: at,
            ssh_banner,
            fate: Fate::Sound,
        }
    }

    /// When everything answers; `None` when that never happens.
    pub(crate) fn usable(&self) -> Option<Duration> {
        (self.listening < Duration::MAX).then(|| self.listening.saturating_add(self.ssh_banner))
    }

    /// Takes away what its fate never lets it reach.
    fn fated(mut self) -> Self {
        const NEVER: Duration = Duration::MAX;
        let never: &mut [&mut Duration] = match self.fate {
            Fate::Sound => &mut [],
            Fate::ExitLoop { .. } | Fate::Stuck(BootStage::Listening) => &mut [&mut self.listening],
            Fate::Stuck(BootStage::Ports) => &mut [&mut self.ports, &mut self.listening],
            Fate::Fails => &mut [&mut self.runtime, &mut self.ports, &mut self.listening],
            Fate::Stuck(BootStage::Starting) => {
                &mut [&mut self.running, &mut self.runtime, &mut self.ports, &mut self.listening]
            }
            Fate::Stuck(BootStage::Provisioning) => &mut [
                &mut self.assigned,
                &mut self.running,
                &mut self.runtime,
                &mut self.ports,
                &mut self.listening,
            ],
        };
        never.iter_mut().for_each(|instant| **instant = NEVER);
        self
    }
}

impl Fate {
    /// The fate a fault gives to the boot it happens to.
    pub(crate) fn of(fault: Option<&FaultKind>) -> Self {
        match fault {
            Some(FaultKind::ExitLoop { every }) => Self::ExitLoop { every: *every },
            Some(FaultKind::BootFailure) => Self::Fails,
            Some(FaultKind::Stuck { stage }) => Self::Stuck(*stage),
            _ => Self::Sound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

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
