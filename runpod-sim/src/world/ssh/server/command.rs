//! A command that runs as a child process.

use std::{
    ffi::OsString,
    io,
    os::unix::{ffi::OsStringExt, process::ExitStatusExt},
    process::{ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::body::Bytes;
use russh::{
    Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig,
    server::{Handle, Msg},
};
use rustix::process::Signal;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, Command},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    life::Life,
    processes::{Group, MARK},
    settings::ExecLimits,
};

/// Bytes of stdin that are held for a command which does not read them. Beyond it the connection waits.
const HELD: usize = 64 << 20;
const PIECE: usize = 32 * 1024;
/// Real time in which a client takes the words that its command was killed.
const WORDS: Duration = Duration::from_secs(1);
/// Stderr, as the protocol counts streams.
const STDERR: u32 = 1;

/// A command as a client orders it.
pub(super) struct Order {
    /// `None` for a shell.
    pub(super) command: Option<Vec<u8>>,
    pub(super) user: String,
    /// The kind of terminal that was asked for, if any.
    pub(super) terminal: Option<String>,
    /// Variables that the client has set.
    pub(super) variables: Vec<(String, String)>,
    /// Every write to a file fails.
    pub(super) disk_full: bool,
}

/// A command that runs.
pub(super) struct Running {
    child: Child,
    group: Group,
    life: Arc<Life>,
    has_terminal: bool,
    limits: ExecLimits,
    /// Counts as a session until it has ended.
    _room: OwnedSemaphorePermit,
}

/// The way a command came to its end.
enum Ending {
    Exited(ExitStatus),
    /// It passed a limit.
    Over(String),
    /// Its client has gone.
    Alone,
}

impl Running {
    /// Starts a command in its own process group.
    pub(super) fn start(life: &Arc<Life>, order: Order, room: OwnedSemaphorePermit) -> io::Result<Self> {
        let has_terminal = order.terminal.is_some();
        let (child, group) = life.start(&mut prepare(life, order)?)?;
        let limits = life.spec.shells.settings().limits;
        Ok(Self { child, group, life: life.clone(), has_terminal, limits, _room: room })
    }

    pub(super) fn group(&self) -> Group {
        self.group
    }

    /// Serves its channel until it has ended, and tells how.
    pub(super) async fn serve(mut self, channel: Channel<Msg>, client: Handle) {
        let deadline = Instant::now() + self.limits.lasting;
        let (input, output) = channel.split();
        let ending = self.pump(input, &output, deadline).await;
        let status = match ending {
            Ok(Ending::Exited(status)) => status,
            Ok(Ending::Alone) => return self.alone(deadline).await,
            Ok(Ending::Over(limit)) => self.cut(&limit, &output).await,
            Err(error) => self.cut(&format!("the simulator lost it: {error}"), &output).await,
        };
        // An error says that the client has gone meanwhile.
        let _ = tell(status, &output, &client).await;
    }

    /// Feeds it and carries its output until it has exited and nothing holds its output open any more, as sshd does.
    async fn pump(
        &mut self,
        input: ChannelReadHalf,
        output: &ChannelWriteHalf<Msg>,
        deadline: Instant,
    ) -> io::Result<Ending> {
        let lost = || io::Error::other("its pipes are gone");
        let stdin = self.child.stdin.take().ok_or_else(lost)?;
        let stdout = self.child.stdout.take().ok_or_else(lost)?;
        let stderr = self.child.stderr.take().ok_or_else(lost)?;
        let left = AtomicU64::new(self.limits.output_bytes);
        let exit = async {
            // Either ends both: what is killed need not be heard to its end.
            let carried = tokio::try_join!(
                carry(stdout, output, None, &left),
                carry(stderr, output, Some(STDERR), &left)
            );
            match carried {
                Ok(_) => self.child.wait().await.map(Ending::Exited),
                Err(TooMuch) => {
                    Ok(Ending::Over(format!("it wrote more than {} bytes", self.limits.output_bytes)))
                }
            }
        };
        tokio::select! {
            ending = exit => ending,
            () = feed(input, stdin) => Ok(Ending::Alone),
            () = sleep_until(deadline) => Ok(Ending::Over(format!("it took longer than {:?}", self.limits.lasting))),
        }
    }

    /// Lets it run on without its client, whose terminal hangs up if it had one.
    async fn alone(mut self, deadline: Instant) {
        if self.has_terminal {
            self.group.signal(Signal::HUP);
        }
        if timeout_at(deadline, self.child.wait()).await.is_err() {
            self.group.signal(Signal::KILL);
        }
    }

