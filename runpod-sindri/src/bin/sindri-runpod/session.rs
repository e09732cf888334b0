//! One run of the command line.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use clap::CommandFactory;
use futures_util::StreamExt;
use runpod_sindri::{
    ActionReport, ConfigError, DeployOptions, Provider, ProviderError, RunpodProvider, SindriConfig,
};

use crate::{
    account,
    args::{Arguments, Command, Reads, Wait},
    creation::Creation,
    output::{self, Interrupted, Printer},
    progress::Progress,
};

/// The longest wait for a stopped environment that is connected to.
const CONNECT_PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let printer = Printer { json: arguments.json };
    match &arguments.command {
        Command::Schema => return printer.text(&runpod_sindri::schema()),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "sindri-runpod", &mut script);
            return printer.text(&String::from_utf8_lossy(&script));
        }
        _ => {}
    }
    let config = config(&arguments).map_err(runpod_sindri::ProviderError::from)?;
    let progress = Arc::new(Progress::new());
    let creation = Arc::new(Creation::default());
    let provider = RunpodProvider::new().fail_early(arguments.command.fails_early()).on_event({
        let (progress, creation) = (Arc::clone(&progress), Arc::clone(&creation));
        move |event| {
            creation.hear(event);
            progress.show(event);
        }
    });
    let (provider, _simulator) = point(provider, &arguments, &config).await?;
    let doubt = match arguments.command {
        Command::Deploy { .. } => Some("check with status whether a pod was created"),
        Command::Reap { .. } => Some("pods whose lifetime is over may be left, and bill; reap once more"),
        Command::Destroy { .. } => Some("check with status whether a pod of this name is left, which bills"),
        Command::Stop { .. } => Some("check with status whether it was stopped"),
        Command::Start { .. } | Command::Connect { .. } => {
            Some("a pod that was started bills; see status and stop")
        }
        _ => None,
    };
    let mut work = pin!(carry_out(&provider, &config, arguments.command, printer, &progress));
    let outcome = tokio::select! {
        biased;
        outcome = &mut work => Some(outcome),
        interrupted = interrupted() => {
            interrupted?;
            if creation.interrupt() { see_through(work, &creation).await? } else { None }
        }
    };
    progress.end();
    outcome.unwrap_or_else(|| Err(Interrupted { pod_id: creation.pod_id(), doubt }.into()))
}

/// The config, or as much of it as the command needs.
fn config(arguments: &Arguments) -> Result<SindriConfig, ConfigError> {
    match arguments.command.reads() {
        Reads::Nothing => Ok(SindriConfig::named("account")),
        Reads::Name => {
            let (config, wrong) = SindriConfig::name_from_path(&arguments.config)?;
            let told = wrong.map(|wrong| format!("{wrong}; only the name was read, which is all this needs"));
            output::warn(told.as_slice());
            Ok(config)
        }
        Reads::Everything => SindriConfig::from_path(&arguments.config),
    }
}

/// Waits for the answer to a create that is on its way, since only that tells the pod's id; `None` unless the deploy
/// came to its end with it.
async fn see_through(
    mut work: Pin<&mut impl Future<Output = anyhow::Result<()>>>,
    creation: &Creation,
) -> anyhow::Result<Option<anyhow::Result<()>>> {
    let waits = "a create is on its way, and its answer is waited for, since it tells the pod's id. Ctrl-C once more gives up.";
    output::warn(&[waits.to_owned()]);
    tokio::select! {
        biased;
        outcome = &mut work => Ok(Some(outcome)),
        () = creation.settled() => Ok(None),
        interrupted = interrupted() => interrupted.map(|()| None).map_err(Into::into),
    }
}

