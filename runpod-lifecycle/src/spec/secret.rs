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

/// The secret that a value refers to as a whole.
fn referred(value: &str) -> Option<&str> {
    value.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim().strip_prefix(PREFIX)
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
        self.env.values().filter_map(|value| referred(value.expose()))
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
            ("", None),
        ] {
            assert_eq!(referred(value), secret, "{value}");
        }
        for name in ["", "a b", "a}}", "a\n", &"x".repeat(192)] {
            assert!(name_problem(name).is_some(), "{name}");
        }
    }
}