    /// Kills it for a limit, and says so.
    async fn cut(&mut self, why: &str, output: &ChannelWriteHalf<Msg>) -> ExitStatus {
        self.group.signal(Signal::KILL);
        let words = format!("the simulator killed this command: {why}\n");
        // A client that has gone, or reads nothing, does without.
        let _ = timeout(WORDS, output.extended_data_bytes(STDERR, words)).await;
        self.child.wait().await.unwrap_or_else(|_| ExitStatus::from_raw(Signal::KILL.as_raw()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.life.forget(self.group);
    }
}

/// The child process of an order: a shell with a clean environment in the pod's home folder.
fn prepare(life: &Life, order: Order) -> io::Result<Command> {
    let home = life.home.as_ref().ok_or_else(|| io::Error::other("no command runs here"))?;
    let mut command = Command::new("/bin/sh");
    if order.disk_full {
        // No file takes a byte, and the signal that says so is ignored: writes fail.
        command.args(["-c", "trap '' XFSZ; ulimit -f 0; exec /bin/sh \"$@\"", "sh"]);
    }
    if let Some(text) = order.command {
        command.arg("-c").arg(OsString::from_vec(text));
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    command
        .env_clear()
        .env("PATH", path)
        .env("HOME", &home.root)
        .env("SHELL", "/bin/sh")
        .env("LANG", "C.UTF-8")
        .env("USER", &order.user)
        .env("LOGNAME", &order.user)
        .envs(order.terminal.map(|terminal| ("TERM".to_owned(), terminal)))
        .envs(order.variables)
        .envs(home.volume.as_ref().map(|volume| ("RUNPOD_SIM_VOLUME", &volume.folder)))
        .env(MARK, home.mark())
        .current_dir(&home.root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// A command has written more than it may.
struct TooMuch;

/// Carries one stream of output, until it ends or nobody hears it.
async fn carry(
    mut from: impl AsyncRead + Unpin,
    output: &ChannelWriteHalf<Msg>,
    stream: Option<u32>,
    left: &AtomicU64,
) -> Result<(), TooMuch> {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        let spend = |left: u64| left.checked_sub(length as u64);
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spend).is_err() {
            return Err(TooMuch);
        }
        let data = Bytes::copy_from_slice(&piece[..length]);
        let sent = match stream {
            None => output.data_bytes(data).await,
            Some(stream) => output.extended_data_bytes(stream, data).await,
        };
        if sent.is_err() {
            break;
        }
    }
    Ok(())
}

/// Feeds a command's stdin. Returns once its client has closed the channel.
async fn feed(mut input: ChannelReadHalf, mut stdin: ChildStdin) {
    // The library hands on nothing else while a piece waits, so that pieces wait here: a command that writes before it
    // reads would wait for ever.
    let (sender, mut pieces) = mpsc::unbounded_channel::<(Bytes, OwnedSemaphorePermit)>();
    let room = Arc::new(Semaphore::new(HELD));
    let write = async move {
        while let Some((piece, _held)) = pieces.recv().await {
            if stdin.write_all(&piece).await.is_err() {
                break;
            }
        }
        drop((stdin, pieces));
        std::future::pending::<()>().await;
    };
    let read = async move {
        let mut sender = Some(sender);
        loop {
            match input.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
                    let held = room.clone().acquire_many_owned(length).await;
                    if let (Some(sender), Ok(held)) = (&sender, held) {
                        // An error says that the command reads no more.
                        let _ = sender.send((data, held));
                    }
                }
                Some(ChannelMsg::Eof) => sender = None,
                Some(ChannelMsg::Close) | None => return,
                Some(_) => {}
            }
        }
    };
    tokio::select! {
        () = write => {}
        () = read => {}
    }
}

/// Tells a client how its command ended, and closes the channel.
async fn tell(
    status: ExitStatus,
    output: &ChannelWriteHalf<Msg>,
    client: &Handle,
) -> Result<(), russh::Error> {
    output.eof().await?;
    match (status.code(), status.signal()) {
        (Some(code), _) => output.exit_status(u32::try_from(code).unwrap_or(u32::MAX)).await?,
        (None, signal) => {
            let name = signal_name(signal.unwrap_or_default());
            let told = client.exit_signal_request(output.id(), name, false, String::new(), String::new());
            told.await.map_err(|()| russh::Error::SendError)?;
        }
    }
    output.close().await
}

/// The signal that a client names; `None` for one that is not known.
pub(super) fn signal(name: &Sig) -> Option<Signal> {
    Some(match name {
        Sig::ABRT => Signal::ABORT,
        Sig::ALRM => Signal::ALARM,
        Sig::FPE => Signal::FPE,
        Sig::HUP => Signal::HUP,
        Sig::ILL => Signal::ILL,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::PIPE => Signal::PIPE,
        Sig::QUIT => Signal::QUIT,
        Sig::SEGV => Signal::SEGV,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        Sig::Custom(name) if name == "USR2" => Signal::USR2,
        Sig::Custom(_) => return None,
    })
}

/// The name of a signal, as the protocol writes it.
fn signal_name(number: i32) -> Sig {
    let known = [
        Sig::ABRT,
        Sig::ALRM,
        Sig::FPE,
        Sig::HUP,
        Sig::ILL,
        Sig::INT,
        Sig::KILL,
        Sig::PIPE,
        Sig::QUIT,
        Sig::SEGV,
        Sig::TERM,
        Sig::USR1,
    ];
    let is = |name: &Sig| signal(name).is_some_and(|signal| signal.as_raw() == number);
    known.into_iter().find(is).unwrap_or_else(|| Sig::Custom(format!("SIG{number}@runpod-sim")))
}
