//! Variables on their way to a pod.

use std::collections::BTreeMap;

use crate::Error;

/// A script that exports variables: their values are in no command line that others could list.
pub(crate) fn exports(env: &BTreeMap<String, String>) -> Result<String, Error> {
    let mut text = String::new();
    for (name, value) in env {
        let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_name {
            return Err(Error::Unsendable { reason: "no shell takes the name of a variable" });
        }
        if value.contains('\0') {
            return Err(Error::Unsendable { reason: "the value of a variable holds a NUL" });
        }
        text += &format!("export {name}='{}'\n", value.replace('\'', "'\\''"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_and_a_name_is_one() {
        let env = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert_eq!(exports(&env("A_1", "it's $x\n")).expect("a name"), "export A_1='it'\\''s $x\n'\n");
        for (name, value) in [("", "x"), ("1A", "x"), ("A B", "x"), ("A=B", "x"), ("A", "a\0b"), ("é", "x")]
        {
            assert!(exports(&env(name, value)).is_err(), "{name:?}");
        }
    }
}
