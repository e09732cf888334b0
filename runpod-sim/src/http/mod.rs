//! The HTTP server: REST v1 and v2, and the control interface beside them.

mod call;
mod control;
mod dispatch;
mod files;
mod guard;
#[cfg(feature = "page")]
mod page;
mod proxy;
mod reply;
mod router;
mod server;
mod v1;
mod v2;
mod wire;

pub(crate) use router::router;
pub(crate) use server::serve;
