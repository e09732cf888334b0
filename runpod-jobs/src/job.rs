//! Jobs: commands that outlive the connection that started them.

use std::{collections::BTreeMap, ffi::OsStr, fmt, time::Duration};

use runpod_lifecycle::{ErrorKind, PodState};
use tokio::{io::AsyncReadExt, time::sleep};
use uuid::Uuid;

use crate::{Error, Session, env::exports, script::Script, session::may_run};

/// The folder of all jobs, below the home folder of who is logged in: on the container disk, which a restart wipes.
const FOLDER: &str = ".runpod-jobs";
/// The exit status by which a script says that nobody watches over the job any more.
const ABANDONED: i32 = 48;

/// Starts a job unless one of its id is there, and waits until it runs. Status and reason have their place on the disk from the
/// beginning, so that a full one cannot keep them from being written.
const START: &str = r#"
dir=$PWD/$1 limit=$2 cwd=$3; shift 3
eval "$(cat)"
command -v setsid > /dev/null || { echo 'there is no setsid' >&2; exit 127; }
if [ -n "$cwd" ]; then [ -d "$cwd" ] || { echo 'its folder is not there' >&2; exit 44; }; fi
mask=$(umask)
umask 077
mkdir -p -- "${dir%/*}" || exit
if mkdir -- "$dir" 2> /dev/null; then
  { printf 'running             ' > "$dir/status" && printf 'none      ' > "$dir/why" &&
    printf '%-40s' '' > "$dir/pid" && printf '%-20s' '' > "$dir/group" && : > "$dir/out"; } ||
    { rm -rf -- "$dir"; exit 45; }
  if [ -n "$cwd" ]; then cd -- "$cwd" || exit; fi
  umask "$mask"
  setsid sh -c "$SUPERVISE" sh "$dir" "$limit" "$@" < /dev/null > /dev/null 2>&1 &
else
  [ -d "$dir" ] || exit 45
fi
n=0 group=
while [ -z "$group" ] && [ "$n" -lt 100 ]; do
  read -r group rest < "$dir/group"
  [ -n "$group" ] || sleep 0.1 2> /dev/null || sleep 1
  n=$((n + 1))
done
[ -n "$group" ] || { echo 'it did not begin within 10 s' >&2; exit 1; }"#;
/// Watches over a job in a session of its own: runs it in another one, ends that after its time, and writes down what came of it.
const SUPERVISE: &str = r#"
dir=$1 limit=$2; shift 2
since=$(cut -d " " -f 22 "/proc/$$/stat")
printf "%s %s " "$$" "$since" 1<> "$dir/pid"
setsid "$@" >> "$dir/out" 2>&1 &
child=$!
printf "%s " "$child" 1<> "$dir/group"
dog=
if [ "$limit" -gt 0 ]; then
  ( sleep "$limit"
    printf "timed-out " 1<> "$dir/why"
    kill -TERM "-$child"; sleep 10; kill -KILL "-$child" ) > /dev/null 2>&1 &
  dog=$!
fi
wait "$child"
status=$?
read -r why rest < "$dir/why"
if [ "$why" != none ]; then
  n=0
  while kill -0 "-$child" 2> /dev/null && [ "$n" -lt 10 ]; do sleep 1; n=$((n + 1)); done
  kill -KILL "-$child" 2> /dev/null
fi
[ -z "$dog" ] || kill "$dog" 2> /dev/null
printf "exited %-13s" "$status" 1<> "$dir/status"
exit 0"#;
/// Sends a job's output from a byte on, until it has ended and all is sent.
const FOLLOW: &str = r#"
dir=$1 at=$2
while :; do
  [ -e "$dir/status" ] || exit 44
  read -r state rest < "$dir/status"
  size=$(wc -c < "$dir/out") || exit
  if [ "$size" -gt "$at" ]; then
    tail -c +"$((at + 1))" -- "$dir/out" | head -c "$((size - at))" || exit
    at=$size
    continue
  fi
  [ "$state" = running ] || exit 0
  read -r pid since rest < "$dir/pid"
  if [ "$(cut -d ' ' -f 22 "/proc/$pid/stat" 2> /dev/null)" != "$since" ]; then
    read -r state rest < "$dir/status"
    [ "$state" = running ] && exit 48
    continue
  fi
  sleep 0.2 2> /dev/null || sleep 1
