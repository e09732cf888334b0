//! The rooms of each crate, from the roof down, and what stands in their way: imports run down only.

use std::collections::{BTreeMap, BTreeSet};

use super::{imports, source::Crate};

/// The floors of a crate. Rooms on one floor know nothing of each other.
fn floors(name: &str) -> &'static [&'static [&'static str]] {
    match name {
        "runpod-lifecycle" => &[
            &["deploy"],
            &["wait"],
            &["pods"],
            &["logs", "ssh_keys", "catalog"],
            &["handle"],
            &["client"],
            &["backend"],
            &["condition", "probe"],
            &["error", "event", "version"],
            &["spec"],
            &["pod"],
        ],
        _ => &[],
    }
}

/// Everything in a crate's imports that no floor plan allows, a line each.
pub(crate) fn faults(published: &Crate) -> Vec<String> {
    let imports = imports::of(published);
    let mut faults = circles(&imports, "files", &published.name);
    faults.extend(circles(&by_room(&imports), "rooms", &published.name));
    faults.extend(runs_up(&published.name, &imports));
    faults
}

/// The room a file is in: its folder below `src`, or itself.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn by_room(imports: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, taken) in imports {
        let others = taken.iter().map(|from| room(from)).filter(|other| *other != room(file));
        rooms.entry(room(file).to_owned()).or_default().extend(others.map(str::to_owned));
    }
    rooms
}

fn runs_up(name: &str, imports: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let floors = floors(name);
    if floors.is_empty() {
        return Vec::new();
    }
    let floor = |file: &str| floors.iter().position(|rooms| rooms.contains(&room(file)));
    let mut faults = Vec::new();
    for (file, taken) in imports {
        let Some(own) = floor(file) else {
            faults.push(format!("{name}: {file} is in no room of the floor plan; give its room a floor"));
            continue;
        };
        for from in taken {
            let is_up = floor(from).is_some_and(|other| other <= own) && room(from) != room(file);
            if is_up {
                let below: Vec<&str> = floors[own + 1..].concat();
                faults.push(format!(
                    "{name}: {file} takes a name from {from}, which runs up; {} may know {}",
                    room(file),
                    below.join(", ")
                ));
            }
        }
    }
    faults
}

/// Groups that know each other in a circle, a line each.
fn circles(imports: &BTreeMap<String, BTreeSet<String>>, what: &str, name: &str) -> Vec<String> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|from| (from.as_str(), reachable(imports, from))).collect();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (from, there) in &reach {
        let circle: Vec<&str> = there
            .iter()
            .copied()
            .filter(|to| reach.get(to).is_some_and(|back| back.contains(from)))
            .collect();
        if circle.contains(from) && circle.iter().all(|one| seen.insert(*one)) {
            faults.push(format!("{name}: {what} import one another in a circle: {}", circle.join(", ")));
        }
    }
    faults
}

fn reachable<'a>(imports: &'a BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(one) = next.pop() {
        for to in imports.get(one).into_iter().flatten() {
            if found.insert(to.as_str()) {
                next.push(to);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(edges: &[(&str, &[&str])]) -> BTreeMap<String, BTreeSet<String>> {
        let of = |(from, to): &(&str, &[&str])| {
            ((*from).to_owned(), to.iter().map(|one| (*one).to_owned()).collect())
        };
        edges.iter().map(of).collect()
    }

    #[test]
    fn a_circle_is_told_once_with_all_its_members() {
        let graph = imports(&[("a", &["b"]), ("b", &["c"]), ("c", &["a"]), ("d", &["a"])]);
        assert_eq!(
            circles(&graph, "files", "sample"),
            ["sample: files import one another in a circle: a, b, c"]
        );
        assert!(circles(&imports(&[("a", &["b", "c"]), ("b", &["c"])]), "files", "sample").is_empty());
    }

    #[test]
    fn an_import_that_runs_up_is_told_with_what_may_be_known() {
        let graph = imports(&[("client/mod.rs", &["wait/mod.rs", "backend/mod.rs"]), ("attic.rs", &[])]);
        let faults = runs_up("runpod-lifecycle", &graph);
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("attic.rs is in no room"), "{faults:?}");
        assert!(faults[1].contains("client/mod.rs takes a name from wait/mod.rs"), "{faults:?}");
        assert!(faults[1].contains("client may know backend"), "{faults:?}");
    }
}
