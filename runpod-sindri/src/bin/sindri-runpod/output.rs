//! Printing at the end. Whatever a server or a container said passes one escape on its way here.

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

use clap::builder::styling::{AnsiColor, Style};
use runpod_lifecycle::{LogLine, printable, printable_json};
use runpod_sindri::{
    ActionReport, ConnectionInfo, DeployResult, DeploymentState, DeploymentStatus, Outcome, ProviderError,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::progress::Progress;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
/// Note on what a status cannot know.
const NOT_LISTED: &str =
    "RunPod's lists may be up to 15 s behind: a pod that was created just now would be missing";
/// The exit code of a program that was interrupted.
const INTERRUPTED: u8 = 130;
/// The exit code of a failure of our own where any other may be that of a command, as `ssh` has it.
const OWN_FAILURE: u8 = 255;

/// Prints results, for a person or as JSON.
#[derive(Clone, Copy)]
pub(crate) struct Printer {
    pub(crate) json: bool,
}

impl Printer {
    pub(crate) fn print(self, result: &impl Serialize) -> anyhow::Result<()> {
        self.text(&(printable_json(serde_json::to_string_pretty(result)?) + "\n"))
    }

    /// Prints each as one line that is safe to show.
    pub(crate) fn lines<T: AsRef<str>>(self, lines: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
        self.text(
            &lines.into_iter().map(|line| printable(line.as_ref()).into_owned() + "\n").collect::<String>(),
        )
    }

    /// Prints our own text. A reader that has seen enough, such as `head`, is no failure.
    pub(crate) fn text(self, text: &str) -> anyhow::Result<()> {
        match anstream::stdout().lock().write_all(text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    pub(crate) fn deployed(self, result: &DeployResult, progress: &Progress) -> anyhow::Result<()> {
        if self.json {
            return self.print(result);
        }
        warn(&progress.untold(&result.warnings));
        self.lines(said(&result.messages, result.connection.as_ref()))
    }

    pub(crate) fn done(self, report: &ActionReport, progress: &Progress) -> anyhow::Result<()> {
        if self.json {
            return self.print(report);
        }
        warn(&progress.untold(&report.warnings));
        self.lines(said(&report.messages, report.connection.as_ref()))
    }

    pub(crate) fn status(self, status: &DeploymentStatus) -> anyhow::Result<()> {
        if status.state == DeploymentState::NotDeployed {
            warn(&[NOT_LISTED.to_owned()]);
        }
        if let Some(doubt) = status.details.get("doubt") {
            warn(std::slice::from_ref(doubt));
        }
        if self.json {
            return self.print(status);
        }
        let mut lines = vec![format!("{}: {}", status.name, status.state)];
        let mut line = |key: &str, value: &str| lines.push(format!("  {key:<19} {value}"));
        for (key, value) in [("pod", &status.instance_id), ("image", &status.image)] {
            if let Some(value) = value {
                line(key, value);
            }
        }
        for address in &status.addresses {
            let port = address.port.map(|port| format!(" port {port}")).unwrap_or_default();
            line(&format!("{:?}", address.r#type).to_lowercase(), &(address.value.clone() + &port));
        }
        let times = &status.timestamps;
        for (key, time) in [("created", times.created_at), ("started", times.started_at)] {
            if let Some(time) = time {
                line(key, &time.to_string());
            }
        }
        for (key, value) in &status.details {
            line(key, value);
        }
        self.lines(lines)
    }

    pub(crate) fn log(self, lines: &[LogLine]) -> anyhow::Result<()> {
        if self.json {
            let lines = lines.iter().map(|line| printable_json(line_of(line).to_string()) + "\n");
            return self.text(&lines.collect::<String>());
        }
        self.lines(lines.iter().map(LogLine::to_string))
    }
}

/// A log line for programs.
fn line_of(line: &LogLine) -> Value {
    json!({ "source": line.source.as_str(), "line": line.line, "at": line.at })
}

fn said<'a>(messages: &'a [String], connection: Option<&'a ConnectionInfo>) -> impl Iterator<Item = &'a str> {
    let instructions = connection.and_then(|connection| connection.instructions.as_deref());
    // One thing a line, and no other line breaks.
    messages.iter().map(String::as_str).chain(instructions.unwrap_or_default().lines())
}

/// Shows what may surprise, on standard error.
pub(crate) fn warn(warnings: &[String]) {
    for warning in warnings {
        anstream::eprintln!("{WARNING}warning:{WARNING:#} {}", printable(warning));
    }
}

/// Shows what is worth knowing, on standard error.
pub(crate) fn note(text: &str) {
    anstream::eprintln!("{HINT}note:{HINT:#} {text}");
}

/// Ctrl-C was pressed, or the program was asked to terminate.
#[derive(Debug)]
pub(crate) struct Interrupted {
    /// The pod that was created; `None` if none is known of.
    pub(crate) pod_id: Option<String>,
    /// The thing to look for then; `None` for a command that changes nothing.
    pub(crate) doubt: Option<String>,
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.pod_id, &self.doubt) {
            (Some(id), _) => write!(f, "interrupted: pod {id} goes on and bills; see status and destroy"),
            (None, Some(doubt)) => write!(f, "interrupted: {doubt}"),
            (None, None) => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Interrupted {}

/// A command did a part of its work. Its Display says what was not done and why.
#[derive(Debug)]
pub(crate) struct Incomplete {
    pub(crate) told: String,
    /// The part that was done, as JSON shows it when all is.
    pub(crate) done: Value,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for Incomplete {}

/// Prints a failure with everything behind it and what to do about it.
pub(crate) fn fail(error: &anyhow::Error, json: bool, passes_status_on: bool) -> ExitCode {
    let known = error.downcast_ref::<ProviderError>();
    let incomplete = error.downcast_ref::<Incomplete>();
    let shown = |text: String| printable(&text).into_owned();
    let summary = shown(known.map_or_else(|| error.to_string(), ProviderError::summary));
    let hint = known.and_then(ProviderError::hint).map(shown);
    let causes: Vec<String> = error.chain().skip(1).map(|cause| shown(cause.to_string())).collect();
    anstream::eprintln!("{ERROR}error:{ERROR:#} {summary}");
    for cause in &causes {
        anstream::eprintln!("  because: {cause}");
    }
    if let Some(hint) = &hint {
        anstream::eprintln!("{HINT}hint:{HINT:#} {hint}");
    }
    let outcome = known.map_or(Outcome::Failed, ProviderError::outcome);
    let code = match outcome.exit_code() {
        _ if error.is::<Interrupted>() => INTERRUPTED,
        _ if passes_status_on => OWN_FAILURE,
        code => code,
    };
    if json {
        let error = json!({
            "kind": outcome.as_str(), "exit_code": code, "message": summary, "causes": causes, "hint": hint,
        });
        let mut document = json!({ "error": error });
        if let Some(Incomplete { done, .. }) = incomplete {
            document["done"] = done.clone();
        }
        // The exit code tells it, too.
        let _ = Printer { json }.print(&document);
    }
    ExitCode::from(code)
}
