//! The whole import, rule after rule.

use std::path::Path;

use serde_json::{Value, json};
use serde_path_to_error::Segment;

use super::{
    Failure, Version, aliases,
    corrections::{self, How},
    docs, flatten, generator,
    memory::Memory,
    operations::{self, METHODS},
    options,
    pointer::step,
    reading,
    refusal::{Carried, Refusal},
    responses,
    schema::{self, Node},
    skip::{self, Skipped},
    tidy,
};

/// Knowledge beyond the upstream document.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// Corrections of upstream.
    pub(crate) corrections: Vec<corrections::Correction>,
    /// Our own descriptions.
    pub(crate) docs: docs::Docs,
    /// The names that are there already.
    pub(crate) memory: Memory,
}

#[derive(Debug, thiserror::Error)]
#[error("{place}: cannot be read as what it should be; correct the file")]
struct BadNotes {
    place: String,
    source: Failure,
}

impl Notes {
    /// Reads the notes of a version in `folder`; a missing file holds none.
    pub(crate) fn load(version: Version, folder: &Path) -> Result<Self, Failure> {
        let name = version.name();
        Ok(Self {
            corrections: load(&folder.join(format!("{name}.corrections.json")))?,
            docs: load(&folder.join(format!("{name}.docs.json")))?,
            memory: Memory::of(load(&folder.join(format!("{name}.json")))?),
        })
    }
}

fn load<T: serde::de::DeserializeOwned + Default>(path: &Path) -> Result<T, BadNotes> {
    let bad = |source: Failure| BadNotes { place: path.display().to_string(), source };
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| bad(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(bad(error.into())),
    }
}

/// Key under which our documents say what was corrected; upstream's have no such key.
pub(crate) const CORRECTED: &str = "x-corrected";

/// A document of ours.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) document: Value,
    /// The corrections that were not made, and why.
    pub(crate) problems: Vec<String>,
    /// Operations that were left out.
    pub(crate) skipped: Vec<Skipped>,
}

/// Turns an upstream document into ours.
pub(crate) fn import(upstream: Value, notes: &Notes, how: How) -> Result<Imported, Failure> {
    let mut upstream = tidy::tidied(upstream);
    let outcomes = corrections::apply(&mut upstream, &notes.corrections, how)?;
    carried(upstream, notes, &outcomes, Vec::new())
}

/// The same, and leaves out what the generator does not carry.
pub(crate) fn generated(upstream: Value, notes: &Notes, how: How) -> Result<Imported, Failure> {
    let mut upstream = tidy::tidied(upstream);
    let outcomes = corrections::apply(&mut upstream, &notes.corrections, how)?;
    let mut skipped = Vec::new();
    loop {
        let imported = carried(upstream.clone(), notes, &outcomes, skipped.clone())?;
        let Some(refusal) = generator::refusal(&imported.document)? else { return Ok(imported) };
        let out = skip::leave_out(&mut upstream, &refusal);
        if out.is_empty() {
            return Err(refusal.into());
        }
        skipped.extend(out);
    }
}

fn carried(
    mut upstream: Value,
    notes: &Notes,
    outcomes: &[corrections::Outcome],
    mut skipped: Vec<Skipped>,
) -> Result<Imported, Failure> {
    let mut document = loop {
        let refusal = match ours(&upstream, notes) {
            Ok(document) => break document,
            Err(refusal) => refusal,
        };
        let out = skip::leave_out(&mut upstream, &refusal);
        if out.is_empty() {
            return Err(refusal.into());
        }
        if operation_count(&upstream) == 0 {
            return Err(format!("{}: no operation is left: {refusal}", refusal.pointer()).into());
        }
        skipped.extend(out);
    };
    if !skipped.is_empty() {
        document[skip::SKIPPED] = serde_json::to_value(&skipped)?;
    }
    document["info"][CORRECTED] = corrections::reasons(&notes.corrections, outcomes);
    let problems = corrections::problems(&notes.corrections, outcomes);
    Ok(Imported { document, problems, skipped })
}