/// Ends when the program is to end: at Ctrl-C, when it is asked to terminate, as by `timeout` or a CI, or when its terminal
/// goes, as when an SSH session breaks off; not if it was started to outlive that.
async fn interrupted() -> std::io::Result<()> {
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

/// Points the provider at the API it is to use; whatever comes with it must live as long.
#[cfg(feature = "sim")]
async fn point(
    provider: RunpodProvider,
    arguments: &Arguments,
    config: &SindriConfig,
) -> anyhow::Result<(RunpodProvider, Option<runpod_sim::Sim>)> {
    if arguments.sim {
        output::note(
            "this RunPod is simulated, and everything is forgotten at the end; to keep one, run runpod-sim beside and give its address with --api-url",
        );
        let sim = crate::simulator::start(config, arguments.sim_out_of_stock).await?;
        return Ok((crate::simulator::point(provider, &sim, config), Some(sim)));
    }
    Ok((at(provider, arguments), None))
}

#[cfg(not(feature = "sim"))]
async fn point(
    provider: RunpodProvider,
    arguments: &Arguments,
    _: &SindriConfig,
) -> anyhow::Result<(RunpodProvider, ())> {
    anyhow::ensure!(!arguments.sim, "this build has no simulator; build it with the feature `sim`");
    Ok((at(provider, arguments), ()))
}

fn at(provider: RunpodProvider, arguments: &Arguments) -> RunpodProvider {
    arguments.api_url.iter().fold(provider, |provider, url| provider.api_url(url))
}

async fn carry_out(
    provider: &RunpodProvider,
    config: &SindriConfig,
    command: Command,
    printer: Printer,
    progress: &Progress,
) -> anyhow::Result<()> {
    match command {
        Command::Plan if printer.json => printer.print(&provider.plan(config).await?),
        Command::Plan => printer.lines(provider.plan_lines(config).await?),
        Command::Deploy { force, dry_run, wait } => {
            let options = options(force, dry_run, &wait);
            let result = provider.deploy(config, options).await?;
            progress.end();
            printer.deployed(&result, progress)
        }
        Command::Status => printer.status(&provider.status(config).await?),
        Command::Connect { user, .. } => {
            let config = with_user(config, user);
            match printer.json {
                true => printer.print(&provider.connection(&config, CONNECT_PATIENCE).await?),
                false => provider.connect(&config).await,
            }
        }
        Command::Start { wait } => {
            let report = provider.start_environment(config, wait.longest(true)).await?;
            progress.end();
            printer.done(&report, progress)
        }
        Command::Stop { when_idle, wait } => {
            let report = stop(provider, config, when_idle, &wait).await?;
            progress.end();
            printer.done(&report, progress)
        }
        Command::Destroy { force, wait } => {
            let report = provider.destroy_environment(config, force, wait.longest(false)).await?;
            progress.end();
            printer.done(&report, progress)
        }
        Command::Logs { follow, tail, source } => {
            let logs = provider.logs(config).await?.tail(tail);
            let logs = source.into_iter().fold(logs, |logs, source| logs.source(source.into()));
            if !follow {
                return printer.log(&logs.history().await?);
            }
            let mut lines = logs.follow();
            while let Some(line) = lines.next().await {
                printer.log(&[line?])?;
            }
            Ok(())
        }
        Command::List { all } => account::list(&provider.account()?, all, printer).await,
        Command::Gpus(filter) => account::gpus(&provider.account()?, &filter, printer).await,
        Command::Reap { dry_run } => account::reap(&provider.account()?, dry_run, progress, printer).await,
        Command::Schema | Command::Completions { .. } => Ok(()),
    }
}

/// Stops the environment, at once or when it is idle for so many minutes; `Some(None)` for the config's.
async fn stop(
    provider: &RunpodProvider,
    config: &SindriConfig,
    when_idle: Option<Option<u32>>,
    wait: &Wait,
) -> Result<ActionReport, ProviderError> {
    let longest = wait.longest(false);
    let Some(minutes) = when_idle else { return provider.stop_environment(config, longest).await };
    let minutes = minutes.unwrap_or_else(|| config.runpod().idle_minutes());
    provider.stop_when_idle(config, Duration::from_secs(60 * u64::from(minutes)), longest).await
}

/// The config with the user that the command line names, if it names one.
fn with_user(config: &SindriConfig, user: Option<String>) -> SindriConfig {
    let mut config = config.clone();
    if user.is_some() {
        config.providers.runpod.get_or_insert_default().ssh_user = user;
    }
    config
}

fn options(force: bool, dry_run: bool, wait: &Wait) -> DeployOptions {
    let longest = wait.longest(true);
    DeployOptions {
        force,
        dry_run,
        wait: longest.is_some(),
        timeout: longest.map(|longest| longest.as_secs()),
        ..Default::default()
    }
}
