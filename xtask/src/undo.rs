//! The adversary's own test: every rule that is undone must be found out.

use std::{
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// Names of the rules to undo.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only the rules whose words hold this text. Default: all.
    #[arg(long, default_value = "")]
    only: String,
    /// Number of random tapes that search for each.
    #[arg(long, default_value_t = 20_000)]
    tapes: u64,
}

/// A rule, the line that holds it, the line without it, and the scenario that shows the difference.
struct Rule {
    words: &'static str,
    file: &'static str,
    line: &'static str,
    undone: &'static str,
    scenario: &'static str,
}

const fn rule(
    words: &'static str,
    file: &'static str,
    line: &'static str,
    undone: &'static str,
    scenario: &'static str,
) -> Rule {
    Rule { words, file, line, undone, scenario }
}

impl Rule {
    /// The text of its file, which holds its line once.
    fn text(&self, root: &Path) -> Result<String, Box<dyn Error>> {
        let text = fs::read_to_string(root.join(self.file))?;
        match text.matches(self.line).count() {
            1 => Ok(text),
            count => Err(format!("{} holds {count} times: {}", self.file, self.line).into()),
        }
    }
}

const EVIDENCE: &str = "runpod-lifecycle/src/knowledge/evidence.rs";
const IDENTITY: &str = "runpod-lifecycle/src/knowledge/identity.rs";
const RECORD: &str = "runpod-lifecycle/src/knowledge/record.rs";
const RECENT: &str = "runpod-lifecycle/src/knowledge/recent.rs";

const RULES: [Rule; 23] = [
    rule(
        "of what is stored, what an answer has shown lately is there, listed or not",
        RECENT,
        "items.extend(lacking);",
        "drop(lacking);",
        "stored",
    ),
    rule(
        "of what is stored, what was deleted here is gone, listed or not",
        RECENT,
        "None => items.retain(|listed| listed.id() != change.id),",
        "None => {}",
        "volume",
    ),
    rule(
        "a 404 about something stored that is new proves nothing",
        "runpod-lifecycle/src/account/delete.rs",
        "if !is_new {",
        "if !is_new || is_new {",
        "volume",
    ),
    rule(
        "of two sizes of a volume the larger is the later one",
        "runpod-lifecycle/src/volumes/mod.rs",
        "changed.filter(|changed| changed.size_gb > volume.size_gb)",
        "changed.filter(|changed| changed.size_gb.is_none())",
        "stored",
    ),
    rule(
        "for 15 s after a change an answer may be from before it",
        EVIDENCE,
        "at < change.at + LAG && is_left_by(",
        "at < change.at && is_left_by(",
        "start",
    ),
    rule(
        "a 404 about a new pod, or one that a list has just shown, proves nothing",
        EVIDENCE,
        "Some(until) if at < until => {",
        "Some(until) if at < until && until < at => {",
        "terminate",
    ),
    rule(
        "a list that lacks a pod proves nothing",
        EVIDENCE,
        "Came::Absent if seen.asked == Asked::List => unknown(None, \"RunPod's list does not show it yet\"),",
        "Came::Absent if seen.asked == Asked::List => Finding::Gone,",
        "replace",
    ),
    rule(
        "a list proves nothing of a pod that its id denies",
        EVIDENCE,
        "history.denied_at.is_some_and(|denied_at| at < denied_at + LAG)",
        "history.denied_at.is_some_and(|denied_at| at < denied_at)",
        "restart",
    ),
    rule(
        "endpoints count only with a run that began since",
        EVIDENCE,
        "if self.is_over(at) {\n            return None;",
        "if self.is_over(at) || at >= self.at {\n            return None;",
        "restart",
    ),
    rule(
        "an address may be from before the run beside it",
        EVIDENCE,
        "Some(left) => addresses.iter().any(|address| left.contains(address)),",
        "Some(left) => addresses.iter().any(|address| left.contains(address)) && left.is_empty(),",
        "restart",
    ),
    rule(
        "an address is from before until 15 s after the new run has shown",
        EVIDENCE,
        "at >= confirmed_at + LAG);",
        "at >= confirmed_at);",
        "restart",
    ),
    rule(
        "an uptime that the run before may show as well tells no new run",
        EVIDENCE,
        "|| (began_since && (was_long || self.is_confirmed()))",
        "|| began_since || was_long && self.is_confirmed()",
        "restart",
    ),
    rule(
        "an action whose future is dropped may have been made",
        "runpod-lifecycle/src/pods/act.rs",
        "if !self.is_answered {",
        "if !self.is_answered && self.is_answered {",
        "start",
    ),
    rule(
        "a pod that was created or adopted here is there, listed or not",
        RECORD,
        "(is_created || is_adopted) && !known.is_terminated()",
        "(is_created && is_adopted) && !known.is_terminated()",
        "deploy",
    ),
    rule(
        "a pod that was terminated here is gone, listed or not",
        RECORD,
        "changes.is_terminated() && changes.last.is_some_and(|change| listed_at < change.at + LAG)",
        "changes.is_terminated() && changes.last.is_some_and(|change| listed_at < change.at)",
        "terminate",
    ),
    rule(
        "none has the name of a dropped deploy only once lists would show its pod",
        "runpod-lifecycle/src/knowledge/names.rs",
        "self.dropped().get(name).map(|at| *at + LAG)",
        "self.dropped().get(name).copied()",
        "deploy",
    ),
    rule(
        "a pod of another name is somebody else's, whatever its environment",
        IDENTITY,
        "(Some(false), ..) | (_, Some(false), _) | (.., Some(false)) => Whose::SomebodyElses,",
        "(_, Some(false), _) | (.., Some(false)) => Whose::SomebodyElses,\n            (Some(false), Some(true), Some(true)) => Whose::Ours,",
        "namesake",
    ),
    rule(
        "a pod that was made outside the deploy's window is somebody else's",
        IDENTITY,
        "self.window.map_or(Some(true), |window| window.holds(pod.created()))",
        "self.window.map_or(Some(true), |window| window.holds(pod.created()).or(Some(true)).map(|_| true))",
        "namesake",
    ),
    rule(
        "a lost create's window ends although nobody hears of its end",
        "runpod-lifecycle/src/deploy/deployment.rs",
        "self.claim.window = ended_at.map(Window::until);",
        "self.claim.window = ended_at.map(Window::until).and(None);",
        "namesake",
    ),
    rule(
        "who created later gives way",
        IDENTITY,
        "Some(_) if name.is_some() && marker.is_some() => Relation::Earlier,",
        "Some(_) if name.is_some() && marker.is_some() => Relation::None,",
        "race",
    ),
    rule(
        "who created earlier stays",
        IDENTITY,
        "if (theirs, pod.id.as_str()) > (ours, id) => Relation::None,",
        "if (theirs, pod.id.as_str()) < (ours, id) => Relation::None,",
        "race",
    ),
    rule(
        "what else has the name is judged by a list of 15 s after the create",
        "runpod-lifecycle/src/pods/search.rs",
        "let shown_at = created.at + LAG;",
        "let shown_at = created.at;",
        "race",
    ),
    rule(
        "a create is sent again only once its pod had 15 s to show",
        EVIDENCE,
        "[0, 1, 2, 4, 8].map(Duration::from_secs)",
        "[0, 0, 0, 0, 0].map(Duration::from_secs)",
        "deploy",
    ),
];

