//! Changes of upstream's documents that APIs are known to make: each is imported, compared with the right verdict, and
//! compiled. The list is `xtask/mutations/list.json`; every place and value of a row is a mutation of its own.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Command,
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Failure, Version, contract_folder,
    corrections::{How, literal},
    diff::{Step, between},
    import::{self, Notes, operation_count},
    pointer, source, write,
};

/// One row of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    document: String,
    /// The places it is made at, each a mutation.
    at: Vec<String>,
    /// Values to put there, by name, each a mutation.
    #[serde(default)]
    values: BTreeMap<String, Value>,
    edits: Vec<Vec<Value>>,
    /// The semantic versioning step that a reader of both documents would ask for.
    step: Option<String>,
    /// True if the facade goes on to compile. Default: unless the change breaks callers, of which it is one.
    facade: Option<bool>,
}

/// One mutation.
#[derive(Clone, Debug)]
struct Mutation {
    name: String,
    version: Version,
    edits: Vec<Vec<Value>>,
    step: Option<String>,
    facade: bool,
}

/// A version's document before any mutation.
struct Original {
    upstream: Value,
    ours: Value,
    notes: Notes,
}

/// Imports all mutations and compiles some of them; fails if any is not as it should be.
pub(crate) fn run(upstream: &Path, compile: usize, target: &Path) -> Result<String, Failure> {
    let originals = [Original::read(Version::V1, upstream)?, Original::read(Version::V2, upstream)?];
    let all = list()?;
    let mut faults = in_parallel(&all, |mutation| imported(mutation, original(&originals, mutation.version)));
    let verdicts = all.iter().filter(|mutation| mutation.step.is_some()).count();
    let every = (all.len() / compile.max(1)).max(1);
    let sample: Vec<Mutation> = all.iter().step_by(every).take(compile).cloned().collect();
    faults.extend(compiled(&sample, &originals, target)?);
    if faults.is_empty() {
        return Ok(format!(
            "{} mutations imported, {verdicts} compared with their verdicts, {} compiled\n",
            all.len(),
            sample.len()
        ));
    }
    Err(format!("{} of {} mutations:\n{}", faults.len(), all.len(), faults.join("\n")).into())
}

fn how() -> How {
    How { skip_stale: true, bindings_only: false }
}

fn original(originals: &[Original; 2], version: Version) -> &Original {
    if version == Version::V1 { &originals[0] } else { &originals[1] }
}

impl Original {
    fn read(version: Version, folder: &Path) -> Result<Self, Failure> {
        let place = folder.join(format!("runpod-{}.json", version.name()));
        let upstream = super::tidy::tidied(source::read(&place.to_string_lossy())?);
        let notes = Notes::load(version, &contract_folder())?;
        let ours = import::import(upstream.clone(), &notes, how())?.document;
        Ok(Self { upstream, ours, notes })
    }
}

fn list() -> Result<Vec<Mutation>, Failure> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutations/list.json");
    let rows: Vec<Row> = serde_json::from_slice(&std::fs::read(path)?)?;
    Ok(rows.iter().flat_map(Row::mutations).collect())
}

impl Row {
    fn mutations(&self) -> Vec<Mutation> {
        let none = BTreeMap::from([(String::new(), Value::Null)]);
        let values = if self.values.is_empty() { &none } else { &self.values };
        let one = |at: &String, (name, value): (&String, &Value)| Mutation {
            name: [&self.kind, name, at].map(String::as_str).join(" | "),
            version: if self.document == "v1" { Version::V1 } else { Version::V2 },
            edits: self
                .edits
                .iter()
                .map(|edit| edit.iter().map(|part| filled(part, at, value)).collect())
                .collect(),
            step: self.step.clone(),
            facade: self.facade.unwrap_or(self.step.as_deref() != Some("major")),
        };
        self.at.iter().flat_map(|at| values.iter().map(move |entry| one(at, entry))).collect()
    }
}

/// The part with its place and value put in.
fn filled(part: &Value, at: &str, value: &Value) -> Value {
    match part {
        Value::String(text) if text == "{value}" => value.clone(),
        Value::String(text) => {
            json!(text.replace("{at}", at).replace("{value}", value.as_str().unwrap_or_default()))
        }
        Value::Array(items) => items.iter().map(|item| filled(item, at, value)).collect(),
        Value::Object(node) => {
            node.iter().map(|(key, part)| (key.clone(), filled(part, at, value))).collect()
        }
        other => other.clone(),
    }
}

impl Mutation {
    fn apply(&self, document: &mut Value) -> Result<(), String> {
        self.edits.iter().try_for_each(|edit| {
            applied(edit, document).ok_or_else(|| format!("{}: cannot be made", self.name))
        })
    }
}

