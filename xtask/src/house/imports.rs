//! Imports among the files of a crate.

use std::collections::BTreeMap;

use syn::{
    Attribute, Item, UseTree,
    visit::{self, Visit},
};

use super::source::{Crate, SourceFile, is_test};

/// For each file or room, those it takes names from, each with the place of the first import: `deploy/mod.rs:12`.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// Reads the imports of each file. A crate's root only hands on, so it takes from nobody.
pub(crate) fn of(measured: &Crate) -> Imports {
    let modules = Modules::of(measured);
    let mut imports = Imports::new();
    for (file, source) in measured.files.iter().filter(|(file, _)| !is_root(file)) {
        let taken = imports.entry(file.clone()).or_default();
        for (path, line) in paths(source) {
            let from = modules.resolve(&module_of(file), &path);
            if let Some(from) = from.filter(|from| from != file && !is_root(from)) {
                taken.entry(from).or_insert_with(|| format!("{file}:{line}"));
            }
        }
    }
    imports
}

/// Tells the file that is a crate's root.
fn is_root(file: &str) -> bool {
    file == "lib.rs" || file == "main.rs" || file.starts_with("bin/") && file.ends_with("/main.rs")
}

/// The root of the crate that a module belongs to: a program in a folder of its own below `bin` has its own.
fn root_of(module: &[String]) -> Vec<String> {
    if module.first().is_some_and(|first| first == "bin") {
        module.iter().take(2).cloned().collect()
    } else {
        Vec::new()
    }
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
    fn of(measured: &Crate) -> Self {
        let (mut files, mut handed_on) = (BTreeMap::new(), BTreeMap::new());
        for (file, source) in &measured.files {
            let module = module_of(file);
            let mut names = BTreeMap::new();
            for item in &source.syntax.items {
                if let Item::Use(item) = item
                    && !matches!(item.vis, syn::Visibility::Inherited)
                {
                    for leaf in leaves(&item.tree) {
                        names.insert(leaf.name, leaf.path);
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
            "crate" => module = root_of(from),
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
            Some("crate") => self.descend(root_of(module), &path[1..], hops),
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

/// Every path in a file that begins with `crate`, `super` or `self`, with its line. Tests are left out.
fn paths(source: &SourceFile) -> Vec<(Vec<String>, usize)> {
    let mut collector = Collector::default();
    collector.visit_file(&source.syntax);
    collector.paths
}

#[derive(Default)]
struct Collector {
    paths: Vec<(Vec<String>, usize)>,
    /// Inline modules around the present item: `super` leads out of them first.
    depth: usize,
}

impl Collector {
    fn take(&mut self, path: Vec<String>, line: usize) {
        let ups = path.iter().take_while(|part| *part == "super").count();
        if ups == 0 || self.depth == 0 {
            self.paths.push((path, line));
        } else if ups > self.depth {
            self.paths.push((path[self.depth..].to_vec(), line));
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
        for leaf in leaves(&item.tree) {
            self.take(leaf.path, leaf.line);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if parts.len() > 1 {
            let line = path.segments[0].ident.span().start().line;
            self.take(parts, line);
        }
        visit::visit_path(self, path);
    }
}

/// A path that a `use` brings in, with the name it gets and the line it stands on.
struct Leaf {
    path: Vec<String>,
    name: String,
    line: usize,
}

impl Leaf {
    /// A leaf that ends at an identifier.
    fn at(end: &syn::Ident, path: Vec<String>, name: String) -> Self {
        Self { path, name, line: end.span().start().line }
    }
}

fn leaves(tree: &UseTree) -> Vec<Leaf> {
    match tree {
        UseTree::Path(path) => leaves(&path.tree)
            .into_iter()
            .map(|mut leaf| {
                leaf.path.insert(0, path.ident.to_string());
                leaf
            })
            .collect(),
        UseTree::Name(name) if name.ident == "self" => vec![Leaf::at(&name.ident, Vec::new(), String::new())],
        UseTree::Name(name) => {
            vec![Leaf::at(&name.ident, vec![name.ident.to_string()], name.ident.to_string())]
        }
        UseTree::Rename(rename) => {
            vec![Leaf::at(&rename.ident, vec![rename.ident.to_string()], rename.rename.to_string())]
        }
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            vec![Leaf { path: Vec::new(), name: String::new(), line }]
        }
        UseTree::Group(group) => group.items.iter().flat_map(leaves).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(files: &[(&str, &str)], file: &str) -> Vec<(String, String)> {
        of(&Crate::sample("sample", files)).remove(file).unwrap_or_default().into_iter().collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(from, place)| ((*from).to_owned(), (*place).to_owned())).collect()
    }

    #[test]
    fn names_are_followed_to_the_file_that_defines_them() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use b::c::Deep;"),
            ("a.rs", "use crate::{Deep, b::Near}; fn f() { super::b::c::call(); std::mem::drop(1); }"),
            ("b/mod.rs", "mod c; pub(crate) use self::c::Near;"),
            ("b/c.rs", "use super::super::a::X; #[cfg(test)] mod tests { use crate::a::Y; }"),
        ];
        assert_eq!(taken(&files, "a.rs"), pairs(&[("b/c.rs", "a.rs:1")]));
        assert_eq!(taken(&files, "b/c.rs"), pairs(&[("a.rs", "b/c.rs:1")]));
        assert_eq!(taken(&files, "b/mod.rs"), pairs(&[("b/c.rs", "b/mod.rs:1")]));
    }

    #[test]
    fn tests_take_what_they_like() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "#[cfg(test)] mod tests { use crate::b::X; } mod inner { use super::super::b::Z; }"),
            ("b.rs", "#[test] fn t() { crate::a::f(); }"),
        ];
        assert_eq!(taken(&files, "a.rs"), pairs(&[("b.rs", "a.rs:1")]), "from the inline module only");
        assert!(taken(&files, "b.rs").is_empty());
    }

    #[test]
    fn an_import_is_placed_at_its_own_line() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            (
                "a.rs",
                "use crate::{\n    b::*,\n    c::C as Other,\n};\nfn f() {\n    crate::d::call();\n    crate::d::call();\n}",
            ),
            ("b.rs", ""),
            ("c.rs", ""),
            ("d.rs", ""),
        ];
        assert_eq!(
            taken(&files, "a.rs"),
            pairs(&[("b.rs", "a.rs:2"), ("c.rs", "a.rs:3"), ("d.rs", "a.rs:6")])
        );
    }

    #[test]
    fn a_program_is_a_crate_of_its_own() {
        let files = [
            ("lib.rs", "mod plan;"),
            ("plan.rs", ""),
            ("bin/tool/main.rs", "mod plan; mod show;"),
            ("bin/tool/plan.rs", ""),
            ("bin/tool/show.rs", "use crate::plan::Plan;"),
        ];
        assert_eq!(taken(&files, "bin/tool/show.rs"), pairs(&[("bin/tool/plan.rs", "bin/tool/show.rs:1")]));
    }
}
