//! The names that are nearest to one that RunPod's catalog or the account does not know.

use std::{cmp::Reverse, collections::BTreeSet};

use crate::spec::offer::quoted;

/// The most names a refusal shows.
const SHOWN: usize = 5;

/// Says that RunPod's catalog has no such `what`, and which names it has, the nearest first.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    missing("RunPod's catalog", what, name, known)
}

/// Says that somebody has no such `what`, and which names there are, the nearest first.
pub(crate) fn missing<'a>(
    whose: &str,
    what: &str,
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let known: BTreeSet<&str> = known.into_iter().collect();
    let mut ranked: Vec<(Reverse<u64>, &str)> =
        known.into_iter().map(|known| (Reverse(likeness(name, known)), known)).collect();
    ranked.sort_unstable();
    let shown: Vec<String> = ranked.iter().take(SHOWN).map(|(_, name)| quoted(name)).collect();
    let others = match ranked.len().saturating_sub(SHOWN) {
        0 => String::new(),
        count => format!(" and {count} others"),
    };
    match shown.as_slice() {
        [] => format!("{whose} has no {what} at all"),
        shown => {
            format!("{whose} has no such {what}; the nearest are {}{others}", shown.join(", "))
        }
    }
}

/// Returns the likeness of two names in thousandths: case, blanks and signs do not count.
fn likeness(one: &str, other: &str) -> u64 {
    let plain =
        |name: &str| name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let (one, other): (String, String) = (plain(one), plain(other));
    (strsim::sorensen_dice(&one, &other) * 1000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 8] = [
        "ADA_24",
        "AMPERE_24",
        "NVIDIA  RTX A4500",
        "NVIDIA A40",
        "NVIDIA GeForce RTX 3090",
        "NVIDIA GeForce RTX 4090",
        "NVIDIA H100 80GB HBM3",
        "NVIDIA RTX 4000 Ada Generation",
    ];

    #[test]
    fn the_nearest_name_comes_first_whatever_its_case_and_signs() {
        for (name, nearest) in [
            ("RTX 4090", "NVIDIA GeForce RTX 4090"),
            ("4090", "NVIDIA GeForce RTX 4090"),
            ("nvidia geforce rtx 4090", "NVIDIA GeForce RTX 4090"),
            ("NVIDIA GeForce RTX 4O90", "NVIDIA GeForce RTX 4090"),
            ("H100", "NVIDIA H100 80GB HBM3"),
            ("ada24", "ADA_24"),
            ("AMPERE-24", "AMPERE_24"),
            ("NVIDIA RTX A4500", "NVIDIA  RTX A4500"),
        ] {
            let said = unknown("GPU type or pool", name, KNOWN);
            let (_, list) = said.split_once("the nearest are ").unwrap();
            assert!(list.starts_with(&format!("{nearest:?}")), "{name}: {said}");
            assert!(said.ends_with(" and 3 others"), "{said}");
        }
        let centers = ["EU-CZ-1", "EU-RO-1", "US-CA-2"];
        for (name, nearest) in [("CZ", "EU-CZ-1"), ("EU-RO1", "EU-RO-1"), ("us ca 2", "US-CA-2")] {
            assert!(unknown("data center", name, centers).contains(&format!("are {nearest:?}")), "{name}");
        }
    }

    #[test]
    fn blanks_that_the_eye_would_miss_are_said() {
        assert_eq!(quoted("NVIDIA  RTX A4500"), "\"NVIDIA  RTX A4500\" (with two blanks in a row)");
        assert_eq!(quoted("NVIDIA\u{a0}A40"), "\"NVIDIA\\u{a0}A40\" (with a blank that is no space)");
        assert_eq!(quoted("NVIDIA A40"), "\"NVIDIA A40\"");
        assert_eq!(unknown("CPU flavor", "x", []), "RunPod's catalog has no CPU flavor at all");
    }
}
