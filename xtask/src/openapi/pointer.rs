//! JSON pointers.

/// `base` extended by one step.
pub(crate) fn step(base: &str, key: impl std::fmt::Display) -> String {
    let key = key.to_string().replace('~', "~0").replace('/', "~1");
    format!("{base}/{key}")
}

/// The pointer's parent and last step, unescaped; `None` for the whole document.
pub(crate) fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, last) = pointer.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}
