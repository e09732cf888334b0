//! Boots: the instants from a start to a usable pod.

use std::time::Duration;

use rand::Rng;

use crate::{
    faults::{BootStage, Cause, FaultKind},
    world::delay::Delay,
};

/// Durations of the steps from an accepted create to a usable pod, in simulated time.
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

    /// As seen live: RUNNING within seconds of the create, then 50 to 84 s until `ssh.direct`, then up to 20 s until
    /// something listens.
    #[must_use]
    pub const fn observed() -> Self {
        Self {
            provisioning: between(0, 2),
            image_pull: between(0, 4),
            runtime: between(30, 84),
            ports: between(50, 84),
            listening: between(0, 20),
            ssh_banner: Delay::fixed(Duration::from_millis(200)),
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
        // What keeps a container from starting delays all that follows RUNNING.
        let able = running.saturating_add(match fate {
            Fate::CannotStart { healing, .. } => healing.unwrap_or_default(),
            _ => Duration::ZERO,
        });
        let ports = able.saturating_add(self.ports.draw(rng));
        let boot = Boot {
            asked: at,
            assigned,
            pull: running.saturating_sub(assigned),
            running,
            runtime: able.saturating_add(self.runtime.draw(rng)),
            ports,
            listening: ports.saturating_add(self.listening.draw(rng)),
            ssh_banner: self.ssh_banner.draw(rng),
            fate,
        };
        boot.fated()
    }
}

const fn between(from: u64, to: u64) -> Delay {
    Delay::between(Duration::from_secs(from), Duration::from_secs(to))
}

/// The outcome of a boot.
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
    /// RUNNING without a runtime: the machine tries to start the container again and again, for a while or for ever.
    CannotStart {
        cause: Cause,
        healing: Option<Duration>,
    },
}

/// The machine of a boot: a new one, which is searched for first, or the one the pod has.
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
    /// Time until the image has arrived.
    pub(crate) pull: Duration,
    pub(crate) running: Duration,
    pub(crate) runtime: Duration,
    pub(crate) ports: Duration,
    pub(crate) listening: Duration,
    pub(crate) ssh_banner: Duration,
    pub(crate) fate: Fate,
}

impl Boot {
    /// A boot that begins later, with all that follows.
    pub(crate) fn later(mut self, by: Duration) -> Self {
        let instants = [
            &mut self.asked,
            &mut self.assigned,
            &mut self.running,
            &mut self.runtime,
            &mut self.ports,
            &mut self.listening,
        ];
        instants.into_iter().for_each(|instant| *instant = instant.saturating_add(by));
        self
    }

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

    /// Time since the container last started.
    pub(crate) fn uptime(&self, at: Duration) -> Duration {
        let running = at.saturating_sub(self.running);
        match self.fate {
            Fate::ExitLoop { every } => {
                Duration::from_secs(running.as_secs().checked_rem(every.as_secs()).unwrap_or_default())
            }
            _ => running,
        }
    }

    /// The instant from which everything answers; `None` when that never happens.
    pub(crate) fn usable(&self) -> Option<Duration> {
        (self.listening < Duration::MAX).then(|| self.listening.saturating_add(self.ssh_banner))
    }

    /// Takes away what its fate never lets it reach.
    fn fated(mut self) -> Self {
        const NEVER: Duration = Duration::MAX;
        let never: &mut [&mut Duration] = match self.fate {
            Fate::Sound | Fate::CannotStart { healing: Some(_), .. } => &mut [],
            Fate::ExitLoop { .. } | Fate::Stuck(BootStage::Listening) => &mut [&mut self.listening],
            Fate::Stuck(BootStage::Ports) => &mut [&mut self.ports, &mut self.listening],
            Fate::Fails | Fate::CannotStart { .. } => {
                &mut [&mut self.runtime, &mut self.ports, &mut self.listening]
            }
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
            Some(FaultKind::CannotStart { cause, healing }) => {
                Self::CannotStart { cause: *cause, healing: *healing }
            }
            _ => Self::Sound,
        }
    }
}
