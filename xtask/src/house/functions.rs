//! The lengths of functions.

use std::fmt;

use syn::visit::{self, Visit};

use super::source::{Crate, is_test};

/// Nine functions in ten have at most so many lines.
const P90: usize = 22;
/// No function has more lines.
const LONGEST: usize = 60;

/// The functions of a crate, shortest first: their lines and their places.
#[derive(Default)]
pub(crate) struct Functions(Vec<(usize, String)>);

impl Functions {
    pub(crate) fn of(measured: &Crate) -> Self {
        let mut functions = Self::default();
        for (file, source) in &measured.files {
            Reader { file, functions: &mut functions }.visit_file(&source.syntax);
        }
        functions.0.sort();
        functions
    }

    fn p90(&self) -> usize {
        self.0.get(self.0.len() * 9 / 10).map_or(0, |(lines, _)| *lines)
    }

    /// Lists the limits that are passed, a line each.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.p90() > P90 {
            faults.push(format!("one function in ten has more than {P90} lines (p90 {})", self.p90()));
        }
        let long = self.0.iter().filter(|(lines, _)| *lines > LONGEST);
        faults.extend(long.map(|(lines, place)| format!("{place} has {lines} lines, more than {LONGEST}")));
        faults
    }
}

impl fmt::Display for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.0.last().map_or(0, |(lines, _)| *lines);
        write!(f, "{} functions, p90 {} lines, longest {longest}", self.0.len(), self.p90())
    }
}

struct Reader<'a> {
    file: &'a str,
    functions: &'a mut Functions,
}

impl Reader<'_> {
    /// Counts from the line of the name to the closing brace.
    fn measure(&mut self, name: &syn::Ident, block: &syn::Block) {
        let from = name.span().start().line;
        let lines = block.brace_token.span.close().end().line.saturating_sub(from) + 1;
        self.functions.0.push((lines, format!("{}:{from}: {name}", self.file)));
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if !is_test(&item.attrs) {
            self.measure(&item.sig.ident, &item.block);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.measure(&item.sig.ident, block);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function of so many lines.
    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    call();\n".repeat(lines - 2))
    }

    fn faults(text: &str) -> Vec<String> {
        Functions::of(&Crate::sample("sample", &[("a.rs", text)])).faults()
    }

    #[test]
    fn a_function_counts_from_its_name_to_its_brace() {
        assert!(faults(&(function("a", 3).repeat(10) + &function("long", 60))).is_empty());
        let told = faults(&(function("a", 3).repeat(10) + &function("long", 61)));
        assert_eq!(told, ["a.rs:31: long has 61 lines, more than 60"]);
    }

    #[test]
    fn one_function_in_ten_may_be_long() {
        assert!(faults(&(function("a", 22).repeat(10) + &function("b", 23))).is_empty());
        let told = faults(&(function("a", 22).repeat(9) + &function("b", 23)));
        assert_eq!(told, ["one function in ten has more than 22 lines (p90 23)"]);
    }

    #[test]
    fn tests_may_be_long_and_methods_count() {
        assert!(faults(&format!("#[cfg(test)] mod tests {{ {} }}", function("a", 90))).is_empty());
        assert!(faults(&format!("#[test] {}", function("a", 90))).is_empty());
        for item in ["impl A", "trait A"] {
            assert_eq!(faults(&format!("{item} {{ {} }}", function("a", 61))).len(), 2, "{item}");
        }
    }
}
