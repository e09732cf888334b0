//! The rooms of each crate, from the roof down: imports run down only, and nothing imports in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    imports::{self, Imports},
    source::Crate,
};

/// The floors of a crate, from the roof down. Rooms on one floor know nothing of each other. Empty for a crate without
/// a plan, which needs no more than to be free of circles.
fn floors(name: &str) -> &'static [&'static [&'static str]] {
    match name {
        "runpod-lifecycle" => &[
            &["blocking"],
            &["volumes"],
            &["deploy"],
            &["wait"],
            &["pods"],
            &["logs", "raw", "ssh_keys", "catalog", "account"],
            &["handle"],
            &["client"],
            &["backend"],
            &["knowledge"],
            &["probe"],
            &["condition"],
            &["observe"],
            &["error", "event"],
            &["warning"],
            &["spec", "diagnosis"],
            &["pod", "version", "stored"],
            &["word", "serial"],
        ],
        "runpod-jobs" => &[
            &["run", "ready"],
            &["task"],
            &["step"],
            &["job", "copy"],
            &["script"],
            &["exec"],
            &["session"],
            &["master"],
            &["login"],
            &["env"],
            &["error"],
        ],
        "runpod-sim" => &[&["sim"], &["http"], &["config"], &["world"], &["contract", "faults"], &["error"]],
        "runpod-sindri" => &[
            &["bin"],
            &["provider"],
            &["deploy", "action"],
            &["environment"],
            &["client"],
            &["blueprint", "secrets"],
            &["error"],
            &["config", "state", "variables"],
        ],
        _ => &[],
    }
}

/// Lists everything in a crate's imports that its floors do not allow, a line each.
pub(crate) fn faults(measured: &Crate) -> Vec<String> {
    let imports = imports::of(measured);
    let mut faults = circles(&imports, "files");
    faults.extend(circles(&by_room(&imports), "rooms"));
    faults.extend(runs_up(floors(&measured.name), &imports));
    faults
}

/// The room a file is in: its folder below `src`, or itself.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

fn by_room(imports: &Imports) -> Imports {
    let mut rooms = Imports::new();
    for (file, taken) in imports {
        let own = rooms.entry(room(file).to_owned()).or_default();
        for (from, place) in taken.iter().filter(|(from, _)| room(from) != room(file)) {
            own.entry(room(from).to_owned()).or_insert_with(|| place.clone());
        }
    }
    rooms
}

fn runs_up(floors: &[&[&str]], imports: &Imports) -> Vec<String> {
    if floors.is_empty() {
        return Vec::new();
    }
    let floor = |file: &str| floors.iter().position(|rooms| rooms.contains(&room(file)));
    let mut faults = Vec::new();
    for (file, taken) in imports {
        let Some(own) = floor(file) else {
            faults.push(format!("{file} is in no room of the floor plan; give `{}` a floor", room(file)));
            continue;
        };
        for (from, place) in taken.iter().filter(|(from, _)| room(from) != room(file)) {
            if floor(from).is_some_and(|other| other <= own) {
                let below = floors[own + 1..].concat();
                faults.push(format!(
                    "{place} takes a name from {from}, which is not below it; `{}` may know {}",
                    room(file),
                    if below.is_empty() { "no other room".to_owned() } else { below.join(", ") }
                ));
            }
        }
    }
    faults
}

/// Lists groups that import one another in a circle, a line each, with the shortest way round.
fn circles(imports: &Imports, of: &str) -> Vec<String> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|from| (from.as_str(), reachable(imports, from))).collect();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for (from, there) in &reach {
        let is_back = |to: &&str| reach.get(to).is_some_and(|back| back.contains(from));
        let circle: Vec<&str> = there.iter().copied().filter(is_back).collect();
        if circle.contains(from) && circle.iter().all(|one| seen.insert(*one)) {
            let way = way_round(imports, from).join(", ");
            faults.push(format!(
                "{of} import one another in a circle: {}; one way round: {way}",
                circle.join(", ")
            ));
        }
    }
    faults
}