fn applied(edit: &[Value], document: &mut Value) -> Option<()> {
    let text = |index: usize| edit.get(index).and_then(Value::as_str);
    match text(0)? {
        "put" => put(document, text(1)?, edit.get(2)?.clone()),
        "take" => take(document, text(1)?).map(drop),
        "move" => {
            let moved = take(document, text(1)?)?;
            put(document, text(2)?, moved)
        }
        "copy" => {
            let copy = document.pointer(&literal(document, text(1)?, None))?.clone();
            put(document, text(2)?, copy)
        }
        "reverse" => {
            let place = literal(document, text(1)?, None);
            document.pointer_mut(&place)?.as_array_mut()?.reverse();
            Some(())
        }
        "rename" => renamed(document, text(1)?, &format!("Renamed{}", text(1)?)),
        "argument" => argument(document, text(1)?, text(2)?, text(3)?),
        "extract" => {
            let part = take(document, text(1)?)?;
            put(document, text(1)?, json!({ "$ref": format!("#/components/schemas/{}", text(2)?) }))?;
            put(document, &format!("/components/schemas/{}", text(2)?), part)
        }
        "wrap" => {
            let part = take(document, text(1)?)?;
            let (_, name) = pointer::split(text(1)?)?;
            put(document, &format!("/components/schemas/{name}Whole"), part)?;
            let whole = json!({ "allOf": [{ "$ref": format!("#/components/schemas/{name}Whole") }] });
            put(document, text(1)?, whole)
        }
        _ => None,
    }
}

fn put(document: &mut Value, pointer: &str, value: Value) -> Option<()> {
    let place = literal(document, pointer, None);
    let (parent, key) = pointer::split(&place)?;
    if key == "-" && document.pointer(parent).is_none() {
        put(document, parent, json!([]))?;
    }
    match document.pointer_mut(parent)? {
        Value::Object(node) => drop(node.insert(key, value)),
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => *items.get_mut(key.parse::<usize>().ok()?)? = value,
        _ => return None,
    }
    Some(())
}

fn take(document: &mut Value, pointer: &str) -> Option<Value> {
    let place = literal(document, pointer, None);
    let (parent, key) = pointer::split(&place)?;
    match document.pointer_mut(parent)? {
        Value::Object(node) => node.remove(&key),
        Value::Array(items) => {
            let index = key.parse::<usize>().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

/// A component under another name, with all that refers to it.
fn renamed(document: &mut Value, name: &str, new: &str) -> Option<()> {
    let part = take(document, &format!("/components/schemas/{name}"))?;
    put(document, &format!("/components/schemas/{new}"), part)?;
    let text = document.to_string();
    let text =
        text.replace(&format!("#/components/schemas/{name}\""), &format!("#/components/schemas/{new}\""));
    *document = serde_json::from_str(&text).ok()?;
    Some(())
}

/// An argument of a path under another name.
fn argument(document: &mut Value, path: &str, old: &str, new: &str) -> Option<()> {
    let whole = document.clone();
    let paths = document.get_mut("paths")?.as_object_mut()?;
    let mut item = paths.remove(path)?;
    for part in item.as_object_mut()?.values_mut() {
        let list = if part.is_array() { Some(part) } else { part.get_mut("parameters") };
        for parameter in list.and_then(Value::as_array_mut).into_iter().flatten() {
            let pointer = parameter["$ref"].as_str().and_then(|text| text.strip_prefix('#'));
            let mut own = pointer.and_then(|pointer| whole.pointer(pointer)).unwrap_or(parameter).clone();
            if own["name"] == *old && own["in"] == "path" {
                own["name"] = json!(new);
                *parameter = own;
            }
        }
    }
    paths.insert(path.replace(&format!("{{{old}}}"), &format!("{{{new}}}")), item);
    Some(())
}

/// Finds the fault in the import of one mutation.
fn imported(mutation: &Mutation, original: &Original) -> Option<String> {
    let mut upstream = original.upstream.clone();
    if let Err(problem) = mutation.apply(&mut upstream) {
        return Some(problem);
    }
    let count = operation_count(&upstream);
    let imported = catch_unwind(AssertUnwindSafe(|| import::import(upstream, &original.notes, how())));
    let Ok(imported) = imported else { return Some(format!("{}: the importer panics", mutation.name)) };
    let imported = match imported {
        Ok(imported) => imported,
        Err(error) => return Some(format!("{}: {error}", mutation.name)),
    };
    let added = operation_count(&original.ours) - operation_count(&original.upstream);
    let skipped = imported.skipped.iter().filter(|out| !out.place.starts_with('/')).count();
    if operation_count(&imported.document) + skipped != count + added {
        return Some(format!("{}: an operation is lost without a word", mutation.name));
    }
    let changes = between(&original.ours, &imported.document);
    let step = Step::of(&changes).name();
    let told: Vec<String> =
        changes.iter().map(|change| format!("    {:?} {change}", change.effect)).collect();
    let wrong = mutation.step.as_ref().is_some_and(|right| right != step);
    wrong.then(|| {
        let right = mutation.step.as_deref().unwrap_or_default();
        format!("{}: the diff says {step}, right is {right}\n{}", mutation.name, told.join("\n"))
    })
}

fn in_parallel(all: &[Mutation], check: impl Fn(&Mutation) -> Option<String> + Sync) -> Vec<String> {
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let parts = all.chunks(all.len().div_ceil(workers).max(1));
    std::thread::scope(|scope| {
        let running: Vec<_> = parts
            .map(|part| scope.spawn(|| part.iter().filter_map(&check).collect::<Vec<String>>()))
            .collect();
        running
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|_| vec!["a worker died".to_owned()]))
            .collect()
    })
}

/// Mutations that are compiled at once: their documents, and what must compile.
struct Group<'a> {
    members: Vec<&'a Mutation>,
    documents: [Value; 2],
    facade: bool,
}