done"#;
/// Prints status, reason and the free space of the disk.
const STATUS: &str = r#"
[ -e "$1/status" ] || exit 44
cat -- "$1/status"; echo; cat -- "$1/why"; echo
wc -c < "$1/out"
df -P -- "$1" | tail -n 1 | while read -r _ _ _ free _; do echo "$free"; done"#;
/// Ends a job's process group, gently at first.
const KILL: &str = r#"
dir=$1
[ -e "$dir/status" ] || exit 44
read -r state rest < "$dir/status"
[ "$state" = running ] || exit 0
read -r pid since rest < "$dir/pid"
[ "$(cut -d ' ' -f 22 "/proc/$pid/stat" 2> /dev/null)" = "$since" ] || exit 0
read -r group rest < "$dir/group"
printf 'killed    ' 1<> "$dir/why"
kill -TERM "-$group" 2> /dev/null
n=0
while [ "$state" = running ] && [ "$n" -lt 25 ]; do
  sleep 1; n=$((n + 1))
  [ "$n" -ne 10 ] || kill -KILL "-$group" 2> /dev/null
  read -r state rest < "$dir/status" || exit 0
done
exit 0"#;

/// A command that runs on a pod by itself: it goes on when the connection breaks, and its output and exit status are kept there.
///
/// It ends when its own process does; what it has left in the background goes on. Both of its streams go to one file on the container disk, in the order in which they were written. A stop or restart of the pod ends
/// it, and wipes that.
#[derive(Clone)]
#[must_use = "a job does nothing until it is started"]
pub struct Job {
    id: String,
    words: Vec<String>,
    env: BTreeMap<String, String>,
    folder: String,
    time_limit: Duration,
}

impl Job {
    /// A job of one program and its arguments. No shell sees them.
    pub fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Self {
        Self {
            id: Uuid::new_v4().simple().to_string(),
            words: words.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            folder: String::new(),
            time_limit: Duration::ZERO,
        }
    }

    /// A job of one command line for `sh`.
    pub fn shell(line: impl Into<String>) -> Self {
        Self::new(["sh".to_owned(), "-c".to_owned(), line.into()])
    }

    pub(crate) fn id_of(&self) -> &str {
        &self.id
    }

    /// Finds what no pod could start.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.words.is_empty() {
            return Err(Error::Unsendable { reason: "a job has no words" });
        }
        if self.words.iter().chain([&self.folder]).any(|word| word.contains('\0')) {
            return Err(Error::Unsendable { reason: "a word of a job holds a NUL" });
        }
        exports(&self.env).map(drop)
    }

    /// The id by which another process can attach to it. Default: one that nobody else has.
    ///
    /// Starting a job of an id that is there already attaches to that one. Anything but letters, digits, `_` and `-` becomes `_`.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
        let id: String = id.into().chars().map(plain).take(64).collect();
        if !id.is_empty() {
            self.id = id;
        }
        self
    }

    /// Sets an environment variable, whose name a shell could use. It is in no command line, here or there.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// The working folder. Default: the home folder of who is logged in.
    pub fn folder(mut self, path: impl Into<String>) -> Self {
        self.folder = path.into();
        self
    }

    /// The longest it may run: then its process group gets SIGTERM, and SIGKILL 10 s later. Default: no limit. Whole seconds, at least 1.
    pub fn time_limit(mut self, longest: Duration) -> Self {
        self.time_limit = longest.max(Duration::from_secs(1));
        self
    }
}

impl fmt::Debug for Job {
    /// Without values of variables, and without words, which may hold secrets too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).field("env", &self.env.keys()).finish_non_exhaustive()
    }
}

impl Session {
    /// Starts a job; it runs by the time this returns. Sending it again, after an answer was lost, starts it once.
    ///
    /// # Errors
    /// [`Error::Lost`] if the connection breaks: it may run, and `start` with the same [`Job`] tells. [`Error::Remote`] if the pod has no
    /// `setsid`, or its working folder is not there.
    pub async fn start(&self, job: &Job) -> Result<RunningJob, Error> {
        job.check()?;
        let folder = format!("{FOLDER}/{}", job.id);
        let limit = job.time_limit.as_secs().to_string();
        let words = [&folder, &limit, &job.folder].into_iter().chain(&job.words);
        let arguments = words.map(OsStr::new).collect();
        let text = start_script();
        let path = if job.folder.is_empty() { &folder } else { &job.folder };
        let script = Script { text, arguments, during: "starting a job", path };
        script.output_with(self, exports(&job.env)?.as_bytes()).await?;
        Ok(RunningJob { session: self.clone(), id: job.id.clone(), was_there: true })
    }

