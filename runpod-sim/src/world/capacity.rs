//! Stock: how many units of a type may be handed out in a place.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::world::catalog::{self, Cloud};

/// The machines of a capacity rule: every machine that matches all parts that are set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Scope {
    /// GPU type or CPU flavor id; `None` means any.
    pub type_id: Option<String>,
    /// Data center id; `None` means any.
    pub data_center: Option<String>,
    /// Cloud; `None` means both.
    pub cloud: Option<Cloud>,
}

impl Scope {
    /// Every machine with this GPU type or CPU flavor.
    #[must_use]
    pub fn of_type(id: impl Into<String>) -> Self {
        Self { type_id: Some(id.into()), ..Self::default() }
    }

    /// Narrows the scope to one data center.
    #[must_use]
    pub fn in_data_center(mut self, id: impl Into<String>) -> Self {
        self.data_center = Some(id.into());
        self
    }

    /// Narrows the scope to one cloud.
    #[must_use]
    pub fn in_cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = Some(cloud);
        self
    }

    /// Says why it covers nothing at all; `None` when it may cover something.
    pub(crate) fn flaw(&self) -> Option<String> {
        let unknown_type = self.type_id.as_deref().and_then(catalog::unknown_type);
        unknown_type.or_else(|| self.data_center.as_deref().and_then(catalog::unknown_data_center))
    }

    fn covers(&self, place: &Place) -> bool {
        self.type_id.as_ref().is_none_or(|id| *id == place.type_id)
            && self.data_center.as_ref().is_none_or(|id| *id == place.data_center)
            && self.cloud.is_none_or(|cloud| cloud == place.cloud)
    }
}

/// Location and type of a pod's machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) type_id: String,
    pub(crate) data_center: String,
    pub(crate) cloud: Cloud,
}

/// The stock that may be handed out at a time. Without a rule, everything is in stock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Capacity {
    rules: Vec<(Scope, u32)>,
    /// Rules that are yet to come, in the order they come.
    schedule: Vec<(Duration, Scope, u32)>,
    drift: Option<Drift>,
    now: Duration,
}

/// Stock that changes by itself, everywhere, once in every period.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drift {
    pub(crate) seed: u64,
    pub(crate) period: Duration,
}

