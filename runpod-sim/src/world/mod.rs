//! The simulated world: an account, its pods, their machines and the clock.

pub(crate) mod account;
pub(crate) mod answer;
pub(crate) mod app;
pub(crate) mod behavior;
pub(crate) mod billed;
pub(crate) mod boot;
pub(crate) mod capacity;
pub(crate) mod catalog;
pub(crate) mod clock;
pub(crate) mod delay;
pub(crate) mod endpoints;
pub(crate) mod journal;
pub(crate) mod launch;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod log;
pub(crate) mod observation;
pub(crate) mod order;
pub(crate) mod pod;
pub(crate) mod port;
pub(crate) mod registry;
mod reload;
pub(crate) mod rules;
pub(crate) mod seconds;
pub(crate) mod secret;
pub(crate) mod settings;
pub(crate) mod snapshot;
pub(crate) mod ssh;
pub(crate) mod store;
pub(crate) mod template;
pub(crate) mod volume;

pub(crate) use app::App;
