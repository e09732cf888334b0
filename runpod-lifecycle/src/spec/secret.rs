//! References of an environment to the account's secrets, which RunPod fills in when the container starts.

use crate::PodSpec;

/// The beginning of what a reference names.
const PREFIX: &str = "RUNPOD_SECRET_";
/// The fewest characters that are too many for the name of a secret.
const TOO_LONG: usize = 192;

/// The value of a variable that refers to a secret.
pub(crate) fn reference(secret: &str) -> String {
    format!("{{{{ {PREFIX}{secret} }}}}")
}

/// The secret that a value refers to as a whole, by a name without braces.
fn referred(value: &str) -> Option<&str> {
    let name = value.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim().strip_prefix(PREFIX)?;
    Some(name).filter(|name| !name.contains(['{', '}']))
}

/// The secret that a value refers to as a whole, by a name that a secret can have: nothing else of it is a secret.
#[cfg(feature = "serde")]
pub(crate) fn whole_reference(value: &str) -> Option<&str> {
    referred(value).filter(|name| name_problem(name).is_none())
}

/// The secrets that parts of a value refer to, each by a name that a secret can have: anything else may be a part of the value
/// that nobody is to see.
fn referred_within(value: &str) -> impl Iterator<Item = &str> {
    let inside = value.split("{{").skip(1).filter_map(|part| part.split_once("}}"));
    let names = inside.filter_map(|(inside, _)| inside.trim().strip_prefix(PREFIX));
    names.filter(|name| name_problem(name).is_none())
}

/// Returns what keeps a name from being that of a secret which an environment can refer to; `None` if nothing does.
pub(crate) fn name_problem(name: &str) -> Option<&'static str> {
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '{' | '}');
    match name.chars().count() {
        0 | TOO_LONG.. => Some("a secret's name has 1 to 191 characters"),
        _ if name.contains(is_odd) => Some("a secret's name holds no spaces, braces or control characters"),
        _ => None,
    }
}

impl PodSpec {
    /// The secrets of the account that its environment refers to.
    pub(crate) fn account_secrets(&self) -> impl Iterator<Item = &str> {
        self.env.values().flat_map(|value| {
            let whole = referred(value.expose());
            let parts = whole.is_none().then(|| referred_within(value.expose()));
            whole.into_iter().chain(parts.into_iter().flatten())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        for name in ["hf", "HF_TOKEN", "a.b-c"] {
            assert_eq!(referred(&reference(name)), Some(name));
            assert_eq!(name_problem(name), None);
        }
        for (value, secret) in [
            ("{{RUNPOD_SECRET_hf}}", Some("hf")),
            (" {{ RUNPOD_SECRET_hf }} ", Some("hf")),
            ("{{ RUNPOD_SECRET_ }}", Some("")),
            ("{{ RUNPOD_POD_ID }}", None),
            ("RUNPOD_SECRET_hf", None),
            ("Bearer {{ RUNPOD_SECRET_hf }}", None),
            ("{{ RUNPOD_SECRET_a }}:x@{{ RUNPOD_SECRET_b }}", None),
            ("{{ RUNPOD_SECRET_a{x }}", None),
            ("", None),
        ] {
            assert_eq!(referred(value), secret, "{value}");
        }
        for (value, secrets) in [
            ("Bearer {{ RUNPOD_SECRET_hf }}", ["hf"].as_slice()),
            ("{{ RUNPOD_SECRET_a }}:x@{{ RUNPOD_SECRET_b }}", &["a", "b"]),
            ("{{ RUNPOD_SECRET_a x {{RUNPOD_SECRET_b}} }}", &["b"]),
            ("{{ RUNPOD_SECRET_a x }} {{ RUNPOD_SECRET_", &[]),
            ("{{ RUNPOD_SECRET_ }}{{}}}}{{", &[]),
        ] {
            assert_eq!(referred_within(value).collect::<Vec<_>>(), secrets, "{value}");
        }
        for name in ["", "a b", "a}}", "a\n", &"x".repeat(192)] {
            assert!(name_problem(name).is_some(), "{name}");
        }
    }
}