fn reachable<'a>(imports: &'a Imports, from: &str) -> BTreeSet<&'a str> {
    let (mut found, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(one) = next.pop() {
        for to in imports.get(one).into_iter().flat_map(BTreeMap::keys) {
            if found.insert(to.as_str()) {
                next.push(to);
            }
        }
    }
    found
}

/// The places of the imports on the shortest way from a member of a circle back to itself.
fn way_round(imports: &Imports, member: &str) -> Vec<String> {
    let mut ways = VecDeque::from([(member, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((at, way)) = ways.pop_front() {
        for (to, place) in imports.get(at).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(format!("{place} takes from {to}"));
            if to == member {
                return longer;
            }
            if seen.insert(to) {
                ways.push_back((to, longer));
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Imports of files, each from the first line.
    fn imports(edges: &[(&str, &[&str])]) -> Imports {
        let of = |(from, to): &(&str, &[&str])| {
            let taken = to.iter().map(|one| ((*one).to_owned(), format!("{from}:1")));
            ((*from).to_owned(), taken.collect())
        };
        edges.iter().map(of).collect()
    }

    #[test]
    fn a_circle_is_told_once_with_all_its_members_and_the_shortest_way_round() {
        let graph = imports(&[("a", &["b"]), ("b", &["a", "c"]), ("c", &["a"]), ("d", &["a"])]);
        assert_eq!(
            circles(&graph, "files"),
            [
                "files import one another in a circle: a, b, c; one way round: a:1 takes from b, b:1 takes from a"
            ]
        );
        assert!(circles(&imports(&[("a", &["b", "c"]), ("b", &["c"])]), "files").is_empty());
    }

    #[test]
    fn rooms_may_form_a_circle_although_their_files_do_not() {
        let graph = imports(&[("a/x.rs", &["b/x.rs"]), ("b/y.rs", &["a/y.rs"])]);
        assert!(circles(&graph, "files").is_empty());
        let told = circles(&by_room(&graph), "rooms");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("a/x.rs:1 takes from b, b/y.rs:1 takes from a"), "{told:?}");
    }

    #[test]
    fn an_import_that_does_not_run_down_is_told_with_what_may_be_known() {
        let floors: &[&[&str]] = &[&["roof"], &["left", "right"], &["cellar"]];
        for (file, from, told) in [
            ("roof/mod.rs", "left.rs", None),
            ("roof/mod.rs", "cellar.rs", None),
            ("roof/a.rs", "roof/b.rs", None),
            (
                "left.rs",
                "roof/a.rs",
                Some("takes a name from roof/a.rs, which is not below it; `left` may know cellar"),
            ),
            (
                "left.rs",
                "right.rs",
                Some("takes a name from right.rs, which is not below it; `left` may know cellar"),
            ),
            (
                "cellar.rs",
                "left.rs",
                Some("takes a name from left.rs, which is not below it; `cellar` may know no other room"),
            ),
        ] {
            let faults = runs_up(floors, &imports(&[(file, &[from])]));
            let told: Vec<String> = told.map(|told| format!("{file}:1 {told}")).into_iter().collect();
            assert_eq!(faults, told, "{file} {from}");
        }
        let told = runs_up(floors, &imports(&[("attic.rs", &[])]));
        assert_eq!(told, ["attic.rs is in no room of the floor plan; give `attic` a floor"]);
        assert!(runs_up(&[], &imports(&[("attic.rs", &["cellar.rs"])])).is_empty(), "no plan");
    }

    #[test]
    fn a_crate_is_held_to_its_own_floors() {
        let files =
            [("lib.rs", "mod http; mod world;"), ("http.rs", ""), ("world.rs", "use crate::http::Call;")];
        let told = faults(&Crate::sample("runpod-sim", &files));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].ends_with("`world` may know contract, faults, error"), "{told:?}");
        assert!(faults(&Crate::sample("another", &files)).is_empty());
    }
}
