//! The statements against the simulator, and the promise that nothing is left to bill.

mod believed;
mod house;