    /// A job that this or another process has started on the pod, by its id. Sends nothing: [`RunningJob::status`] tells whether it is
    /// there.
    #[must_use]
    pub fn attach(&self, id: impl Into<String>) -> RunningJob {
        RunningJob { session: self.clone(), id: Job::new([""; 0]).id(id).id, was_there: false }
    }
}

/// The script that starts a job, with the other one in it.
fn start_script() -> &'static str {
    use std::sync::LazyLock;
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("SUPERVISE='{SUPERVISE}'\n{START}"));
    &TEXT
}

/// A job on a pod.
#[derive(Clone, Debug)]
pub struct RunningJob {
    session: Session,
    id: String,
    /// True if it was started here: then it was there, whatever the pod says later.
    was_there: bool,
}

/// The state of a job as the pod has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobStatus {
    /// Its end; `None` while it runs.
    pub end: Option<JobEnd>,
    /// Bytes that it has printed.
    pub printed: u64,
}

/// The end of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobEnd {
    /// It ended by itself.
    Exited {
        /// Its exit status; 128 and the signal's number if a signal ended it.
        status: i32,
        /// True if the disk of its home folder was full when it was asked for, which may be why.
        is_disk_full: bool,
    },
    /// Its time was up, and it was ended.
    TimedOut,
    /// [`RunningJob::kill`] ended it.
    Killed,
    /// The container ended under it, by a stop, a restart or an exit of its own, or what watched over the job was killed. How far it came is not
    /// known.
    ContainerEnded {
        /// The pod's state afterwards, if RunPod said it.
        state: Option<PodState>,
    },
}

impl JobEnd {
    /// Returns true if it exited with status 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited { status: 0, .. })
    }
}

impl fmt::Display for JobEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { status, is_disk_full: false } => write!(f, "exited with status {status}"),
            Self::Exited { status, is_disk_full: true } => {
                write!(f, "exited with status {status}, with the pod's disk full")
            }
            Self::TimedOut => f.write_str("was ended, since its time was up"),
            Self::Killed => f.write_str("was killed"),
            Self::ContainerEnded { state: Some(state) } => {
                write!(f, "ended with its container: the pod is {state} now")
            }
            Self::ContainerEnded { state: None } => f.write_str("ended with its container"),
        }
    }
}

impl RunningJob {
    /// The id by which another process can attach to it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks the pod how it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the pod has no such job, as after a restart.
    pub async fn status(&self) -> Result<JobStatus, Error> {
        let text = self
            .script(STATUS, vec![self.folder().as_ref()], "asking for a job")
            .output(&self.session)
            .await?;
        let mut lines = text.lines().map(str::trim);
        let (status, why) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let mut numbers = lines.map(|line| line.parse::<u64>().ok());
        let printed = numbers.next().flatten().unwrap_or(0);
        let is_disk_full = numbers.next().flatten() == Some(0);
        Ok(JobStatus { end: end_of(status, why, is_disk_full), printed })
    }

    /// Follows its output from the first byte to its end. See [`follow_from`](Self::follow_from).
    ///
    /// # Errors
    /// As `follow_from`.
    pub async fn follow(&self, hear: impl FnMut(&[u8])) -> Result<JobEnd, Error> {
        self.follow_from(0, hear).await
    }

