//! A clock that moves only when nothing is on its way between sockets.
//!
//! Under paused time tokio jumps to the next timer as soon as no task is ready, even if the look at the sockets
//! in between has just found something: every loopback hop would cost a timer. So one task is made ready before
//! the runtime rests, which has it look at the sockets without letting time pass, until nothing has happened for
//! a few rounds.

use std::{
    future::{Future, poll_fn},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
};

use tokio::runtime;

/// Rounds without anything on a socket or in an actor, after which nothing is on its way. A hop over loopback
/// takes one, a new connection two.
const ROUNDS: u64 = 3;
/// More tasks than are ever ready at once: a round is over only when all of them have had their turn.
const EVERYBODY: u32 = 1_000_000;

/// Work under way, as far as the clock must know.
#[derive(Clone, Debug, Default)]
pub(super) struct Activity(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    count: AtomicU64,
    /// The count at the end of the last round.
    seen: AtomicU64,
    /// Rounds in a row without a change.
    still: AtomicU64,
    /// The task that is made ready, while the runtime is there.
    keeper: Mutex<Option<Waker>>,
}

impl Activity {
    /// Notes that something has happened which may be followed by something on a socket.
    pub(super) fn note(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends a round: another one follows, unless nothing has happened for long enough.
    fn end_round(&self) {
        let Shared { count, seen, still, .. } = &*self.0;
        let now = count.load(Ordering::Relaxed);
        if seen.swap(now, Ordering::Relaxed) != now {
            still.store(0, Ordering::Relaxed);
        }
        if still.fetch_add(1, Ordering::Relaxed) < ROUNDS {
            self.keeper().as_ref().map(Waker::wake_by_ref);
        } else {
            // Time passes, and whoever waited for that may send something.
            still.store(0, Ordering::Relaxed);
        }
    }

    fn keeper(&self) -> MutexGuard<'_, Option<Waker>> {
        self.0.keeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task that is made ready.
    async fn keep(self) {
        poll_fn(|context| {
            *self.keeper() = Some(context.waker().clone());
            Poll::<()>::Pending
        })
        .await;
    }
}

/// Runs a future on a runtime of its own, on this thread, with paused time.
///
/// # Errors
/// If the runtime cannot be set up.
pub(super) fn run<F: Future>(activity: &Activity, future: F) -> io::Result<F::Output> {
    let ending = activity.clone();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .event_interval(EVERYBODY)
        .on_thread_park(move || ending.end_round())
        .build()?;
    let output = runtime.block_on(async {
        let keeper = tokio::spawn(activity.clone().keep());
        let output = future.await;
        keeper.abort();
        output
    });
    // A waker keeps its runtime, and that its sockets.
    activity.keeper().take();
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::{Instant, sleep, timeout},
    };

    use super::*;

    #[test]
    fn ten_thousand_answers_take_no_time_and_a_pause_takes_its_own() {
        let activity = Activity::default();
        let noting = activity.clone();
        let (busy, paused) = run(&activity, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(async move {
                while let Ok((mut stream, _)) = listener.accept().await {
                    noting.note();
                    let noting = noting.clone();
                    tokio::spawn(async move {
                        while stream.read_exact(&mut [0]).await.is_ok() {
                            noting.note();
                            stream.write_all(b"x").await.unwrap();
                        }
                    });
                }
            });
            let began = Instant::now();
            for _ in 0..100 {
                let mut stream = TcpStream::connect(address).await.unwrap();
                for _ in 0..100 {
                    stream.write_all(b"x").await.unwrap();
                    let mut heard = [0];
                    let answer = stream.read_exact(&mut heard);
                    timeout(Duration::from_millis(5), answer).await.expect("no time passes").unwrap();
                }
            }
            let busy = began.elapsed();
            sleep(Duration::from_secs(3600)).await;
            (busy, began.elapsed() - busy)
        })
        .unwrap();
        assert_eq!(busy, Duration::ZERO);
        assert!(paused >= Duration::from_secs(3600) && paused < Duration::from_secs(3601), "{paused:?}");
    }
}
