//! Holds what the project believes about RunPod against a server.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use runpod_conformance::{LIVE_URL, Options, Outcome, Report, Verdict, recordings, run};
use tokio::sync::Notify;

/// The key that simulators take and nothing else does.
const SIMULATORS_KEY: &str = "rpa_SIMULATOR0000000000000000000000000000000";
const DIFFERS: u8 = 1;
const NOT_DONE: u8 = 2;
const MAY_BILL: u8 = 3;

/// Holds what the project believes about RunPod against a server, statement by statement.
///
/// The key is read from RUNPOD_API_KEY. Exit status: 0 nothing differs, 1 something differs, 2 it could not be done or
/// ended early, 3 something could not be ended and may bill.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Ask this server, such as a simulator's http://127.0.0.1:8080.
    #[arg(long, value_name = "URL", required_unless_present = "live", conflicts_with = "live")]
    against: Option<String>,
    /// Ask the real service, or RUNPOD_API_URL. Rents one CPU pod for about ten minutes.
    #[arg(long, requires = "max_usd")]
    live: bool,
    /// The most that pods may cost; 0 makes none and asks only what costs nothing.
    #[arg(long, value_name = "USD", value_parser = usd)]
    max_usd: Option<f64>,
    /// Do not ask before money is spent.
    #[arg(long)]
    yes: bool,
    /// Also send creates of GPU pods that RunPod is believed to refuse. One that is made all the same is ended at once.
    #[arg(long)]
    gpu: bool,
    /// Write the report here in Markdown, not to stdout.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the report here in JSON too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the exchanges here, a file each, without keys, names, addresses and ids.
    #[arg(long, value_name = "FOLDER")]
    recordings: Option<PathBuf>,
}

fn usd(text: &str) -> Result<f64, String> {
    let usd = text.parse().ok().filter(|usd: &f64| usd.is_finite() && *usd >= 0.0);
    usd.ok_or_else(|| "give an amount in USD, 0 or more, such as 0.25".to_owned())
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match survey(&arguments).await {
        Ok(code) => code.into(),
        Err(reason) => {
            say(&reason);
            NOT_DONE.into()
        }
    }
}

/// Says a line on stderr. That nobody hears it must not keep a pod from being ended.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "runpod-conformance: {}", runpod_api::printable(line));
}

async fn survey(arguments: &Arguments) -> Result<u8, String> {
    let options = arguments.options()?;
    arguments.consent(&options)?;
    let interrupt = interrupts()?;
    let outcome = run(options, async move { interrupt.notified().await }).await;
    let outcome = outcome.map_err(|error| error.to_string())?;
    let written = arguments.write(&outcome);
    let report = Report::of(&outcome);
    for left in &report.left {
        say(&format!("COULD NOT BE ENDED AND MAY BILL: {left}. End it at https://console.runpod.io/pods"));
    }
    if let Some(stopped) = &report.stopped {
        say(stopped);
    }
    written.map_err(|error| format!("the report cannot be written: {error}")).or_else(|error| {
        say(&error);
        // What may bill is told by the status before all else.
        if report.left.is_empty() { Err(error) } else { Ok(()) }
    })?;
    Ok(match (report.left.is_empty(), &report.stopped, report.count(Verdict::Differs)) {
        (false, ..) => MAY_BILL,
        (true, Some(_), _) => NOT_DONE,
        (true, None, 0) => 0,
        (true, None, _) => DIFFERS,
    })
}

impl Arguments {
    fn options(&self) -> Result<Options, String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let key = match (variable("RUNPOD_API_KEY"), self.live) {
            (Some(key), _) => key.trim().to_owned(),
            (None, false) => SIMULATORS_KEY.to_owned(),
            (None, true) => return Err("set RUNPOD_API_KEY to a key of your account".to_owned()),
        };
        let url = match &self.against {
            Some(url) => url.clone(),
            None => variable("RUNPOD_API_URL").unwrap_or_else(|| LIVE_URL.to_owned()),
        };
        if !self.live && url.trim_start().starts_with("https:") {
            return Err(format!("{url} is not on this machine: ask it with --live and --max-usd"));
        }
        let mut options = Options::new(url, key);
        (options.limit_usd, options.gpu, options.tell) = (self.max_usd, self.gpu, say);
        Ok(options)
    }

    /// Asks before money is spent.
    fn consent(&self, options: &Options) -> Result<(), String> {
        let limit = self.max_usd.unwrap_or_default();
        if !self.live || self.yes || limit == 0.0 {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err("this spends money: answer at a terminal, or say --yes".to_owned());
        }
        let _ = write!(
            io::stderr(),
            "At {} this rents the cheapest CPU pod for about ten minutes, one at a time, and spends at most {limit} \
             USD. Go on? [y/N] ",
            options.url
        );
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(|error| error.to_string())?;
        match answer.trim().to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err("nothing was done".to_owned()),
        }
    }

    fn write(&self, outcome: &Outcome) -> io::Result<()> {
        let report = Report::of(outcome);
        match &self.report {
            Some(path) => fs::write(path, report.markdown())?,
            None => write!(io::stdout(), "{}", report.markdown())?,
        }
        if let Some(path) = &self.json {
            fs::write(path, report.json())?;
        }
        self.recordings.as_deref().map_or(Ok(()), |folder| record(folder, outcome))
    }
}

/// Writes a file for each exchange.
fn record(folder: &Path, outcome: &Outcome) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, recording) in recordings(outcome).iter().enumerate() {
        let path = folder.join(format!("{number:03}-{}.json", recording.step));
        fs::write(path, serde_json::to_string_pretty(recording)? + "\n")?;
    }
    Ok(())
}

/// Hears interrupts: the first one ends the survey, later ones are told that it is ending.
fn interrupts() -> Result<Arc<Notify>, String> {
    let first = Arc::new(Notify::new());
    let notify = Arc::clone(&first);
    let mut signals = Signals::listen().map_err(|error| format!("cannot hear interrupts: {error}"))?;
    tokio::spawn(async move {
        loop {
            signals.next().await;
            say("ending what was made; this may take a minute, and killing it would leave a pod to bill");
            notify.notify_one();
        }
    });
    Ok(first)
}

/// The signals that end a run.
#[cfg(unix)]
struct Signals([tokio::signal::unix::Signal; 3]);

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// The signal that ends a run.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    #[expect(clippy::unnecessary_wraps, reason = "on Unix it may fail")]
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
