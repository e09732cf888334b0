//! What is built in, as `deny.toml` wants it. `cargo deny check bans licenses sources` says the same, where it is installed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use serde_json::Value;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Everything in the lock file, on every platform and with every feature.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features"])
        .current_dir(ROOT)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// Whether an SPDX expression without nesting can be met with the allowed licences.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    let plain = expression.replace('/', " OR ").replace(['(', ')'], " ");
    plain.split(" AND ").all(|all| all.split(" OR ").any(|one| allowed.contains(&one.trim())))
}

#[test]
fn licences_and_sources_are_those_of_deny_toml() {
    let deny: toml::Value = toml::from_str(&read("deny.toml")).expect("it is TOML");
    let list = |value: &toml::Value| -> Vec<String> {
        let items = value.as_array().expect("a list").iter();
        items
            .filter_map(|item| item.as_str().or_else(|| item.get("crate")?.as_str()))
            .map(str::to_owned)
            .collect()
    };
    let allowed = list(&deny["licenses"]["allow"]);
    let allowed: Vec<&str> = allowed.iter().map(String::as_str).collect();
    let banned = list(&deny["bans"]["deny"]);
    let excepted = list(&deny["licenses"]["exceptions"]);
    let registries = list(&deny["sources"]["allow-registry"]);
    let mut wrong: Vec<String> = shipped("normal,build")
        .into_keys()
        .filter(|name| banned.contains(name))
        .map(|name| format!("{name} is banned"))
        .collect();
    for package in packages() {
        let name = text(&package, "name");
        let is_excepted = excepted.iter().any(|excepted| excepted == name);
        if !is_allowed(text(&package, "license"), &allowed) && !is_excepted {
            wrong.push(format!("{name} is under {:?}", package["license"]));
        }
        let source = package["source"].as_str().map(|source| source.trim_start_matches("registry+"));
        if source.is_some_and(|source| !registries.iter().any(|known| known == source)) {
            wrong.push(format!("{name} comes from {source:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn members_forbid_unsafe_code_and_name_their_licence() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for package in packages().iter().filter(|package| package["source"].is_null()) {
        let manifest = std::fs::read_to_string(text(package, "manifest_path")).expect("it is there");
        let manifest: toml::Value = toml::from_str(&manifest).expect("it is TOML");
        let name = text(package, "name");
        assert_eq!(
            manifest["lints"]["workspace"].as_bool(),
            Some(true),
            "{name} takes the workspace's lints"
        );
        assert_eq!(text(package, "license"), "MIT OR Apache-2.0", "{name}");
    }
}

#[test]
fn what_is_shipped_has_no_crate_twice() {
    let versions = shipped("normal,no-proc-macro");
    assert!(versions.len() > 50, "the tree was read");
    // `ring` is a major version of getrandom behind, `sfv` one of base64.
    let behind = ["base64", "getrandom"];
    let twice =
        versions.iter().filter(|(name, versions)| versions.len() > 1 && !behind.contains(&name.as_str()));
    assert_eq!(twice.collect::<Vec<_>>(), Vec::<(&String, &BTreeSet<String>)>::new());
}

/// The crates and versions that come with the published crates, along these edges.
fn shipped(edges: &str) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--offline",
            "-p",
            "runpod-api",
            "-p",
            "runpod-lifecycle",
            "--prefix",
            "none",
        ])
        .args(["--features", "runpod-lifecycle/v1", "--format", "{p}", "-e", edges])
        .current_dir(ROOT)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut words = line.split_ascii_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    versions
}
