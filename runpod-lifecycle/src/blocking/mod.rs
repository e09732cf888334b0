//! The same calls for programs without async code: the same names, each of which returns when it is over.
//!
//! ```no_run
//! use std::time::Duration;
//! use runpod_lifecycle::{PodSpec, Ready, blocking::RunPod};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runpod = RunPod::from_env()?.on_event(|event| println!("{event}"));
//! let spec = PodSpec::any_gpu("my-env", "runpod/pytorch:latest").port("22/tcp");
//! let pod = runpod.deploy(&spec)?.wait_until(Ready::Ssh, Duration::from_secs(600))?;
//! println!("{:?}", pod.connection().ssh_command());
//! pod.terminate()?;
//! # Ok(())
//! # }
//! ```
//!
//! A call runs on the thread that makes it; one more thread, which the first call starts and all share, sees to sockets and
//! timers. Events come on the calling thread. Both handles dereference to the async ones, whose other methods do not wait, and are
//! made from them ([`From`]); [`block_on`] waits for what has settings of its own, such as
//! [`WithPod::until`](crate::WithPod::until).
//!
//! # Errors
//! The types of the async calls. On a thread that runs async code (a tokio runtime's, `spawn_blocking` included) each call is
//! refused as [`ErrorKind::Unsupported`](crate::ErrorKind) before anything is sent: it would hold up other tasks. A runtime that runs
//! within a blocking call, such as in the work of `with_pod`, is not told from ours: make no blocking call in it. Neither is
//! one around the `next` of an iterator that was made outside.
//!
//! # Cancellation
//! A blocking call cannot be dropped: it ends by itself, at the latest after the time that a wait was given and what its
//! namesake adds to that. Ctrl-C ends the process and with it the call, as if the async one had been dropped: a create that was sent
//! may have made a pod, and a pod that is there bills on, the pod of [`RunPod::with_pod`] too. Give specs a
//! [`lifetime`](crate::PodSpec::lifetime), and [`RunPod::reap`] ends what was left behind.

mod calls;
mod handle;
mod logs;
mod runpod;
mod runtime;

pub use handle::PodHandle;
pub use logs::Logs;
pub use runpod::RunPod;
pub use runtime::{block_on, iter};
