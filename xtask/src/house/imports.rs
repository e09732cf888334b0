//! Which file takes a name from which other file of its crate.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Attribute, Item, UseTree,
    visit::{self, Visit},
};

use super::source::{Crate, SourceFile, is_test};

/// For each file, the files it takes names from. The crate's root only hands on, so it takes from nobody.
pub(crate) fn of(published: &Crate) -> BTreeMap<String, BTreeSet<String>> {
    let modules = Modules::of(published);
    published
        .files
        .iter()
        .filter(|(file, _)| !is_root(file))
        .map(|(file, source)| {
            let mut taken: BTreeSet<String> = paths(source)
                .iter()
                .filter_map(|path| modules.resolve(&module_of(file), path))
                .filter(|from| from != file && !is_root(from))
                .collect();
            taken.remove(file);
            (file.clone(), taken)
        })
        .collect()
}

/// Tells the file that is a crate's root.
fn is_root(file: &str) -> bool {
    file == "lib.rs" || file == "main.rs"
}

/// The module that a file holds, `deploy/mod.rs` as `["deploy"]`.
fn module_of(file: &str) -> Vec<String> {
    let stem = file.trim_end_matches(".rs");
    let mut parts: Vec<String> = stem.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// The modules of a crate: which file each is in, and what it hands on from elsewhere.
struct Modules {
    files: BTreeMap<Vec<String>, String>,
    handed_on: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
}

impl Modules {
    fn of(published: &Crate) -> Self {
        let (mut files, mut handed_on) = (BTreeMap::new(), BTreeMap::new());
        for (file, source) in &published.files {
            let module = module_of(file);
            let mut names = BTreeMap::new();
            for item in &source.syntax.items {
                if let Item::Use(item) = item
                    && !matches!(item.vis, syn::Visibility::Inherited)
                {
                    for (path, name) in leaves(&item.tree) {
                        names.insert(name, path);
                    }
                }
            }
            handed_on.insert(module.clone(), names);
            files.insert(module, file.clone());
        }
        Self { files, handed_on }
    }

    /// Follows a path that begins with `crate`, `super` or `self` to the file that defines its name.
    fn resolve(&self, from: &[String], path: &[String]) -> Option<String> {
        let mut module = from.to_vec();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => module.clear(),
            "self" => {}
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    module.pop()?;
                    rest = &rest[1..];
                }
                return self.descend(module, rest, 0);
            }
            _ => return None,
        }
        self.descend(module, &rest[1..], 0)
    }

    fn descend(&self, mut module: Vec<String>, rest: &[String], hops: usize) -> Option<String> {
        const MOST_HOPS: usize = 8;
        for (at, part) in rest.iter().enumerate() {
            let mut child = module.clone();
            child.push(part.clone());
            if self.files.contains_key(&child) {
                module = child;
                continue;
            }
            let handed_on = self.handed_on.get(&module).and_then(|names| names.get(part));
            return match handed_on {
                Some(path) if hops < MOST_HOPS => {
                    let mut whole = path.clone();
                    whole.extend(rest[at + 1..].iter().cloned());
                    self.resolve_handed_on(&module, &whole, hops + 1)
                }
                _ => self.files.get(&module).cloned(),
            };
        }
        self.files.get(&module).cloned()
    }

    /// Paths of the crate's root are written without `crate::`.
    fn resolve_handed_on(&self, module: &[String], path: &[String], hops: usize) -> Option<String> {
        match path.first().map(String::as_str) {
            Some("crate") => self.descend(Vec::new(), &path[1..], hops),
            Some("self") => self.descend(module.to_vec(), &path[1..], hops),
            Some("super") => self.descend(module[..module.len().checked_sub(1)?].to_vec(), &path[1..], hops),
            _ => {
                let mut child = module.to_vec();
                child.push(path.first()?.clone());
                let is_ours = self.files.contains_key(&child);
                if is_ours { self.descend(module.to_vec(), path, hops) } else { None }
            }
        }
    }
}

/// Every path in a file that begins with `crate`, `super` or `self`, tests left out.
fn paths(source: &SourceFile) -> Vec<Vec<String>> {
    let mut collector = Collector::default();
    collector.visit_file(&source.syntax);
    collector.paths
}

#[derive(Default)]
struct Collector {
    paths: Vec<Vec<String>>,
    /// Inline modules around the present item: `super` leads out of them first.
    depth: usize,
}

impl Collector {
    fn take(&mut self, path: Vec<String>) {
        let ups = path.iter().take_while(|part| *part == "super").count();
        if ups == 0 || self.depth == 0 {
            self.paths.push(path);
        } else if ups > self.depth {
            self.paths.push(path[self.depth..].to_vec());
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, item);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for (path, _) in leaves(&item.tree) {
            self.take(path);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if parts.len() > 1 {
            self.take(parts);
        }
        visit::visit_path(self, path);
    }
}

/// The paths that a `use` brings in, each with the name it gets.
fn leaves(tree: &UseTree) -> Vec<(Vec<String>, String)> {
    match tree {
        UseTree::Path(path) => leaves(&path.tree)
            .into_iter()
            .map(|(mut rest, name)| {
                rest.insert(0, path.ident.to_string());
                (rest, name)
            })
            .collect(),
        UseTree::Name(name) if name.ident == "self" => vec![(Vec::new(), String::new())],
        UseTree::Name(name) => vec![(vec![name.ident.to_string()], name.ident.to_string())],
        UseTree::Rename(rename) => vec![(vec![rename.ident.to_string()], rename.rename.to_string())],
        UseTree::Glob(_) => vec![(Vec::new(), String::new())],
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(files: &[(&str, &str)]) -> Crate {
        let files = files.iter().map(|(file, text)| {
            let syntax = syn::parse_file(text).expect("Rust");
            ((*file).to_owned(), SourceFile { text: (*text).to_owned(), syntax })
        });
        Crate { name: "sample".to_owned(), files: files.collect() }
    }

    fn taken(files: &[(&str, &str)], file: &str) -> Vec<String> {
        of(&published(files)).remove(file).unwrap_or_default().into_iter().collect()
    }

    #[test]
    fn names_are_followed_to_the_file_that_defines_them() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::c::Deep;"),
            ("a.rs", "use crate::{Deep, b::Near}; fn f() { super::b::c::call(); std::mem::drop(1); }"),
            ("b/mod.rs", "mod c; pub(crate) use self::c::Near;"),
            ("b/c.rs", "use super::super::a::X; #[cfg(test)] mod tests { use crate::a::Y; }"),
        ];
        assert_eq!(taken(&files, "a.rs"), ["b/c.rs"]);
        assert_eq!(taken(&files, "b/c.rs"), ["a.rs"]);
        assert_eq!(taken(&files, "b/mod.rs"), ["b/c.rs"]);
    }

    #[test]
    fn tests_take_what_they_like() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "#[cfg(test)] mod tests { use crate::b::X; } mod inner { use super::super::b::Z; }"),
            ("b.rs", "#[test] fn t() { crate::a::f(); }"),
        ];
        assert_eq!(taken(&files, "a.rs"), ["b.rs"], "from the inline module only");
        assert!(taken(&files, "b.rs").is_empty());
    }
}
