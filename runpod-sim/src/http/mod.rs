mod call;
mod control;
mod dispatch;
mod files;
mod guard;
mod proxy;
mod reply;
mod router;
mod server;
mod v1;
mod v2;
mod wire;

pub(crate) use router::router;
pub(crate) use server::serve;
