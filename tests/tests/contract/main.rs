//! Every operation and every type of both contracts, walked.

mod calls;
mod contract;
mod docs;
mod given;
mod operation;
mod received;
mod sample;
mod sent;
mod stream;

use given::Given;
use operation::Operation;

mod v1 {
    use super::{Given, Operation};
    use runpod_api::v1::{Client, types};

    pub(crate) fn operations() -> Vec<Operation<Client>> {
        include!(concat!(env!("OUT_DIR"), "/operations_v1.rs"))
    }
}

mod v2 {
    use super::{Given, Operation};
    use runpod_api::v2::{Client, types};

    pub(crate) fn operations() -> Vec<Operation<Client>> {
        include!(concat!(env!("OUT_DIR"), "/operations_v2.rs"))
    }
}
