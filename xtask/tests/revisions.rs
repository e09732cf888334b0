//! Revisions of the contract that were never seen: each is imported, and the bindings compile from it.
//!
//! Two are written by hand. The others are the newest document there is with one change: upstream's where
//! it lies beside the project, else ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

/// A change of the document of REST v2.
type Change = fn(&mut Value);

/// The changes, each with its name and which of the documents written by hand is built beside it.
const CHANGES: [(&str, &str, Change); 6] = [
    ("an enum value more", "early", |document| {
        let values = at(document, "/components/schemas/PodStatus/enum").as_array_mut().expect("values");
        values.push(json!("HIBERNATED"));
        values.push(json!("waiting-for host/2"));
    }),
    ("an operation more, without an id, and its event stream", "late", |document| {
        let mut operation = at(document, "/paths/~1v2~1pods~1{id}/get").clone();
        operation.as_object_mut().expect("an operation").remove("operationId");
        operation["responses"]["200"] = json!({ "content": { "text/event-stream": {} } });
        operation["responses"].as_object_mut().expect("answers").remove("2XX");
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
        let header = json!({ "name": "If-Match", "in": "header", "schema": { "type": "string" } });
        operation["parameters"] =
            parameters.into_iter().filter(|one| one["in"] != "path").chain([id, header]).collect();
        at(document, "/paths")["/v2/pods/{id}/metrics"] = json!({ "get": operation });
    }),
    ("a schema renamed", "early", |document| {
        let text = document.to_string();
        let renamed = text
            .replace("#/components/schemas/NetworkVolume\"", "#/components/schemas/SharedDisk\"")
            .replace("\"NetworkVolume\":{", "\"SharedDisk\":{");
        assert_ne!(text, renamed);
        *document = serde_json::from_str(&renamed).expect("JSON");
    }),
    ("a success more", "late", |document| {
        let accepted = json!({ "type": "object", "properties": { "jobId": { "type": "string" } } });
        let answers = at(document, "/paths/~1v2~1pods/post/responses");
        answers["202"] =
            json!({ "description": "", "content": { "application/json": { "schema": accepted } } });
        at(document, "/paths/~1v2~1pods~1{id}/delete/responses")["200"] = json!({ "description": "", "content": { "application/json": { "schema": { "type": "string" } } } });
    }),
    ("the other version of OpenAPI", "early", |document| {
        let is_new = document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1"));
        document["openapi"] = json!(if is_new { "3.0.3" } else { "3.1.0" });
        other_nulls(document, is_new);
    }),
    ("a discriminated union more, no event stream", "late", |document| {
        let schemas = at(document, "/components/schemas");
        for (name, own) in [("LocalDisk", "size"), ("RemoteDisk", "host")] {
            schemas[name] = json!({
                "type": "object", "required": ["kind", own], "additionalProperties": false,
                "properties": { "kind": { "type": "string" }, own: { "type": "string", "minLength": 1 } },
            });
        }
        schemas["Disk"] = json!({
            "oneOf": [{ "$ref": "#/components/schemas/LocalDisk" }, { "$ref": "#/components/schemas/RemoteDisk" }],
            "discriminator": { "propertyName": "kind", "mapping": {
                "LOCAL": "#/components/schemas/LocalDisk", "REMOTE": "#/components/schemas/RemoteDisk" } },
        });
        for name in ["CreateNetworkVolumeRequest", "NetworkVolume"] {
            at(document, &format!("/components/schemas/{name}/properties"))["disk"] =
                json!({ "$ref": "#/components/schemas/Disk" });
        }
        let paths = at(document, "/paths").as_object_mut().expect("paths");
        paths.retain(|path, _| !path.ends_with("/logs"));
    }),
];

fn at<'a>(document: &'a mut Value, pointer: &str) -> &'a mut Value {
    document.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there"))
}

