//! A pod whose port 22 is a real sshd on loopback, behind a wire that can be cut.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use httpmock::MockServer;
use runpod_jobs::{Error, Login, Session};
use runpod_lifecycle::{PodHandle, RunPod};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// No cut.
const NEVER: u64 = u64::MAX;

/// A pod that is nothing but an sshd of this machine.
pub(crate) struct Server {
    pub(crate) folder: TempDir,
    sshd: Child,
    api: MockServer,
    /// Bytes that a connection may still carry to the client, counted for all together; each cut ends the one that hits it.
    budget: Arc<AtomicU64>,
    cuts: Arc<AtomicU64>,
    wire: JoinHandle<()>,
    user: String,
}

/// Returns true if a process of this machine runs: one that is dead and not waited for does not.
pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with(['Z', 'X'])))
}

/// Processes of this machine that run and have a text in their command line.
pub(crate) fn processes_with(text: &str) -> usize {
    let processes = std::fs::read_dir("/proc").expect("there is a /proc").flatten();
    let has_it = |process: &std::fs::DirEntry| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(text)
    };
    processes.filter(has_it).count()
}

fn run(program: &str, words: &[&str]) {
    let output =
        Command::new(program).args(words).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn keygen(path: &Path) {
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path.to_str().expect("a plain path")]);
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder of its own");
        for key in ["host", "id", "other"] {
            keygen(&folder.path().join(key));
        }
        std::fs::copy(folder.path().join("id.pub"), folder.path().join("authorized")).expect("copied");
        let port = free_port();
        let sshd = sshd(folder.path(), port);
        wait_for(port).await;
        let (budget, cuts) = (Arc::new(AtomicU64::new(NEVER)), Arc::<AtomicU64>::default());
        let (address, wire) = wire(port, Arc::clone(&budget), Arc::clone(&cuts)).await;
        let api = MockServer::start_async().await;
        let user =
            String::from_utf8(Command::new("id").arg("-un").output().expect("id").stdout).expect("text");
        let user = user.trim().to_owned();
        let pod = json!({
            "id": "k3x9q2m7v1b8z5", "name": "trainer", "status": "RUNNING", "image": "a", "disk": 50, "ports": ["22/tcp"],
            "env": {}, "gpu": {"id": "NVIDIA GeForce RTX 4090", "count": 1}, "cost": 0.69, "locked": false,
            "ssh": {"proxy": null, "direct": {"host": "127.0.0.1", "port": address.port(), "username": user}},
            "createdAt": "2026-08-20T06:16:19.430Z", "startedAt": "2026-08-20T06:17:19.430Z",
        });
        api.mock(|when, then| {
            when.method("GET").path("/v2/pods/k3x9q2m7v1b8z5");
            then.status(200).json_body(pod);
        });
        Self { folder, sshd, api, budget, cuts, wire, user }
    }

    pub(crate) async fn pod(&self) -> PodHandle {
        let runpod = RunPod::builder("rpa_key").base_url(self.api.base_url()).build().expect("loopback");
        runpod.get("k3x9q2m7v1b8z5").await.expect("it is there")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path as the pod has it: the same disk.
    pub(crate) fn remote(&self, name: &str) -> String {
        self.path(name).to_str().expect("a plain path").to_owned()
    }

    pub(crate) fn login(&self) -> Login {
        Login::new().identity_file(self.path("id")).known_hosts(self.path("known_hosts"))
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) async fn session(&self) -> Session {
        self.login().connect(&self.pod().await).await.expect("the key is known")
    }

    pub(crate) async fn refused(&self, login: Login) -> Error {
        login.connect(&self.pod().await).await.expect_err("it cannot log in")
    }

    /// Cuts the wire after every so many bytes to the client. With none, new connections stand and carry nothing.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }

    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::SeqCst)
    }

    /// Starts sshd anew with another host key, at the same place.
    pub(crate) async fn restart_with_another_key(&mut self) {
        let port = self.port();
        self.stop();
        for name in ["host", "host.pub"] {
            std::fs::remove_file(self.path(name)).expect("it was there");
        }
        keygen(&self.path("host"));
        self.sshd = sshd(self.folder.path(), port);
        wait_for(port).await;
    }

    pub(crate) fn stop(&mut self) {
        self.sshd.kill().expect("it runs");
        self.sshd.wait().expect("it is ours");
    }

    fn port(&self) -> u16 {
        let config = std::fs::read_to_string(self.path("sshd_config")).expect("it was written");
        let line = config.lines().find_map(|line| line.strip_prefix("Port "));
        line.expect("it has a port").parse().expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.wire.abort();
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

fn sshd(folder: &Path, port: u16) -> Child {
    let config = folder.join("sshd_config");
    let path = |name: &str| folder.join(name).display().to_string();
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 100\nSubsystem sftp internal-sftp\n",
        path("host"),
        path("authorized")
    );
    std::fs::write(&config, text).expect("the folder is writable");
    std::fs::create_dir_all("/run/sshd").expect("sshd wants this folder");
    let config = config.to_str().expect("a plain path");
    Command::new("/usr/sbin/sshd")
        .args(["-D", "-e", "-f", config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssh-server is installed")
}

fn free_port() -> u16 {
    let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

async fn wait_for(port: u16) {
    for _ in 0..400 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("sshd does not come up");
}

/// Carries connections to sshd, and cuts the one that uses up the budget.
async fn wire(port: u16, budget: Arc<AtomicU64>, cuts: Arc<AtomicU64>) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let wire = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (budget, cuts) = (Arc::clone(&budget), Arc::clone(&cuts));
            tokio::spawn(async move {
                if budget.load(Ordering::SeqCst) == 0 {
                    return std::future::pending().await;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else { return };
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let every = budget.load(Ordering::SeqCst);
                let mut left = every;
                let down = async {
                    let mut chunk = vec![0; 16 << 10];
                    while let Ok(read @ 1..) = from_server.read(&mut chunk).await {
                        let budget = budget.load(Ordering::SeqCst);
                        // Set or taken away while this connection stands.
                        left = if budget == NEVER { NEVER } else { left.min(budget) };
                        left = left.saturating_sub(if left == NEVER { 0 } else { read as u64 });
                        if left == 0 {
                            cuts.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                        if to_client.write_all(&chunk[..read]).await.is_err() {
                            return;
                        }
                    }
                };
                let up = tokio::io::copy(&mut from_client, &mut to_server);
                tokio::select! { () = down => {}, _ = up => {} }
            });
        }
    });
    (address, wire)
}
