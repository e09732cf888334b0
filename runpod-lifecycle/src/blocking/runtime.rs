//! The runtime behind blocking calls.

use std::{
    cell::Cell,
    future::{self, Future, IntoFuture},
    io,
    pin::pin,
    sync::OnceLock,
    thread,
};

use futures_util::{Stream, StreamExt};
use tokio::runtime::{Builder, Handle};

use crate::{Error, ErrorKind, error::operation::Operation};

/// The refusal where async code runs.
const INSIDE_ASYNC: &str = "it would hold up the async program that this thread runs: call the async RunPod there, or this one on a thread of std::thread";

thread_local! {
    /// True while this thread is in a blocking call, such as the work of `with_pod`.
    static IS_BLOCKING: Cell<bool> = const { Cell::new(false) };
}

/// Blocks until a future is over: any of this crate's, with the settings that it has and the blocking calls do not.
///
/// ```no_run
/// # fn example(pod: runpod_lifecycle::blocking::PodHandle) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use runpod_lifecycle::{PodHandle, Ready, blocking::block_on};
///
/// let pod = PodHandle::from(pod);
/// let pod = block_on(pod.wait_until(Ready::Ssh, Duration::from_secs(600)).fail_early(true))??;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`ErrorKind::Unsupported`] on a thread that runs async code, or where no thread can be had. Nothing was sent.
///
/// # Cancellation
/// Nothing ends it before its time but the end of the process.
pub fn block_on<F: IntoFuture>(future: F) -> Result<F::Output, Error> {
    block("block_on", future)
}

/// The items of a stream of this crate's, each waited for when it is asked for.
///
/// ```no_run
/// # fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), runpod_lifecycle::Error> {
/// use runpod_lifecycle::blocking::iter;
///
/// for line in iter(runpod.logs("k3x9q2m7v1b8z5").follow())? {
///     println!("{}", line?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`block_on`].
pub fn iter<S: Stream>(stream: S) -> Result<impl Iterator<Item = S::Item> + use<S>, Error> {
    let runtime = admit("iter")?;
    let mut stream = Box::pin(stream);
    Ok(std::iter::from_fn(move || poll_here(runtime, stream.next())))
}

/// Blocks until a call is over that goes by this name.
pub(super) fn block<F: IntoFuture>(name: &'static str, future: F) -> Result<F::Output, Error> {
    let runtime = admit(name)?;
    Ok(poll_here(runtime, async { future.into_future().await }))
}

/// The runtime, for a thread that may block.
fn admit(name: &'static str) -> Result<&'static Handle, Error> {
    let refused = |message: &str| {
        Error::of_answer(
            ErrorKind::Unsupported,
            Operation::Named("make the blocking call"),
            Some(name),
            message,
        )
    };
    if Handle::try_current().is_ok() && !IS_BLOCKING.get() {
        return Err(refused(INSIDE_ASYNC));
    }
    runtime().as_ref().map_err(|error| refused(&format!("no thread can be had for it: {error}")))
}

/// The one runtime, driven by a thread of its own as long as the process lasts.
fn runtime() -> &'static io::Result<Handle> {
    static RUNTIME: OnceLock<io::Result<Handle>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let drive = move || runtime.block_on(future::pending::<()>());
        thread::Builder::new().name("runpod-blocking".to_owned()).spawn(drive)?;
        Ok(handle)
    })
}

/// Polls a future on this thread, while the runtime's thread sees to sockets and timers: so it may borrow, and a
/// panic of it is this thread's.
fn poll_here<F: Future>(runtime: &Handle, future: F) -> F::Output {
    struct Leave(bool);
    impl Drop for Leave {
        fn drop(&mut self) {
            IS_BLOCKING.set(self.0);
        }
    }
    let _leave = Leave(IS_BLOCKING.replace(true));
    let _entered = runtime.enter();
    pollster::block_on(pin!(future))
}