/// A file that is as it was once this is dropped.
struct Patched {
    path: PathBuf,
    text: String,
}

impl Patched {
    fn new(root: &Path, rule: &Rule) -> Result<Self, Box<dyn Error>> {
        let path = root.join(rule.file);
        let text = rule.text(root)?;
        fs::write(&path, text.replace(rule.line, rule.undone))?;
        Ok(Self { path, text })
    }
}

impl Drop for Patched {
    fn drop(&mut self) {
        if let Err(error) = fs::write(&self.path, &self.text) {
            eprintln!("{} is left with a rule undone: {error}", self.path.display());
        }
    }
}

/// Undoes one rule after another. Returns the table of the tapes that found that out.
///
/// # Errors
/// If a rule is not where it should be, something does not compile, or a rule that is undone is not found out.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut table =
        "| rule that is undone | scenario | shortest tape | what breaks | s |\n|---|---|---|---|---|\n"
            .to_owned();
    let mut survivors = Vec::new();
    for rule in RULES.iter().filter(|rule| rule.words.contains(&arguments.only)) {
        let patched = Patched::new(&root, rule)?;
        build(&root)?;
        let began = Instant::now();
        let found = search(&root, rule, arguments.tapes)?;
        let seconds = began.elapsed().as_secs_f64();
        drop(patched);
        match found {
            Some((tape, broken)) => writeln!(
                table,
                "| {} | `{}` | `{tape}` | {broken} | {seconds:.0} |",
                rule.words, rule.scenario
            )?,
            None => survivors.push(rule.words),
        }
        eprintln!("{}: {seconds:.0} s", rule.words);
    }
    match survivors.is_empty() {
        true => Ok(table),
        false => Err(format!("not found out: {}\n{table}", survivors.join("; ")).into()),
    }
}

fn build(root: &Path) -> Result<(), Box<dyn Error>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--locked", "-p", "runpod-bench"]);
    let status = cargo.current_dir(root).env("CARGO_INCREMENTAL", "1").status()?;
    if status.success() { Ok(()) } else { Err("it does not compile with the rule undone".into()) }
}

/// The shortest tape and the oracle it breaks; `None` if no tape breaks any.
fn search(root: &Path, rule: &Rule, tapes: u64) -> Result<Option<(String, String)>, Box<dyn Error>> {
    let mut bench = Command::new(root.join("target/release/runpod-bench"));
    bench.args(["adversary", "--first", "--seed", "1", "--scenario", rule.scenario]);
    let output = bench.args(["--tapes", &tapes.to_string()]).output()?;
    let text = String::from_utf8(output.stdout)?;
    let tape = text.lines().find_map(|line| line.split_once(" --tape "));
    let broken = text.lines().find_map(|line| line.strip_prefix("BROKEN "));
    Ok(tape.map(|(_, tape)| tape.to_owned()).zip(broken.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_where_it_is_undone() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let lost: Vec<String> =
            RULES.iter().filter_map(|rule| rule.text(&root).err()).map(|error| error.to_string()).collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}
