//! The simulator through its HTTP interface, as any client sees it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod behavior;
mod billing;
mod catalog;
mod client;
mod control;
mod endpoints;
mod faults;
mod http_answers;
mod ledger;
mod lists;
mod logs;
mod pod_failures;
mod pod_lifecycle;
mod refusals;
mod reload;
mod seeding;
mod stock;
mod updates;
mod v1;
