//! Requests of clients to a pod's sshd: logins, commands and forwarded connections.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use russh::{
    Channel, ChannelId, ChannelOpenFailure, Pty, Sig,
    keys::PublicKey,
    server::{self, Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, VerifiedPublicKey},
};
use tokio::{io::copy_bidirectional, net::TcpStream, sync::OwnedSemaphorePermit};

use super::{
    answer::ExecAnswer,
    command::{self, Order, Running},
    life::Life,
    processes::Group,
    sftp::Sftp,
    strike::Strike,
};
use crate::faults::{FaultKind, SSH_EXEC, SSH_SFTP};

/// The only hosts that connections are forwarded to.
const LOOPBACK: [&str; 2] = ["localhost", "127.0.0.1"];

/// The server's side of one connection.
pub(super) struct Session {
    life: Arc<Life>,
    strike: Arc<Strike>,
    user: String,
    /// Channels in which nothing runs yet.
    waiting: HashMap<ChannelId, Waiting>,
    running: HashMap<ChannelId, Group>,
    /// Channels that serve files.
    files: HashSet<ChannelId>,
}

struct Waiting {
    channel: Channel<Msg>,
    terminal: Option<String>,
    variables: Vec<(String, String)>,
}

impl Session {
    pub(super) fn new(life: Arc<Life>, strike: Arc<Strike>) -> Self {
        Self {
            life,
            strike,
            user: String::new(),
            waiting: HashMap::new(),
            running: HashMap::new(),
            files: HashSet::new(),
        }
    }

    fn judge(&self, key: &PublicKey) -> Auth {
        if self.life.opens_to(key) && !self.strike.refuses() { Auth::Accept } else { Auth::reject() }
    }

    /// Runs or answers a command; `None` for a shell.
    fn exec(
        &mut self,
        id: ChannelId,
        command: Option<Vec<u8>>,
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        let Some(waiting) = self.waiting.remove(&id) else { return session.channel_failure(id) };
        let fault = self.life.spec.faults.draw(SSH_EXEC);
        if let Some(FaultKind::ContainerExit { after }) = fault {
            exit(&self.life, after);
        }
        let settings = self.life.spec.shells.settings();
        if !settings.runs() {
            let text = String::from_utf8_lossy(command.as_deref().unwrap_or_default()).into_owned();
            return answer(id, settings.commands.answer(&text), session);
        }
        let Waiting { channel, terminal, variables } = waiting;
        let disk_full = fault == Some(FaultKind::DiskFull);
        let order = Order { command, user: self.user.clone(), terminal, variables, disk_full };
        let Some(room) = self.room() else { return session.channel_failure(id) };
        match Running::start(&self.life, order, room) {
            Ok(running) => {
                self.running.insert(id, running.group());
                session.channel_success(id)?;
                tokio::spawn(running.serve(channel, session.handle()));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, pod = self.life.spec.pod, "a command could not be started");
                session.channel_failure(id)
            }
        }
    }

    /// Serves files; refused where no command runs.
    fn sftp(&mut self, id: ChannelId, session: &mut server::Session) -> Result<(), russh::Error> {
        let Some(waiting) = self.waiting.remove(&id) else { return session.channel_failure(id) };
        let disk_full = self.life.spec.faults.draw(SSH_SFTP) == Some(FaultKind::DiskFull);
        let runs = self.life.spec.shells.settings().runs();
        let Some(room) = self.room().filter(|_| runs) else { return session.channel_failure(id) };
        session.channel_success(id)?;
        self.files.insert(id);
        let sftp = Sftp::new(self.life.clone(), disk_full, room);
        tokio::spawn(russh_sftp::server::run(waiting.channel.into_stream(), sftp));
        Ok(())
    }

    /// Room for one more command or sftp session; `None` while there are as many as may be.
    fn room(&self) -> Option<OwnedSemaphorePermit> {
        let room = self.life.room.clone().try_acquire_owned().ok();
        if room.is_none() {
            tracing::warn!(
                pod = self.life.spec.pod,
                "a session was refused: there are as many as the limit allows"
            );
        }
        room
    }

    /// The address of a port as it is known inside: one of the pod's own services, or the machine's.
    fn inside(&self, port: u32) -> Option<SocketAddr> {
        let own = self.life.spec.ports.iter().find(|(number, _)| *number == port);
        let machine = || Some(SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).ok()?)));
        own.map(|(_, address)| *address).or_else(machine)
    }
}

/// Lets the container exit once a while of simulated time has passed.
fn exit(life: &Arc<Life>, after: Duration) {
    let life = life.clone();
    let at = life.spec.clock.now().saturating_add(after);
    tokio::spawn(async move {
        life.spec.clock.sleep_until(at).await;
        life.end();
    });
}

/// Gives a scripted answer and closes the channel.
fn answer(id: ChannelId, answer: ExecAnswer, session: &mut server::Session) -> Result<(), russh::Error> {
    const STDERR: u32 = 1;
    session.channel_success(id)?;
    session.data(id, answer.stdout)?;
    session.extended_data(id, STDERR, answer.stderr)?;
    session.eof(id)?;
    session.exit_status_request(id, answer.status.into())?;
    session.close(id)
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        Ok(self.judge(offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        user.clone_into(&mut self.user);
        Ok(self.judge(key.public_key))
    }

    async fn auth_succeeded(&mut self, _: &mut server::Session) -> Result<(), Self::Error> {
        self.strike.begin();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let waiting = Waiting { channel, terminal: None, variables: Vec::new() };
        self.waiting.insert(waiting.channel.id(), waiting);
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let Some(address) = self.inside(port).filter(|_| LOOPBACK.contains(&host)) else {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
            return Ok(());
        };
        match TcpStream::connect(address).await {
            Ok(mut service) => {
                reply.accept().await;
                let life = self.life.clone();
                tokio::spawn(async move {
                    let mut client = channel.into_stream();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut service) => {}
                        () = life.over() => {}
                    }
                });
            }
            Err(_) => reply.reject(ChannelOpenFailure::ConnectFailed).await,
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        terminal: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let Some(waiting) = self.waiting.get_mut(&id) else { return session.channel_failure(id) };
        waiting.terminal = Some(terminal.to_owned());
        session.channel_success(id)
    }

    /// Refuses X11. Clients count answers, and the library gives none by itself.
    async fn x11_request(
        &mut self,
        id: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        // As Debian's and Ubuntu's sshd is set up.
        let taken = name == "LANG" || name.starts_with("LC_");
        let Some(waiting) = self.waiting.get_mut(&id).filter(|_| taken && !value.contains('\0')) else {
            return session.channel_failure(id);
        };
        waiting.variables.push((name.to_owned(), value.to_owned()));
        session.channel_success(id)
    }

    async fn shell_request(
        &mut self,
        id: ChannelId,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        self.exec(id, None, session)
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        self.exec(id, Some(command.to_vec()), session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        if name == "sftp" { self.sftp(id, session) } else { session.channel_failure(id) }
    }

    async fn signal(&mut self, id: ChannelId, name: Sig, _: &mut server::Session) -> Result<(), Self::Error> {
        if let (Some(group), Some(signal)) = (self.running.get(&id), command::signal(&name)) {
            group.signal(signal);
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, session: &mut server::Session) -> Result<(), Self::Error> {
        // A client of sftp that has nothing more to ask has all its answers. The library closes the channel without a
        // status, which scp takes for a failure.
        if self.files.remove(&id) { session.exit_status_request(id, 0) } else { Ok(()) }
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut server::Session) -> Result<(), Self::Error> {
        self.waiting.remove(&id);
        self.running.remove(&id);
        Ok(())
    }
}
