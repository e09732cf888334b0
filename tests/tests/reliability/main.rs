//! No pod runs that nobody knows of, and no secret leaves by a door it was not meant for.

mod adversary;
mod cancellation;
mod crash;
mod doors;
mod exchanges;
mod matrix;
mod parsers;
mod properties;
mod secrets;
mod soak;
mod supply;
mod wire;
