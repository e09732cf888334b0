//! The files of a crate, parsed.

use std::{
    collections::BTreeMap,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

/// A crate's sources, by path below its `src`.
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) files: BTreeMap<String, SourceFile>,
}

/// One file.
pub(crate) struct SourceFile {
    pub(crate) text: String,
    pub(crate) syntax: syn::File,
}

impl Crate {
    /// Reads every `.rs` file below a folder, test modules in files of their own left out.
    pub(crate) fn read(name: &str, src: &Path) -> Result<Self, Box<dyn Error>> {
        let mut files = BTreeMap::new();
        for path in rust_files(src)? {
            let place = path.strip_prefix(src)?.to_string_lossy().replace('\\', "/");
            if place == "tests.rs" || place.ends_with("/tests.rs") {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let file = SourceFile::parse(text).map_err(|error| format!("{}: {error}", path.display()))?;
            files.insert(place, file);
        }
        Ok(Self { name: name.to_owned(), files })
    }

    /// A crate made of a few texts, to try a measure on.
    #[cfg(test)]
    pub(crate) fn sample(name: &str, files: &[(&str, &str)]) -> Self {
        let parse = |(file, text): &(&str, &str)| {
            ((*file).to_owned(), SourceFile::parse((*text).to_owned()).expect("Rust"))
        };
        Self { name: name.to_owned(), files: files.iter().map(parse).collect() }
    }
}

impl SourceFile {
    fn parse(text: String) -> syn::Result<Self> {
        let syntax = syn::parse_file(&text)?;
        Ok(Self { text, syntax })
    }

    /// The text before the unit tests, which stand at the end of a file.
    pub(crate) fn code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or(&self.text)
    }
}

/// Reads the text of every `.rs` file of ours below a folder, by its path.
pub(crate) fn texts(root: &Path) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let read = |path: PathBuf| {
        let place = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        Ok((place, fs::read_to_string(&path)?))
    };
    rust_files(root)?.into_iter().map(read).collect()
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // What cargo makes is not ours, and what is hidden is no source.
        if path.is_dir() && (name == "target" || name.starts_with('.')) {
            continue;
        }
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// Tells items that exist in tests only.
pub(crate) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_cfg_test = attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"));
        is_cfg_test || attribute.path().segments.last().is_some_and(|last| last.ident == "test")
    })
}
