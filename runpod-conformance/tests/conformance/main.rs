//! The statements against the simulator, and the promise that nothing is left to bill.

mod believed;
mod binary;
mod house;
mod live;
mod pages;
mod recordings;
mod replay;
mod switched;
