//! The number of files this process may still open.

use std::fs;

/// Files that are left for connections and the like.
const SPARE: usize = 64;

/// Files this process may still open, a few kept back; `None` where the system does not say.
pub(crate) fn room() -> Option<usize> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let limit = limits.lines().find(|line| line.starts_with("Max open files"))?;
    let limit: usize = limit.split_whitespace().nth(3)?.parse().ok()?;
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(limit.saturating_sub(open + SPARE))
}
