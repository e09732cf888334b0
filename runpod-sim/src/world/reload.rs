//! Settings that change while the simulator runs.

use std::{mem, time::Duration};

use crate::world::{
    App,
    account::{self, Account},
    limits::Limits,
    settings::Settings,
};

impl App {
    /// Applies what differs from the settings before, and keeps the new ones for the next reset. What was changed in between by other
    /// means stays, unless the settings differ in just that. Returns the names of those that only a start can change.
    pub(crate) fn reload(&self, mut new: Settings) -> Vec<&'static str> {
        let waiting = self.settings.starts_unlike(&new);
        // Draws of one life follow one seed, also after a reset.
        new.seed = self.settings.seed;
        let mut setup = self.setup();
        let old = mem::replace(&mut *setup, new);
        let new = &*setup;
        if new.behavior != old.behavior {
            self.behave(new.behavior.clone());
        }
        if new.answers != old.answers {
            self.answers.replace(new.answers.clone());
        }
        if new.faults != old.faults {
            self.faults.reset(&new.faults);
        }
        if new.time_scale.to_bits() != old.time_scale.to_bits() {
            self.clock.set_scale(new.time_scale);
        }
        self.account().reload(new, &old, self.clock.now());
        drop(setup);
        self.changed.send_replace(());
        waiting
    }
}

impl Account {
    fn reload(&mut self, new: &Settings, old: &Settings, now: Duration) {
        let stock = |settings: &Settings| {
            (settings.capacity.clone(), settings.capacity_plan.clone(), settings.capacity_drift)
        };
        if stock(new) != stock(old) {
            self.capacity = account::capacity(new);
            self.capacity.reach(now);
        }
        if new.rate_windows != old.rate_windows {
            self.limits = Limits::new(new.rate_windows.clone());
        }
        if new.balance_usd != old.balance_usd {
            self.set_balance(new.balance_usd, now);
        }
        if new.denied != old.denied {
            self.denied = new.denied.iter().copied().collect();
        }
        if new.forbidden != old.forbidden {
            self.forbidden = new.forbidden.iter().cloned().collect();
        }
        if new.v1_retired != old.v1_retired {
            self.v1_retired = new.v1_retired;
        }
    }
}

impl Settings {
    /// The names of the settings in which another simulator would have to be started.
    fn starts_unlike(&self, other: &Self) -> Vec<&'static str> {
        let names = [
            ("api_key", self.api_key.0 != other.api_key.0),
            ("seed", self.seed != other.seed),
            ("epoch", self.epoch != other.epoch),
            ("boot", self.boot != other.boot),
            ("page_size", self.page_size != other.page_size),
            ("real_endpoints", self.real_endpoints != other.real_endpoints),
            ("marker_env", self.marker_env != other.marker_env),
            ("terminated_linger_seconds", self.terminated_linger != other.terminated_linger),
            ("request_log", self.request_log != other.request_log),
            ("verify", self.verify != other.verify),
        ];
        names.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}