/// Units in use, by place.
pub(crate) type Used<'a> = &'a [(&'a Place, u32)];

impl Capacity {
    pub(crate) fn new(schedule: Vec<(Duration, Scope, u32)>, drift: Option<Drift>) -> Self {
        let mut capacity = Self { schedule, drift, ..Self::default() };
        capacity.schedule.sort_by_key(|(at, _, _)| *at);
        capacity
    }

    pub(crate) fn set(&mut self, scope: Scope, units: u32) {
        self.rules.retain(|(known, _)| *known != scope);
        self.rules.push((scope, units));
    }

    /// Sets a rule at a later instant.
    pub(crate) fn plan(&mut self, at: Duration, scope: Scope, units: u32) {
        let place = self.schedule.partition_point(|(known, _, _)| *known <= at);
        self.schedule.insert(place, (at, scope, units));
    }

    /// Applies the rules that are due by an instant.
    pub(crate) fn reach(&mut self, now: Duration) {
        self.now = now;
        while self.schedule.first().is_some_and(|(at, _, _)| *at <= now) {
            let (_, scope, units) = self.schedule.remove(0);
            self.set(scope, units);
        }
    }

    /// Units still free at a place; `None` means unlimited.
    pub(crate) fn free(&self, place: &Place, used: Used<'_>) -> Option<u32> {
        let covering = self.rules.iter().filter(|(scope, _)| scope.covers(place));
        let ruled = covering.map(|(scope, units)| units.saturating_sub(in_use(scope, used))).min();
        let drifting = self.drift.map(|drift| {
            let here: u32 = used.iter().filter(|(known, _)| *known == place).map(|(_, count)| count).sum();
            drift.units(place, self.now).saturating_sub(here)
        });
        ruled.into_iter().chain(drifting).min()
    }

    /// Units of a type still free in a data center and cloud; [`u32::MAX`] means unlimited.
    pub(crate) fn free_of(&self, type_id: &str, data_center: &str, cloud: Cloud, used: Used<'_>) -> u32 {
        let place = Place { type_id: type_id.to_owned(), data_center: data_center.to_owned(), cloud };
        self.free(&place, used).unwrap_or(u32::MAX)
    }

    pub(crate) fn fits(&self, place: &Place, count: u32, used: Used<'_>) -> bool {
        self.free(place, used).is_none_or(|free| free >= count)
    }
}

impl Drift {
    /// One time in four nothing, otherwise 1 to 12 units: a function of the place and the time alone.
    fn units(self, place: &Place, now: Duration) -> u32 {
        let turn = now.as_nanos() / self.period.as_nanos().max(1);
        let text = format!("{}|{}|{:?}|{turn}", place.type_id, place.data_center, place.cloud);
        let seed = text
            .bytes()
            .fold(self.seed, |seed, byte| (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = StdRng::seed_from_u64(seed);
        if rng.random_bool(0.25) { 0 } else { rng.random_range(1..=12) }
    }
}

fn in_use(scope: &Scope, used: Used<'_>) -> u32 {
    used.iter().filter(|(place, _)| scope.covers(place)).map(|(_, count)| count).sum()
}

/// RunPod's stock words for a number of free units.
pub(crate) fn level(free: Option<u32>, wanted: u32) -> &'static str {
    match free {
        None => "HIGH",
        Some(free) if free < wanted.max(1) => "NONE",
        Some(1..=2) => "LOW",
        Some(3..=8) => "MEDIUM",
        Some(_) => "HIGH",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(type_id: &str, data_center: &str, cloud: Cloud) -> Place {
        Place { type_id: type_id.into(), data_center: data_center.into(), cloud }
    }

    #[test]
    fn the_tightest_rule_decides() {
        let mut capacity = Capacity::default();
        let here = place("A40", "EU-RO-1", Cloud::Secure);
        assert_eq!(capacity.free(&here, &[]), None);
        capacity.set(Scope::of_type("A40"), 4);
        capacity.set(Scope::of_type("A40").in_data_center("EU-RO-1"), 1);
        capacity.set(Scope::of_type("L4"), 0);
        assert_eq!(capacity.free(&here, &[]), Some(1));
        let there = place("A40", "US-KS-2", Cloud::Community);
        assert_eq!(capacity.free(&there, &[(&here, 1)]), Some(3));
        assert!(!capacity.fits(&here, 1, &[(&here, 1)]));
        capacity.set(Scope::of_type("A40").in_data_center("EU-RO-1"), 9);
        assert_eq!(capacity.free(&here, &[(&here, 1)]), Some(3));
    }

    #[test]
    fn planned_rules_come_in_their_time() {
        let here = place("A40", "EU-RO-1", Cloud::Secure);
        let mut capacity = Capacity::new(vec![(Duration::from_secs(9), Scope::of_type("A40"), 2)], None);
        capacity.plan(Duration::from_secs(5), Scope::of_type("A40"), 0);
        let free = [0, 5, 9].map(|seconds| {
            capacity.reach(Duration::from_secs(seconds));
            capacity.free(&here, &[])
        });
        assert_eq!(free, [None, Some(0), Some(2)]);
    }

    #[test]
    fn drifting_stock_runs_out_and_comes_back_as_the_seed_says() {
        let here = place("A40", "EU-RO-1", Cloud::Secure);
        let story = |seed| -> Vec<_> {
            let drift = Drift { seed, period: Duration::from_secs(60) };
            let mut capacity = Capacity::new(Vec::new(), Some(drift));
            let mut free = |minute| {
                capacity.reach(Duration::from_secs(60 * minute));
                capacity.free(&here, &[]).unwrap()
            };
            (0_u64..100).map(&mut free).collect()
        };
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
        let out = story(1).into_iter().filter(|free| *free == 0).count();
        assert!((10..40).contains(&out), "{out} of 100 turns without stock");
    }

    #[test]
    fn levels_follow_what_is_free() {
        assert_eq!(
            [None, Some(0), Some(2), Some(5), Some(9)].map(|free| level(free, 1)),
            ["HIGH", "NONE", "LOW", "MEDIUM", "HIGH"]
        );
        assert_eq!(level(Some(2), 4), "NONE");
    }
}
