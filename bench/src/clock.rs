//! Time that passes faster than it does, beside real sockets.

use std::{future::Future, io, thread, time::Duration};

use tokio::{runtime, sync::mpsc, task, time};

/// Real time between two steps of the clock.
const TICK: Duration = Duration::from_millis(1);
/// More tasks than are ever ready at once.
const EVERYBODY: u32 = 100_000;

/// Runs a future on a runtime of its own, with one thread and a clock that runs up to `speed` times
/// as fast as real time.
///
/// The clock moves in steps, each only after everything that was ready has had its turn: on a busy
/// machine time passes slower, and no deadline is missed for want of a processor.
///
/// # Errors
/// If the runtime cannot be set up.
pub fn run_fast<F: Future>(speed: u32, future: F) -> io::Result<F::Output> {
    let mut runtime = runtime::Builder::new_current_thread();
    // By default the clock would have its turn after every 61 tasks, however many are ready.
    let runtime = runtime.enable_all().start_paused(true).event_interval(EVERYBODY).build()?;
    let output = runtime.block_on(async {
        let (tick, mut ticks) = mpsc::channel(1);
        // While a blocking task runs, tokio does not jump to the next timer.
        task::spawn_blocking(move || {
            while tick.blocking_send(()).is_ok() {
                thread::sleep(TICK);
            }
        });
        let time = async {
            while ticks.recv().await.is_some() {
                time::advance(TICK * speed).await;
            }
            std::future::pending().await
        };
        tokio::select! {
            output = future => output,
            never = time => never,
        }
    });
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    #[test]
    fn an_hour_passes_in_a_moment_while_sockets_keep_their_time() {
        let real = std::time::Instant::now();
        let elapsed = run_fast(3600, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let echo = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                stream.write_all(&byte).await.unwrap();
            });
            let started = time::Instant::now();
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0]).await.unwrap();
            echo.await.unwrap();
            time::sleep(Duration::from_secs(3600)).await;
            started.elapsed()
        })
        .unwrap();
        assert!(elapsed >= Duration::from_secs(3600), "{elapsed:?}");
        assert!(real.elapsed() < Duration::from_secs(60));
    }
}