/// Most mutations in one group.
const AT_ONCE: usize = 12;

/// Lists the mutations that do not compile. They are made together as long as they do not get in each other's way; a group that
/// fails is compiled one by one.
fn compiled(sample: &[Mutation], originals: &[Original; 2], target: &Path) -> Result<Vec<String>, Failure> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for mutation in sample {
        let joined = groups.iter_mut().any(|group| group.take(mutation));
        if !joined {
            let documents = [originals[0].upstream.clone(), originals[1].upstream.clone()];
            let mut group = Group { members: Vec::new(), documents, facade: mutation.facade };
            group.take(mutation);
            groups.push(group);
        }
    }
    let mut faults = Vec::new();
    for group in &groups {
        let Err(error) = group.compile(originals, target) else { continue };
        if let [only] = group.members.as_slice() {
            faults.push(format!("{}: {error}", only.name));
            continue;
        }
        let before = faults.len();
        for mutation in &group.members {
            let documents = [originals[0].upstream.clone(), originals[1].upstream.clone()];
            let mut alone = Group { members: Vec::new(), documents, facade: mutation.facade };
            alone.take(mutation);
            if let Err(error) = alone.compile(originals, target) {
                faults.push(format!("{}: {error}", mutation.name));
            }
        }
        if faults.len() == before {
            let names: Vec<&str> = group.members.iter().map(|mutation| mutation.name.as_str()).collect();
            faults.push(format!("together: {}: {error}", names.join("; ")));
        }
    }
    Ok(faults)
}

impl<'a> Group<'a> {
    fn take(&mut self, mutation: &'a Mutation) -> bool {
        let index = usize::from(mutation.version == Version::V2);
        let mut document = self.documents[index].clone();
        let fits = self.facade == mutation.facade && self.members.len() < AT_ONCE;
        if !fits || mutation.apply(&mut document).is_err() {
            return self.members.is_empty() && {
                self.members.push(mutation);
                true
            };
        }
        self.documents[index] = document;
        self.members.push(mutation);
        true
    }

    fn compile(&self, originals: &[Original; 2], target: &Path) -> Result<(), Failure> {
        let folder = target.join("documents");
        std::fs::create_dir_all(&folder)?;
        for (document, original) in self.documents.iter().zip(originals) {
            let imported = import::import(document.clone(), &original.notes, how())?;
            let version = if std::ptr::eq(original, &raw const originals[0]) { "v1" } else { "v2" };
            write::document(&folder.join(version).with_extension("json"), &imported.document)?;
        }
        check(&folder, target, self.facade)
    }
}

/// Compiles the bindings of the folder's documents and, if asked for, the facade on top of them.
pub(crate) fn check(folder: &Path, target: &Path, facade: bool) -> Result<(), Failure> {
    let mut words = vec!["check", "-q", "--offline", "-p", "runpod-api", "--no-default-features"];
    match facade {
        true => words.extend([
            "-p",
            "runpod-lifecycle",
            "--features",
            "runpod-api/v1,runpod-api/v2,runpod-api/mock,runpod-lifecycle/v1,runpod-lifecycle/rustls",
        ]),
        false => words.extend(["--features", "v1,v2,mock"]),
    }
    let output = Command::new(env!("CARGO"))
        .args(words)
        .arg("--target-dir")
        .arg(target)
        .env("RUNPOD_OPENAPI_DIR", folder)
        .current_dir(contract_folder().join(".."))
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(30).collect();
    Err(format!("it does not compile:\n{}", lines.join("\n")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_long_enough_and_names_each_mutation_once() {
        let all = list().expect("the list");
        assert!(all.len() >= 400, "{} mutations", all.len());
        assert!(all.iter().filter(|mutation| mutation.step.is_some()).count() >= 150);
        let names: std::collections::BTreeSet<String> =
            all.iter().map(|mutation| format!("{} {:?}", mutation.name, mutation.version)).collect();
        assert_eq!(names.len(), all.len());
    }
}
