//! The style of imports: one `use` for each root. Stable rustfmt cannot write it, so it is checked here.

use std::collections::BTreeSet;

use syn::{Item, UseTree, Visibility};

use super::source::{Crate, SourceFile};

/// Lists the roots that a file imports from twice, a line each.
pub(crate) fn faults(measured: &Crate) -> Vec<String> {
    measured.files.iter().flat_map(|(file, source)| twice(file, source)).collect()
}

fn twice(file: &str, source: &SourceFile) -> Vec<String> {
    let (mut seen, mut faults) = (BTreeSet::new(), Vec::new());
    for item in &source.syntax.items {
        let Item::Use(item) = item else { continue };
        // What is handed on, or there under a condition only, stands alone.
        if !matches!(item.vis, Visibility::Inherited) || !item.attrs.is_empty() {
            continue;
        }
        if let UseTree::Path(path) = &item.tree
            && !seen.insert(path.ident.to_string())
        {
            let line = path.ident.span().start().line;
            faults.push(format!("{file}:{line}: a second `use {}`; nest it in the first", path.ident));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_imported_from_once() {
        for (text, told) in [
            ("use std::{fmt, io};\nuse crate::a::B;", None),
            ("use std::fmt;\nuse std::io;", Some("a.rs:2: a second `use std`; nest it in the first")),
            ("use std::fmt;\npub use std::io;\n#[cfg(unix)]\nuse std::os;", None),
            ("use super::a;\nuse crate::a;", None),
        ] {
            let faults = faults(&Crate::sample("sample", &[("a.rs", text)]));
            assert_eq!(faults, told.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{text}");
        }
    }
}
