//! A job on a pod of its own: deploy, wait, upload, run, download, end.

use std::{path::Path, sync::Arc};

use runpod_jobs::{Job, JobEnd, Keep, Report, RunError, Stream, Task, run_until};
use runpod_lifecycle::{DeployError, PodSpec, ScopeError, printable};
use runpod_sindri::{JobCommand, JobConfig, KeepPod, RunpodProvider, SindriConfig};
use serde_json::{Value, json};

use crate::{
    output::{self, Interrupted, Printer},
    progress::Progress,
    remote::{Outlet, TIMED_OUT, login, misused, seconds, status, variables},
    signals::interrupted,
    ssh_args::{KeepArgument, RunArguments},
};

/// The exit status of a job that was killed.
const KILLED: u8 = 137;
/// The exit status of a job of which nobody knows how it ended.
const UNKNOWN: u8 = 255;

/// Runs the job; its exit status.
pub(crate) async fn run(
    provider: &RunpodProvider,
    config: &SindriConfig,
    arguments: &RunArguments,
    progress: &Arc<Progress>,
    printer: Printer,
) -> anyhow::Result<u8> {
    let (spec, warnings) = provider.pod_spec(config)?;
    output::warn(&warnings);
    let task = task(config, &spec, arguments, progress, printer)?;
    // A volume that would be made bills.
    task.check(&spec).await.map_err(RunError::Refused)?;
    let spec = provider.mounting(config, spec).await?;
    let runpod = provider.account()?;
    let ends = async {
        // Without signals nothing ends it early.
        if interrupted().await.is_err() {
            std::future::pending().await
        }
    };
    let outcome = Box::pin(run_until(&runpod, &spec, &task, ends)).await;
    progress.end();
    let report = outcome.map_err(told)?;
    tell(&report, printer)?;
    Ok(exit_status(&report.end))
}

/// The task that the config and the command line ask for.
fn task(
    config: &SindriConfig,
    spec: &PodSpec,
    arguments: &RunArguments,
    progress: &Arc<Progress>,
    printer: Printer,
) -> anyhow::Result<Task> {
    let written = config.runpod().job;
    let job = job(config, spec, arguments, written.as_ref());
    let mut task = Task::new(job)
        .login(login(config, &arguments.login)?)
        .patience(seconds(arguments.boot_timeout))
        .keep(keeps(config, arguments));
    let folder = config.folder().unwrap_or(Path::new(""));
    if let Some(written) = &written {
        task = written.upload.iter().fold(task, |task, (from, to)| task.upload(folder.join(from), to));
        task = written.download.iter().fold(task, |task, (from, to)| task.download(from, folder.join(to)));
    }
    let (uploads, downloads) = (arguments.upload.chunks_exact(2), arguments.download.chunks_exact(2));
    task = uploads.fold(task, |task, pair| task.upload(&pair[0], &pair[1]));
    task = downloads.fold(task, |task, pair| task.download(&pair[0], &pair[1]));
    Ok(heard(task, progress, printer))
}

/// The task with ears for its copies and its output.
fn heard(task: Task, progress: &Arc<Progress>, printer: Printer) -> Task {
    let (shown, bar, outlet) = (Arc::clone(progress), Arc::clone(progress), Outlet::default());
    // The report has standard output for itself where programs read it.
    let stream = if printer.json { Stream::Stderr } else { Stream::Stdout };
    task.on_progress(move |copy| shown.copied(copy)).on_output(move |bytes| {
        bar.end();
        // A job goes on though nobody reads what it prints: its result counts.
        outlet.pass_on(stream, bytes);
    })
}

/// The job itself, with the secrets of the config: a login has none of the pod's variables.
fn job(config: &SindriConfig, spec: &PodSpec, arguments: &RunArguments, written: Option<&JobConfig>) -> Job {
    let is_secret = |name: &str| config.secrets.iter().any(|secret| secret.name == name);
    let secrets = spec.get_env().filter(|(name, _)| is_secret(name));
    let secrets = secrets.map(|(name, value)| (name.to_owned(), value.expose().to_owned()));
    let job = command(arguments, written);
    let job = secrets.chain(variables(&arguments.env)).fold(job, |job, (name, value)| job.env(name, value));
    let folder = arguments.folder.clone().or(written.and_then(|job| job.folder.clone()));
    let job = folder.into_iter().fold(job, Job::folder);
    let minutes = written.and_then(|job| job.timeout_minutes).map(|minutes| 60 * u64::from(minutes));
    arguments.timeout.or(minutes).into_iter().fold(job, |job, limit| job.time_limit(seconds(limit)))
}

/// The command of the command line, or else that of the config.
fn command(arguments: &RunArguments, written: Option<&JobConfig>) -> Job {
    match (&arguments.shell, arguments.words.as_slice(), written.map(|job| &job.command)) {
        (Some(line), ..) | (None, [], Some(JobCommand::Line(line))) => Job::shell(line),
        (None, [], Some(JobCommand::Words(words))) => Job::new(words),
        (None, [], None) => misused(
            "there is no job: write providers.runpod.job into the config, or give `-- WORDS` or --shell LINE",
        ),
        (None, words, _) => Job::new(words),
    }
}

/// The policy for the pod that the command line names, or else the config.
fn keeps(config: &SindriConfig, arguments: &RunArguments) -> Keep {
    let written = config.runpod().job.and_then(|job| job.keep);
    match (arguments.keep, written) {
        (Some(KeepArgument::Always), _) | (None, Some(KeepPod::Always)) => Keep::Always,
        (Some(KeepArgument::OnFailure), _) | (None, Some(KeepPod::OnFailure)) => Keep::OnFailure,
        (Some(KeepArgument::Never), _) | (None, Some(KeepPod::Never) | None) => Keep::Never,
    }
}

/// The failure of a task, or its interruption.
fn told(error: RunError) -> anyhow::Error {
    let is_interrupted = matches!(
        &error,
        RunError::Failed(failed)
            if matches!(**failed, ScopeError::Interrupted { .. } | ScopeError::Deploy(DeployError::CalledOff { .. }))
    );
    match is_interrupted {
        true => Interrupted { pod_id: None, doubt: Some(error.to_string()) }.into(),
        false => error.into(),
    }
}

fn tell(report: &Report, printer: Printer) -> anyhow::Result<()> {
    if printer.json {
        return printer.print(&for_programs(report));
    }
    output::note(&printable(&report.to_string()));
    Ok(())
}

fn for_programs(report: &Report) -> Value {
    json!({
        "instance_id": report.pod_id, "job_id": report.job_id, "end": report.end.to_string(),
        "exit_status": exit_status(&report.end), "files_fetched": report.fetched,
        "booting_seconds": report.booting.as_secs_f64(), "transferring_seconds": report.transferring.as_secs_f64(),
        "running_seconds": report.running.as_secs_f64(), "usd": report.usd, "is_kept": report.is_kept,
    })
}

/// The exit status that tells a job's end.
fn exit_status(end: &JobEnd) -> u8 {
    match end {
        JobEnd::Exited { status: ended, .. } => status(*ended),
        JobEnd::TimedOut => TIMED_OUT,
        JobEnd::Killed => KILLED,
        _ => UNKNOWN,
    }
}
