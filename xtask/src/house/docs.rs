//! Doc comments: how they open, and the public items that have none.

use std::fmt;

use syn::{
    Attribute, Visibility,
    visit::{self, Visit},
};

use super::source::{Crate, is_test};

/// Openings that make a reader guess what an item is.
const ROUNDABOUT: [&str; 8] = ["What ", "Whether ", "How ", "Whose ", "Where ", "Which ", "Who ", "Whoever "];
/// The most doc comments in a hundred that may open so.
const MOST_ROUNDABOUT: usize = 2;

/// The openings of doc comments, and the places of the roundabout ones.
#[derive(Default)]
pub(crate) struct Openings {
    count: usize,
    roundabout: Vec<String>,
}

impl Openings {
    /// Counts the doc comments of a file by their first line.
    pub(crate) fn add(&mut self, file: &str, text: &str) {
        let mut before = None;
        for (line, at) in text.lines().map(str::trim).zip(1..) {
            let mark = ["///", "//!"].into_iter().find(|mark| line.starts_with(mark));
            if let Some(mark) = mark.filter(|_| mark != before) {
                self.count += 1;
                let first = line[mark.len()..].trim();
                if ROUNDABOUT.iter().any(|word| first.starts_with(word)) {
                    self.roundabout.push(format!("{file}:{at}"));
                }
            }
            before = mark;
        }
    }

    /// Tells the limit if it is passed.
    pub(crate) fn fault(&self) -> Option<String> {
        let (roundabout, count) = (self.roundabout.len(), self.count);
        (roundabout * 100 > count * MOST_ROUNDABOUT).then(|| {
            format!(
                "{roundabout} of {count} doc comments open with What, Whether, How, Whose, Where, Which or Who, \
                 more than {MOST_ROUNDABOUT} %; begin with a verb or the noun: {}",
                self.roundabout.join(", ")
            )
        })
    }
}

impl fmt::Display for Openings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} doc comments, {} roundabout", self.count, self.roundabout.len())
    }
}

/// The doc comments of a crate: their openings, and the places of the missing ones.
#[derive(Default)]
pub(crate) struct Docs {
    openings: Openings,
    missing: Vec<String>,
}

impl Docs {
    pub(crate) fn of(measured: &Crate) -> Self {
        let mut docs = Self::default();
        for (file, source) in &measured.files {
            docs.openings.add(file, &source.text);
            Reader { file, missing: &mut docs.missing }.visit_file(&source.syntax);
        }
        docs
    }

    /// Lists the limits that are passed, a line each.
    pub(crate) fn faults(&self) -> Vec<String> {
        let missing = self.missing.iter().map(|place| format!("{place} is public and has no doc comment"));
        missing.chain(self.openings.fault()).collect()
    }
}

impl fmt::Display for Docs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} missing", self.openings, self.missing.len())
    }
}

/// Finds public items without a doc comment.
struct Reader<'a> {
    file: &'a str,
    missing: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn note(&mut self, attributes: &[Attribute], visibility: &Visibility, name: &syn::Ident) {
        let is_public = matches!(visibility, Visibility::Public(_));
        if is_public && !attributes.iter().any(|attribute| attribute.path().is_ident("doc")) {
            self.missing.push(format!("{}:{}: {name}", self.file, name.span().start().line));
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.note(&item.attrs, &item.vis, &item.ident);
        // Fields of a struct that is not public are not public either, whatever they say.
        if matches!(item.vis, Visibility::Public(_)) {
            visit::visit_item_struct(self, item);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.note(&field.attrs, &field.vis, name);
        }
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.note(&item.attrs, &item.vis, &item.ident);
        for variant in &item.variants {
            self.note(&variant.attrs, &item.vis, &variant.ident);
            for field in &variant.fields {
                let name = field.ident.clone();
                name.iter().for_each(|name| self.note(&field.attrs, &item.vis, name));
            }
        }
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.note(&item.attrs, &item.vis, &item.ident);
        for member in &item.items {
            if let syn::TraitItem::Fn(member) = member {
                self.note(&member.attrs, &item.vis, &member.sig.ident);
            }
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.attrs, &item.vis, &item.sig.ident);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.note(&item.attrs, &item.vis, &item.ident);
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.note(&item.attrs, &item.vis, &item.ident);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.attrs, &item.vis, &item.sig.ident);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.note(&item.attrs, &item.vis, &item.ident);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        Docs::of(&Crate::sample("sample", &[("a.rs", text)])).faults()
    }

    #[test]
    fn two_openings_in_a_hundred_may_be_roundabout() {
        let plain = "/// A noun.\nstruct A;\n".repeat(49);
        assert!(faults(&format!("{plain}/// Whether it is.\nstruct B;")).is_empty());
        let told = faults(&format!("//! How it is.\n{plain}/// Whether it is.\nstruct B;"));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("2 of 51 doc comments open with"), "{told:?}");
        assert!(told[0].ends_with("begin with a verb or the noun: a.rs:1, a.rs:100"), "{told:?}");
    }

    #[test]
    fn only_the_first_line_of_a_doc_comment_is_its_opening() {
        assert!(faults("/// A noun,\n/// Whether or not.\n///\n/// What it is.\nstruct A;").is_empty());
        assert!(faults("/// Whatever is left.\nstruct A;").is_empty(), "another word");
        assert!(faults("// What a comment says is free.\nstruct A;").is_empty());
    }

    #[test]
    fn public_items_without_a_doc_comment_are_told_with_their_place() {
        for (text, place) in [
            ("pub struct A;", Some("a.rs:1: A")),
            ("\npub fn a() {}", Some("a.rs:2: a")),
            ("/// A.\npub struct A { pub b: u8 }", Some("a.rs:2: b")),
            ("/// A.\npub enum A { B }", Some("a.rs:2: B")),
            ("/// A.\npub enum A { /** B. */ B { c: u8 } }", Some("a.rs:2: c")),
            ("impl A { pub fn b() {} }", Some("a.rs:1: b")),
            ("impl A { pub const B: u8 = 1; }", Some("a.rs:1: B")),
            ("/// A.\npub trait A { fn b(); }", Some("a.rs:2: b")),
            ("pub type A = u8;", Some("a.rs:1: A")),
            ("pub const A: u8 = 1;", Some("a.rs:1: A")),
            ("pub(crate) struct A { pub b: u8 }", None),
            ("struct A; impl A { fn b() {} }", None),
            ("impl T for A { fn b() {} }", None),
            ("#[cfg(test)] mod tests { pub fn a() {} }", None),
            ("/// A.\npub struct A { b: u8 }", None),
        ] {
            let told: Vec<String> =
                place.map(|place| format!("{place} is public and has no doc comment")).into_iter().collect();
            assert_eq!(faults(text), told, "{text}");
        }
    }
}