fn ours(upstream: &Value, notes: &Notes) -> Carried<Value> {
    let mut document = flat(upstream)?;
    let mut schemas = taken(&mut document, "/components/schemas");
    let mut paths = taken(&mut document, "/paths");
    let error = responses::error_component(&paths, &schemas);
    schemas.insert(responses::ERROR.to_owned(), Value::Object(error));
    operations::settle(&mut paths, &notes.memory)?;
    let schemas = reading::split(&schemas, &mut paths, &notes.memory)?;
    document["components"]["schemas"] = Value::Object(schemas);
    document["paths"] = Value::Object(paths);
    notes.docs.apply(&mut document);
    options::fold(&mut document);
    aliases::settle(&mut document, &notes.memory);
    is_openapi(&document)?;
    Ok(document)
}

/// Refuses a result that is not OpenAPI 3.0, by the place in it.
fn is_openapi(document: &Value) -> Carried<()> {
    serde_path_to_error::deserialize::<_, openapiv3::OpenAPI>(document).map(drop).map_err(|error| {
        let at = error.path().iter().fold(String::new(), |at, segment| match segment {
            Segment::Seq { index } => step(&at, index),
            other => step(&at, other),
        });
        let problem = format!("not OpenAPI 3.0 as it comes out of the import: {}", error.inner());
        Refusal::new(&at, problem, "correct what upstream has there")
    })
}

/// Counts the operations of a document.
pub(crate) fn operation_count(document: &Value) -> usize {
    let items = document["paths"].as_object().into_iter().flatten();
    let methods = |item: &Value| METHODS.iter().filter(|method| item.get(**method).is_some()).count();
    items.map(|(_, item)| methods(item)).sum()
}

/// The upstream document in one form: no prose, flat schemas, references to components written out.
fn flat(upstream: &Value) -> Carried<Value> {
    let version = upstream
        .get("openapi")
        .map(|version| version.as_str().map_or_else(|| version.to_string(), str::to_owned));
    let version = version.unwrap_or_default();
    if version != "3" && !version.starts_with("3.") {
        let problem = format!("OpenAPI version {version:?}");
        return Err(Refusal::new("/openapi", problem, "only OpenAPI 3 is read; convert the document"));
    }
    let mut normal = Node::new();
    let at = "/components/schemas";
    for (name, schema) in upstream.pointer(at).and_then(Value::as_object).into_iter().flatten() {
        normal.insert(name.clone(), schema::normalise(schema, &step(at, name))?);
    }
    let schemas = flatten::components(&normal)?;
    let paths = operations::carry(upstream, &normal)?;
    let api_version = upstream.pointer("/info/version").and_then(Value::as_str).unwrap_or("0");
    let mut document = json!({
        "openapi": "3.0.3",
        "info": { "title": "RunPod REST API", "version": api_version },
        "servers": servers(upstream),
        "components": { "schemas": schemas },
        "paths": paths,
    });
    if let Some(security) =
        upstream.get("security").filter(|security| operations::security(security, "").is_ok())
    {
        document["security"] = security.clone();
    }
    let schemes = security_schemes(upstream);
    if !schemes.is_empty() {
        document["components"]["securitySchemes"] = Value::Object(schemes);
    }
    Ok(document)
}

fn servers(upstream: &Value) -> Vec<Value> {
    let servers = upstream.get("servers").and_then(Value::as_array).into_iter().flatten();
    servers.filter_map(|server| server["url"].as_str()).map(|url| json!({ "url": url })).collect()
}

fn security_schemes(upstream: &Value) -> Node {
    let schemes = upstream.pointer("/components/securitySchemes").and_then(Value::as_object);
    let mut out = Node::new();
    for (name, scheme) in schemes.into_iter().flatten() {
        let mut kept = Node::new();
        for key in ["type", "scheme", "name", "in", "flows", "openIdConnectUrl"] {
            if let Some(value) = scheme.get(key) {
                kept.insert(key.to_owned(), value.clone());
            }
        }
        // How the key is sent is not generated; a scheme that is none says nothing.
        let kept = Value::Object(kept);
        if schema::shaped::<openapiv3::SecurityScheme>(&kept, "", "").is_ok() {
            out.insert(name.clone(), kept);
        }
    }
    out
}

fn taken(document: &mut Value, at: &str) -> Node {
    match document.pointer_mut(at).map(Value::take) {
        Some(Value::Object(node)) => node,
        _ => Node::new(),
    }
}
