//! The labels of a pod, as its environment says.

use std::collections::BTreeMap;

use runpod_api::Secret;

use crate::Pod;

/// The environment variable that carries a pod's labels, a JSON object of texts.
const LABELS: &str = "RUNPOD_LIFECYCLE_LABELS";

/// Labels by their keys.
pub(crate) type Labels = BTreeMap<String, String>;

/// Writes labels into an environment.
pub(crate) fn write(labels: &Labels, env: &mut BTreeMap<String, Secret>) {
    let text = serde_json::Value::from_iter(labels.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    env.insert(LABELS.to_owned(), text.to_string().into());
}

/// Writes into an environment that a pod has none, also where a template that was saved from another pod says otherwise.
pub(crate) fn write_none(env: &mut BTreeMap<String, Secret>) {
    env.insert(LABELS.to_owned(), "".into());
}

impl Pod {
    /// Returns its [labels](crate::PodSpec::label); empty if it has none, or if RunPod does not show them.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<String, String> {
        self.written_labels().unwrap_or_default()
    }

    /// Returns true if it has labels that its environment, as shown, does not tell.
    pub(crate) fn hides_labels(&self) -> bool {
        self.written_labels().is_none()
    }

    /// The labels that its environment shows; `None` if it shows that there are some, and not which.
    fn written_labels(&self) -> Option<Labels> {
        match self.env.get(LABELS).map(|text| text.expose().trim()) {
            None | Some("") => Some(Labels::new()),
            Some(text) => serde_json::from_str(text).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn labels_are_read_as_they_were_written_and_a_mask_is_no_label() {
        let mut pod = Pod::scripted("k3x9q2m7v1b8z5", "RUNNING", false);
        assert_eq!((pod.labels(), pod.hides_labels()), (Labels::new(), false));
        for pairs in [&[("team", "vision")][..], &[("a", ""), ("b.c-d_e", "=\"{ü}\"\\")], &[]] {
            write(&labels(pairs), &mut pod.env);
            assert_eq!((pod.labels(), pod.hides_labels()), (labels(pairs), false), "{pairs:?}");
        }
        write_none(&mut pod.env);
        assert_eq!((pod.labels(), pod.hides_labels()), (Labels::new(), false));
        for mask in ["********", "<hidden>", "[]", "{\"a\":1}", "null"] {
            pod.env.insert(LABELS.to_owned(), mask.into());
            assert_eq!((pod.labels(), pod.hides_labels()), (Labels::new(), true), "{mask}");
        }
    }
}
