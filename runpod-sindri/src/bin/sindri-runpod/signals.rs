//! Signals that end the program.

/// Ends when the program is to end: at Ctrl-C, when it is asked to terminate, as by `timeout` or a CI, or when its terminal
/// goes, as when an SSH session breaks off; not if it was started to outlive that.
pub(crate) async fn interrupted() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let hang_up = async {
            if outlives_its_terminal() {
                std::future::pending().await
            }
            signal(SignalKind::hangup())?.recv().await;
            Ok(())
        };
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
            hung_up = hang_up => hung_up,
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// Returns true if hangups are ignored, as under `nohup`. False where there is no `/proc` to know it from.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The first bit is that of SIGHUP.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