/// Writes `null` the way the other version of OpenAPI does.
fn other_nulls(value: &mut Value, is_new: bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| other_nulls(item, is_new)),
        Value::Object(node) => {
            match node.get("type").cloned() {
                Some(Value::Array(types)) if is_new && types.len() == 2 && types.contains(&json!("null")) => {
                    node.insert(
                        "type".to_owned(),
                        types.into_iter().find(|name| name != "null").expect("a type"),
                    );
                    node.insert("nullable".to_owned(), json!(true));
                }
                Some(Value::String(name)) if !is_new && node.get("nullable") == Some(&json!(true)) => {
                    node.remove("nullable");
                    node.insert("type".to_owned(), json!([name, "null"]));
                }
                _ => {}
            }
            node.values_mut().for_each(|value| other_nulls(value, is_new));
        }
        _ => {}
    }
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project")
}

/// The newest document of REST v2.
fn newest() -> Value {
    let upstream = project().join("../shared/openapi/runpod-v2.json");
    let place = if upstream.exists() { upstream } else { project().join("openapi/v2.json") };
    serde_json::from_slice(&fs::read(place).expect("a document")).expect("JSON")
}

fn import(version: &str, from: &Path, to: &Path) {
    let output = imported(version, from, to, &[]);
    assert!(output.status.success(), "{}: {}", from.display(), String::from_utf8_lossy(&output.stderr));
}

fn imported(version: &str, from: &Path, to: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["openapi", "import", version, "--skip-stale", "--bindings-only", "--from"])
        .arg(from)
        .arg("--to")
        .arg(to)
        .args(more)
        .output()
        .expect("the chore")
}

/// Compiles the bindings of both documents in the folder.
fn compile(folder: &Path, target: &Path) {
    let output = Command::new(env!("CARGO"))
        .args([
            "check",
            "-q",
            "--offline",
            "-p",
            "runpod-api",
            "--no-default-features",
            "--features",
            "v1,v2",
        ])
        .arg("--target-dir")
        .arg(target)
        .env("RUNPOD_OPENAPI_DIR", folder)
        .current_dir(project())
        .output()
        .expect("cargo");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {text}", folder.display());
}

/// Where cargo builds, for every test in turn.
fn target() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("revisions")
}

#[test]
fn bindings_compile_from_revisions_that_were_never_seen() {
    let temporary = tempfile::tempdir().expect("a folder");
    let target = target();
    for (index, (name, beside, change)) in CHANGES.iter().enumerate() {
        let folder = temporary.path().join(index.to_string());
        fs::create_dir(&folder).expect("a folder");
        let mut document = newest();
        change(&mut document);
        let changed = folder.join(format!("{name}.json").replace(' ', "-"));
        fs::write(&changed, document.to_string()).expect("written");
        import("v2", &changed, &folder);
        let written = project().join("xtask/tests/revisions").join(beside).with_extension("json");
        import("v1", &written, &folder);
        compile(&folder, &target);
    }
}

/// The facade lists pods: a document without that is still one to make bindings from, but not one to write.
#[test]
fn an_import_that_is_verified_writes_only_what_the_facade_compiles_with() {
    type Change = fn(&mut Value);
    let more: Change = CHANGES[0].2;
    let less: Change = |document| {
        let operations = at(document, "/paths/~1v2~1pods").as_object_mut().expect("operations");
        operations.remove("get");
    };
    let target = target();
    let verify = ["--verify", "--target-dir", target.to_str().expect("a plain path")];
    for (change, is_written) in [(more, true), (less, false)] {
        let folder = tempfile::tempdir().expect("a folder");
        let changed = folder.path().join("upstream.json");
        let mut document = newest();
        change(&mut document);
        fs::write(&changed, document.to_string()).expect("written");
        let output = imported("v2", &changed, folder.path(), &verify);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), is_written, "{said}");
        assert_eq!(folder.path().join("v2.json").exists(), is_written, "{said}");
        let is_told = said.contains("the facade on top of this document: it does not compile")
            && said.contains("nothing was written");
        assert_eq!(is_told, !is_written, "{said}");
    }
}