    /// Follows its output from a byte on, counted from 0, until it has ended and every byte was heard, once and in order.
    ///
    /// Whenever the connection breaks it connects again, wherever the pod is then, for as long as the pod lives.
    ///
    /// # Errors
    /// [`Error::HostKey`], [`Error::LoginRefused`] and alike when connecting again; [`Error::NotFound`] if the pod never had such a job.
    ///
    /// # Cancellation
    /// Dropping the future stops following. The job goes on.
    pub async fn follow_from(&self, offset: u64, mut hear: impl FnMut(&[u8])) -> Result<JobEnd, Error> {
        let (mut session, mut at, mut was_seen) =
            (self.session.clone(), offset, self.was_there || offset > 0);
        loop {
            let before = at;
            let followed = self.follow_once(&session, &mut at, &mut hear).await;
            was_seen |= at > before;
            match followed {
                Ok(Followed::Ended) => {
                    let here = Self { session: session.clone(), ..self.clone() };
                    match here.status().await {
                        Ok(JobStatus { end: Some(end), .. }) => return Ok(end),
                        Ok(_) => sleep(Duration::from_secs(1)).await,
                        Err(error) if error.is_connection() => match session.connect_again().await {
                            Ok(again) => session = again,
                            Err(error) => return self.given_up(error).await,
                        },
                        Err(error) => return Err(error),
                    }
                }
                Ok(Followed::Abandoned) => return Ok(JobEnd::ContainerEnded { state: self.state().await }),
                Err(Error::NotFound { .. }) if was_seen => {
                    return Ok(JobEnd::ContainerEnded { state: self.state().await });
                }
                Err(error) if error.is_connection() => {
                    match session.connect_again().await {
                        Ok(again) => session = again,
                        Err(error) => return self.given_up(error).await,
                    }
                    was_seen = true;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Ends its process group: SIGTERM, then SIGKILL 10 s later. One that has ended is left as it is.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the pod has no such job.
    pub async fn kill(&self) -> Result<(), Error> {
        self.script(KILL, vec![self.folder().as_ref()], "killing a job").output(&self.session).await.map(drop)
    }

    fn folder(&self) -> String {
        format!("{FOLDER}/{}", self.id)
    }

    fn script<'a>(&'a self, text: &'static str, arguments: Vec<&'a OsStr>, during: &'a str) -> Script<'a> {
        Script { text, arguments, during, path: &self.id }
    }

    async fn follow_once(
        &self,
        session: &Session,
        at: &mut u64,
        hear: &mut impl FnMut(&[u8]),
    ) -> Result<Followed, Error> {
        let (folder, offset) = (self.folder(), at.to_string());
        let script = self.script(FOLLOW, vec![folder.as_ref(), offset.as_ref()], "following a job");
        let mut child = script.start(session).await?;
        drop(child.stdin().take());
        let (stdout, stderr) = (child.stdout().take(), child.stderr().take());
        let take = async {
            let Some(mut stdout) = stdout else { return };
            let mut chunk = vec![0; 64 << 10];
            // The end of a broken connection is told by the exit status.
            while let Ok(read @ 1..) = stdout.read(&mut chunk).await {
                hear(&chunk[..read]);
                *at += read as u64;
            }
        };
        let words = async {
            let mut text = Vec::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_end(&mut text).await;
            }
            text
        };
        let ((), text) = tokio::join!(take, words);
        match script.judge(session, child.wait().await, &text).await {
            Ok(()) => Ok(Followed::Ended),
            Err(Error::Remote { status: ABANDONED, .. }) => Ok(Followed::Abandoned),
            Err(error) => Err(error),
        }
    }

    /// The end of a job whose pod cannot be reached any more: its container has ended, or that is not known.
    async fn given_up(&self, error: Error) -> Result<JobEnd, Error> {
        let pod = self.session.pod().refresh().await;
        match pod {
            Ok(pod) if !may_run(&pod) || self.session.is_over_by(&pod) => {
                Ok(JobEnd::ContainerEnded { state: pod.state.clone() })
            }
            Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(JobEnd::ContainerEnded { state: None }),
            _ => Err(error),
        }
    }

    async fn state(&self) -> Option<PodState> {
        let refreshed = self.session.pod().refresh().await;
        refreshed.ok().and_then(|pod| pod.state.clone())
    }
}

/// The outcome of one connection's following.
enum Followed {
    Ended,
    /// Nobody watches over it any more, and nobody wrote down its end.
    Abandoned,
}

/// The end that a job's files tell of; `None` while it runs.
fn end_of(status: &str, why: &str, is_disk_full: bool) -> Option<JobEnd> {
    let status = status.strip_prefix("exited ")?.trim().parse().unwrap_or(-1);
    Some(match why {
        "timed-out" => JobEnd::TimedOut,
        "killed" => JobEnd::Killed,
        _ => JobEnd::Exited { status, is_disk_full },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_job_tell_its_end() {
        let exited = |status, is_disk_full| Some(JobEnd::Exited { status, is_disk_full });
        for (status, why, is_full, end) in [
            ("running", "none", false, None),
            ("exited 0", "none", false, exited(0, false)),
            ("exited 143", "none", true, exited(143, true)),
            ("exited 143", "killed", false, Some(JobEnd::Killed)),
            ("exited 143", "timed-out", false, Some(JobEnd::TimedOut)),
        ] {
            assert_eq!(end_of(status, why, is_full), end, "{status} {why}");
        }
    }

    #[test]
    fn an_id_is_one_plain_word() {
        for (id, plain) in [("run 1/../x", "run_1____x"), ("a-b_C9", "a-b_C9"), ("-f", "-f")] {
            assert_eq!(Job::new(["true"]).id(id).id, plain);
        }
        assert_eq!(Job::new(["true"]).id("").id.len(), 32, "an empty one is none");
    }

    #[test]
    fn a_script_within_a_script_has_no_quote_of_its_own() {
        assert!(!SUPERVISE.contains('\''), "it is quoted by them");
    }
}
