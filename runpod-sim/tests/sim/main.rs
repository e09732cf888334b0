//! The simulator through its HTTP interface, as any client sees it.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod answers;
mod behavior;
mod billing;
mod caller;
mod catalog;
mod changes;
mod control;
mod ends;
mod faults;
mod lists;
mod lives;
mod logs;
mod mishaps;
mod refusals;
mod seeding;
mod stock;
mod truth;
mod v1;
