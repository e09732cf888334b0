//! YAML, and what is wrong with it in words.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};
use serde_saphyr::{Spanned, with_deserializer_from_str};

/// Reads a value. What is wrong with it is said with the key, the place and what is allowed, and without an excerpt, which
/// may show whatever else stands in the file.
pub(crate) fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, String> {
    if yaml.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut key = String::new();
    let read = with_deserializer_from_str(yaml, |yaml| {
        serde_path_to_error::deserialize(yaml).map_err(|error| {
            key = error.path().to_string();
            error.into_inner()
        })
    });
    read.map_err(|error| {
        let place = error.location().map(|at| format!(" (line {}, column {})", at.line(), at.column()));
        let place = place.unwrap_or_default();
        let said = error.without_snippet().to_string();
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        let key = if matches!(key.as_str(), "" | "." | "?") { String::new() } else { format!("{key}: ") };
        // A name in the file is part of it, and may move the cursor.
        format!("{key}{}{place}", words(said)).replace(char::is_control, "\u{fffd}")
    })
}

/// Finds the line of a key with its path, such as `providers.runpod.gpuCount`, also where an old name stands for it; `None` if
/// the text has no such key.
pub(crate) fn line(yaml: &str, key: &str) -> Option<u64> {
    let path: Vec<&str> = key.split('.').collect();
    with_deserializer_from_str(yaml, |yaml| At(&path).deserialize(yaml)).ok().flatten()
}

/// The line of the value at the end of a path.
struct At<'a>(&'a [&'a str]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<u64>;

    fn deserialize<D: Deserializer<'de>>(self, yaml: D) -> Result<Self::Value, D::Error> {
        match self.0 {
            [] => Spanned::<IgnoredAny>::deserialize(yaml).map(|value| Some(value.referenced.line())),
            _ => yaml.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block of keys and values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            match self.0 {
                [key, rest @ ..] if is_named(&name, key) => found = map.next_value_seed(At(rest))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

/// Returns true for a key's name, the same in snake case, and the one that is told otherwise.
fn is_named(written: &str, key: &str) -> bool {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let (written, key) = (plain(written), plain(key));
    written == key || (key == "gputype" && written == "gputypeid")
}

/// Translates a parser's words for types for a person.
fn words(said: &str) -> String {
    let wanted = |what: &str| format!("{what} is wanted here");
    if let Some(rest) = said.strip_prefix("unknown variant ") {
        return format!("{} is wanted here, not {}", list(rest, ""), quoted(rest));
    }
    if let Some(rest) = said.strip_prefix("unknown field ") {
        return format!("there is no key {}; {}", quoted(rest), list(rest, "there are "));
    }
    if let Some(rest) = said.strip_prefix("missing field ") {
        return format!("the key {} is missing", quoted(rest));
    }
    if let Some(rest) = said.strip_prefix("duplicate field ") {
        return format!("the key {} is there twice, the second time by an old name maybe", quoted(rest));
    }
    match said {
        _ if said.starts_with("invalid u") || said.starts_with("invalid i") => {
            wanted("a whole number of 0 or more")
        }
        "invalid boolean" => wanted("true or false"),
        "invalid floating point" => wanted("a number"),
        "expected string scalar" => wanted("a text"),
        "expected sequence start" => wanted("a list"),
        "expected mapping start" => wanted("a block of keys and values"),
        _ if said.contains("untagged enum") => wanted("another kind of value"),
        _ => said.to_owned(),
    }
}

/// The first name in backticks.
fn quoted(said: &str) -> String {
    format!("{:?}", said.split('`').nth(1).unwrap_or_default())
}

/// Lists what the parser names as expected, old names in snake case left out.
fn list(said: &str, before: &str) -> String {
    let (_, expected) = said.split_once("expected ").unwrap_or_default();
    let expected = expected.strip_prefix("one of ").unwrap_or(expected);
    let names: Vec<&str> = expected.split(", ").map(|name| name.trim_matches('`')).collect();
    let is_old = |name: &&str| name.contains('_') && names.len() > 8;
    let names: Vec<&str> = names.iter().copied().filter(|name| !is_old(name)).collect();
    match names.as_slice() {
        [] | [""] => "something else".to_owned(),
        names if before.is_empty() => format!("one of {}", names.join(", ")),
        names => format!("{before}{}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SindriConfig;

    #[test]
    fn a_key_is_found_by_its_path_and_by_old_names() {
        let yaml = "name: a\nproviders:\n  fly: {gpuCount: 1}\n  runpod:\n    gpu_count: 17\n    gpuTypeId: b\ndeployment: {resources: {gpu: {count: 2}}}\n";
        for (key, expected) in [
            ("providers.runpod.gpuCount", Some(5)),
            ("providers.runpod.gpuType", Some(6)),
            ("deployment.resources.gpu.count", Some(7)),
            ("providers.runpod.region", None),
            ("name.first", None),
        ] {
            assert_eq!(line(yaml, key), expected, "{key}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_key_place_and_what_is_allowed() {
        for (yaml, says) in [
            (
                "name: a\nproviders:\n  runpod: {gpuCount: many}",
                "providers.runpod.gpuCount: a whole number of 0 or more is wanted here (line 3, column 22)",
            ),
            (
                "{name: a, providers: {runpod: {cloudType: ALL}}}",
                "providers.runpod.cloudType: one of SECURE, COMMUNITY is wanted here, not \"ALL\" (line 1, column 43)",
            ),
            ("{name: a, providers: {runpod: {cpuOnly: maybe}}}", "cpuOnly: true or false is wanted here"),
            ("{name: a, providers: {runpod: {ports: 22}}}", "ports: a list is wanted here"),
            ("{name: a, providers: {runpod: {region: [a]}}}", "region: a text is wanted here"),
            (
                "{name: a, providers: {runpod: {lifetimeHours: soon}}}",
                "lifetimeHours: a number is wanted here",
            ),
            (
                "{name: a, providers: {runpod: {gpuKind: A40}}}",
                "there is no key \"gpuKind\"; there are gpuType, ",
            ),
            (
                "{name: a, providers: {runpod: {gpuType: a, gpuTypeId: b}}}",
                "the key \"gpuType\" is there twice",
            ),
            ("deployment: {}", "the key \"name\" is missing"),
            ("{name: a, deployment: {resources: {gpu: {tier: gpu-huge}}}}", "one of gpu-small, gpu-medium, "),
            ("{name: a, secrets: [{name: A, source: [x]}]}", "another kind of value is wanted here"),
            ("", "it is empty"),
        ] {
            let error = read::<SindriConfig>(yaml).expect_err(yaml);
            assert!(error.contains(says), "{yaml}: {error}");
            assert!(!error.contains("gpu_type") && !error.contains("enum"), "{yaml}: {error}");
        }
    }
}
