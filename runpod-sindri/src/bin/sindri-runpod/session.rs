//! One run of the command line.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use clap::{CommandFactory, error::ErrorKind};
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
    signals::interrupted,
};
#[cfg(unix)]
use crate::{job, remote};

/// The longest wait for a stopped environment that is connected to.
const CONNECT_PATIENCE: Duration = Duration::from_secs(600);

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<u8> {
    let printer = Printer { json: arguments.json };
    match &arguments.command {
        Command::Schema => return printer.text(&runpod_sindri::schema()).map(|()| 0),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "sindri-runpod", &mut script);
            return printer.text(&String::from_utf8_lossy(&script)).map(|()| 0);
        }
        _ => {}
    }
    if let Some(problem) = arguments.command.problem(arguments.sim) {
        Arguments::command().error(ErrorKind::ValueValidation, problem).exit();
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
    let doubt = doubt(&arguments.command).map(str::to_owned);
    let sees_to_its_pod = sees_to_its_pod(&arguments.command);
    let mut work = pin!(begin(&provider, &config, arguments.command, printer, &progress));
    let outcome = tokio::select! {
        biased;
        outcome = &mut work => Some(outcome),
        interrupted = given_up(sees_to_its_pod) => {
            interrupted?;
            if creation.interrupt() { see_through(work, &creation).await? } else { None }
        }
    };
    progress.end();
    outcome.unwrap_or_else(|| Err(Interrupted { pod_id: creation.pod_id(), doubt }.into()))
}

/// The thing to look for after an interruption; `None` for a command that changes nothing.
fn doubt(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Deploy { .. } => "check with status whether a pod was created",
        Command::Reap { .. } => "pods whose lifetime is over may be left, and bill; reap once more",
        Command::Destroy { .. } => "check with status whether a pod of this name is left, which bills",
        Command::Stop { .. } => "check with status whether it was stopped",
        Command::Start { .. } | Command::Connect { .. } => {
            "a pod that was started bills; see status and stop"
        }
        #[cfg(unix)]
        Command::Exec(exec) if exec.stdin => {
            "the command may go on until it writes something, and the environment runs on and bills; see status and stop"
        }
        #[cfg(unix)]
        Command::Exec(_) => {
            "a command that ran was ended; the environment runs on and bills: see status and stop"
        }
        #[cfg(unix)]
        Command::Cp(_) => {
            "the same cp goes on where a large file broke off; the environment runs on and bills: see status and stop"
        }
        #[cfg(unix)]
        Command::Forward(_) => {
            "the forwards are closed; the environment runs on and bills: see status and stop"
        }
        #[cfg(unix)]
        Command::Run(_) => "check with status whether a pod was created, which bills",
        _ => return None,
    })
}

/// Returns true if the command sees to its pod by itself when it is interrupted.
fn sees_to_its_pod(command: &Command) -> bool {
    #[cfg(unix)]
    return matches!(command, Command::Run(_));
    #[cfg(not(unix))]
    {
        let _ = command;
        false
    }
}

/// Ends when the program is to end at once: at the first signal, or at the second if the command sees to its pod at the first.
async fn given_up(sees_to_its_pod: bool) -> std::io::Result<()> {
    interrupted().await?;
    if sees_to_its_pod {
        let waits = "the pod is being seen to, which a second Ctrl-C gives up on: then it may go on and bill";
        output::warn(&[waits.to_owned()]);
        interrupted().await?;
    }
    Ok(())
}

/// The config, or as much of it as the command needs.
fn config(arguments: &Arguments) -> Result<SindriConfig, ConfigError> {
    if let Some(name) = arguments.command.named() {
        // Only what the file says of this very environment counts, and there need be none.
        let file = SindriConfig::name_from_path(&arguments.config).ok();
        let own = file.map(|(config, _)| config).filter(|config| config.name == name);
        return Ok(own.unwrap_or_else(|| SindriConfig::named(name)));
    }
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
    mut work: Pin<&mut impl Future<Output = anyhow::Result<u8>>>,
    creation: &Creation,
) -> anyhow::Result<Option<anyhow::Result<u8>>> {
    let waits = "a create is on its way, and its answer is waited for, since it tells the pod's id. Ctrl-C once more gives up.";
    output::warn(&[waits.to_owned()]);
    tokio::select! {
        biased;
        outcome = &mut work => Ok(Some(outcome)),
        () = creation.settled() => Ok(None),
        interrupted = interrupted() => interrupted.map(|()| None).map_err(Into::into),
    }
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

/// Carries a command out; its exit status.
async fn begin(
    provider: &RunpodProvider,
    config: &SindriConfig,
    command: Command,
    printer: Printer,
    progress: &Arc<Progress>,
) -> anyhow::Result<u8> {
    match command {
        #[cfg(unix)]
        Command::Exec(arguments) => remote::exec(provider, config, arguments, progress).await,
        #[cfg(unix)]
        Command::Run(arguments) => job::run(provider, config, &arguments, progress, printer).await,
        #[cfg(unix)]
        Command::Cp(arguments) => {
            remote::copy(provider, config, arguments, progress, printer).await.map(|()| 0)
        }
        #[cfg(unix)]
        Command::Forward(arguments) => {
            remote::forward(provider, config, arguments, progress, printer).await.map(|()| 0)
        }
        command => carry_out(provider, config, command, printer, progress).await.map(|()| 0),
    }
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
        // Seen to before.
        _ => Ok(()),
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
