//! Processes of a container: found by a mark in their environment, and killed.

use std::{
    collections::{BTreeSet, HashSet},
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::signal::unix::{SignalKind, signal};

/// The variable that marks every process of a container, and says which container it is.
pub(super) const MARK: &str = "RUNPOD_SIM_CONTAINER";
/// Rounds of killing, of [`PAUSE`] each.
const ROUNDS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(5);

/// A command and everything it has started in its own process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Group(Pid);

impl Group {
    /// The group whose leader is a child.
    pub(super) fn of(child: u32) -> Option<Self> {
        i32::try_from(child).ok().and_then(Pid::from_raw).map(Self)
    }

    /// Sends a signal to all of it. One that has ended hears nothing.
    pub(super) fn signal(self, signal: Signal) {
        let _ = kill_process_group(self.0, signal);
    }
}

/// Lets commands begin with the signals of a login, also where this program was told to ignore some, as by `nohup`.
///
/// A child inherits what is ignored, and not what is caught. So it is caught here, and nothing is done about it. Without `/proc` it stays.
pub(super) fn unignore_signals() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    for number in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM].map(Signal::as_raw) {
        if ignored & (1 << (number - 1)) != 0 {
            // An error would leave it as it was.
            let _ = signal(SignalKind::from_raw(number));
        }
    }
}

/// Kills commands that run and every process whose environment has a mark, detached ones included, with all that descend
/// from one. Returns once none is left.
pub(super) fn kill(mark: &Path, running: &HashSet<Group>) {
    running.iter().for_each(|group| group.signal(Signal::KILL));
    let entry = [MARK.as_bytes(), b"=", mark.as_os_str().as_bytes()].concat();
    let mut killed = BTreeSet::new();
    for _ in 0..ROUNDS {
        let all = processes();
        let found = marked(&all, &entry, running);
        // One without a parent and an environment is known by nothing any more while it dies.
        if found.is_empty() && !all.iter().any(|(pid, _)| killed.contains(pid)) {
            return;
        }
        for pid in found.iter().copied().filter_map(Pid::from_raw) {
            // An error says that it has ended meanwhile.
            let _ = kill_process(pid, Signal::KILL);
        }
        killed.extend(found);
        thread::sleep(PAUSE);
    }
    tracing::warn!(container = %mark.display(), "processes of a container do not end");
}

/// The processes that have an entry in their environment or lead a group, and their descendants.
fn marked(all: &[(i32, i32)], entry: &[u8], running: &HashSet<Group>) -> BTreeSet<i32> {
    let leaders: HashSet<i32> = running.iter().map(|group| group.0.as_raw_nonzero().get()).collect();
    let has = |pid: &i32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        leaders.contains(pid) || environ.split(|byte| *byte == 0).any(|one| one == entry)
    };
    let mut found: BTreeSet<i32> = all.iter().map(|(pid, _)| *pid).filter(has).collect();
    // Those that have cleared their environment are told by their parents.
    loop {
        let known = found.len();
        let children = all.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid);
        found.extend(children.collect::<Vec<_>>());
        if found.len() == known {
            return found;
        }
    }
}

/// The processes of this machine that have not ended, with their parents. None where there is no `/proc`.
fn processes() -> Vec<(i32, i32)> {
    numbers().filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

fn numbers() -> impl Iterator<Item = i32> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name: std::ffi::OsString| OsStr::to_str(&name)?.parse().ok())
}

/// The parent of a process; `None` for one that has ended.
fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, brackets and blanks too.
    let mut facts = stat.rsplit_once(')')?.1.split_whitespace();
    let state = facts.next()?;
    facts.next()?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}
