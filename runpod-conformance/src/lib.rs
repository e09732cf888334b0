//! Holds what the project believes about RunPod against a server: a simulator, or the real thing.
//!
//! [`STATEMENTS`] is the list, from which `docs/facts.md` is written. [`run`] asks the server over plain HTTP, without the
//! facade, which would hide what is asked; each statement then [judges](Statement::judge) what was seen. [`Report`] writes
//! it down, and [`recordings`] keeps the exchanges, cleaned of whatever tells whose they are.
//!
//! # Cost
//! A run rents one CPU pod at a time, never more, and ends it on every way out.

mod clock;
mod custody;
mod exchange;
mod facts;
mod limit;
mod options;
mod recording;
mod report;
mod run;
mod session;
mod statement;
mod survey;
mod wire;

pub use clock::Clock;
pub use exchange::{Evidence, Exchange};
pub use facts::{STATEMENTS, UNPROBED, page};
pub use limit::RESERVE;
pub use options::{LIVE_URL, Options, Stop};
pub use recording::{Recording, recordings};
pub use report::{Report, Row};
pub use run::{Outcome, run};
pub use statement::{Seen, Source, Statement, Verdict};
