//! How a crate reads: how its doc comments open, how long its functions are, where a comment says why.

use std::fmt;

use syn::visit::{self, Visit};

use super::source::{Crate, is_test};

/// Openings that make a reader guess what an item is.
const ROUNDABOUT: [&str; 7] = ["What ", "Whether ", "How ", "Whose ", "Where ", "Who ", "Whoever "];
/// The most doc comments in a hundred that may open so.
const MOST_ROUNDABOUT: usize = 2;
/// Nine functions in ten have at most so many lines.
const P90: usize = 22;
/// No function has more lines.
const LONGEST: usize = 60;
/// Rooms in which a reader stops, with a why-comment for each so many lines of code.
const TRICKY: [&str; 3] = ["client/quota.rs", "wait/", "deploy/"];
const CODE_LINES_A_COMMENT: usize = 60;

/// The counts of one crate.
#[derive(Default)]
pub(crate) struct Prose {
    docs: usize,
    roundabout: usize,
    functions: Vec<(usize, String)>,
    tricky_code: usize,
    tricky_comments: usize,
}

impl Prose {
    pub(crate) fn of(published: &Crate) -> Self {
        let mut prose = Self::default();
        for (file, source) in &published.files {
            let mut reader = Reader { file, prose: &mut prose };
            reader.visit_file(&source.syntax);
            prose.count_docs(&source.text);
            if published.name == "runpod-lifecycle" && TRICKY.iter().any(|room| file.starts_with(room)) {
                prose.count_comments(&source.text);
            }
        }
        prose.functions.sort();
        prose
    }

    /// Counts doc comments by their first line.
    fn count_docs(&mut self, text: &str) {
        let mut in_doc = false;
        for line in text.lines().map(str::trim) {
            let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            if let (Some(first), false) = (doc, in_doc) {
                self.docs += 1;
                self.roundabout += usize::from(ROUNDABOUT.iter().any(|word| first.trim().starts_with(word)));
            }
            in_doc = doc.is_some();
        }
    }

    fn count_comments(&mut self, text: &str) {
        // Unit tests stand at the end of a file.
        let code = text.split("#[cfg(test)]").next().unwrap_or(text);
        let mut in_comment = false;
        for line in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let is_comment = line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!");
            // A comment of several lines is one.
            self.tricky_comments += usize::from(is_comment && !in_comment);
            self.tricky_code += usize::from(!line.starts_with("//"));
            in_comment = is_comment;
        }
    }

    fn p90(&self) -> usize {
        self.functions.get(self.functions.len() * 9 / 10).map_or(0, |(lines, _)| *lines)
    }

    /// The limits that are passed, a line each.
    pub(crate) fn faults(&self, name: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if self.roundabout * 100 > self.docs * MOST_ROUNDABOUT {
            faults.push(format!(
                "{name}: {} of {} doc comments open with What, Whether, How, Whose, Where or Who; begin with a verb or the noun",
                self.roundabout, self.docs
            ));
        }
        if self.p90() > P90 {
            faults
                .push(format!("{name}: one function in ten is longer than {P90} lines (p90 {})", self.p90()));
        }
        for (lines, place) in self.functions.iter().filter(|(lines, _)| *lines > LONGEST) {
            faults.push(format!("{name}: {place} has {lines} lines, more than {LONGEST}"));
        }
        if self.tricky_code > self.tricky_comments * CODE_LINES_A_COMMENT {
            faults.push(format!(
                "{name}: {} lines of code in the rooms where a reader stops have {} comments that say why",
                self.tricky_code, self.tricky_comments
            ));
        }
        faults
    }
}

impl fmt::Display for Prose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.functions.last().map_or(0, |(lines, _)| *lines);
        write!(
            f,
            "{} doc comments, {} roundabout; {} functions, p90 {} lines, longest {longest}",
            self.docs,
            self.roundabout,
            self.functions.len(),
            self.p90()
        )?;
        if self.tricky_code > 0 {
            write!(f, "; {} why-comments on {} tricky lines", self.tricky_comments, self.tricky_code)?;
        }
        Ok(())
    }
}

struct Reader<'a> {
    file: &'a str,
    prose: &'a mut Prose,
}

impl Reader<'_> {
    fn measure(&mut self, name: &syn::Ident, block: &syn::Block) {
        let lines = block.brace_token.span.close().end().line.saturating_sub(name.span().start().line) + 1;
        self.prose.functions.push((lines, format!("{}: {name}", self.file)));
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
}
