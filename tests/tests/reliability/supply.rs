//! Built-in crates, as `deny.toml` wants them. `cargo deny check bans licenses sources` says the same, where it is installed.

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

/// Output of cargo. Nothing but what building these tests has downloaded is there: no crate of another platform.
fn cargo(words: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    let output =
        command.args(words).args(["--locked", "--offline"]).current_dir(ROOT).output().expect("cargo runs");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cargo writes text")
}

/// The workspace's own packages.
fn members() -> Vec<Value> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).expect("cargo writes JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

/// Name and licence of everything that is built here; `cargo deny` sees the other platforms too.
fn licences() -> BTreeMap<String, String> {
    let tree = cargo(&["tree", "--workspace", "--prefix", "none", "--format", "{p}|{l}", "-e", "all"]);
    let lines = tree.lines().filter_map(|line| line.trim_end_matches(" (*)").split_once('|'));
    lines.map(|(package, licence)| (first_word(package), licence.to_owned())).collect()
}

fn first_word(text: &str) -> String {
    text.split_ascii_whitespace().next().unwrap_or_default().to_owned()
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

/// Returns true if an SPDX expression without nesting can be met with the allowed licences.
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
    let licences = licences();
    assert!(licences.len() > 200, "the tree was read");
    for (name, licence) in licences {
        if !is_allowed(&licence, &allowed) && !excepted.contains(&name) {
            wrong.push(format!("{name} is under {licence:?}"));
        }
    }
    let lock: toml::Value = toml::from_str(&read("Cargo.lock")).expect("it is TOML");
    for package in lock["package"].as_array().expect("a list") {
        let source = package.get("source").and_then(toml::Value::as_str);
        let source = source.map(|source| source.trim_start_matches("registry+").to_owned());
        if source.as_ref().is_some_and(|source| !registries.contains(source)) {
            wrong.push(format!("{} comes from {source:?}", package["name"].as_str().unwrap_or_default()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn members_forbid_unsafe_code_and_name_their_licence() {
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
    for package in &members() {
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
    let published = ["-p", "runpod-api", "-p", "runpod-lifecycle", "--features", "runpod-lifecycle/v1"];
    let words = [&["tree", "--prefix", "none", "--format", "{p}", "-e", edges], &published[..]].concat();
    let tree = cargo(&words);
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in tree.lines() {
        let mut words = line.split_ascii_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next()) {
            versions.entry(name.to_owned()).or_default().insert(version.to_owned());
        }
    }
    versions
}

/// Target of a link to a file of the repository.
const REPOSITORY: &str = "https://github.com/runpod-rs/runpod-rs/blob/main/";

#[test]
fn every_package_has_its_licences_and_what_its_readme_links() {
    let published: Vec<Value> = members().into_iter().filter(|member| member["publish"].is_null()).collect();
    assert_eq!(published.len(), 5);
    for member in &published {
        let name = text(member, "name");
        let files = cargo(&["package", "--list", "--allow-dirty", "-p", name]);
        let has = |file: &str| files.lines().any(|line| line == file);
        for file in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
            assert!(has(file), "{name} lacks {file}");
        }
        let readme = read(&format!("{name}/README.md"));
        for link in readme.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let leads = match link.strip_prefix(REPOSITORY) {
                Some(path) => Path::new(ROOT).join(path).exists(),
                None => link.starts_with("https://") || link.starts_with('#') || has(link),
            };
            assert!(leads, "{name}'s README links {link}");
        }
    }
}
