//! Promises about any bytes a server may send. Used by the property tests and by the fuzz targets.

use runpod_api::{v1, v2};
use runpod_lifecycle::{Error, PodSpec, Port, SpecError};
use runpod_sindri::SindriConfig;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

/// No part of the library panics on a value, or forgets its shape when it is written and read again.
fn rereads<T: DeserializeOwned + Serialize + std::fmt::Debug>(json: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(json).ok()?;
    let _ = format!("{value:?}");
    let again = serde_json::to_vec(&value).expect("what was read can be written");
    serde_json::from_slice::<T>(&again).expect("what was written can be read");
    Some(value)
}

/// A v2 list of pods: each entry is either readable, with an id, or reported as odd.
pub(crate) fn pod_list_v2(json: &[u8]) {
    rereads::<v2::types::Pod>(json);
    let Some(list) = rereads::<v2::types::ListPodsResponse>(json) else { return };
    // An array is read as an object, too: its items are the fields in their order.
    if json.trim_ascii_start().starts_with(b"{") {
        let page = serde_json::from_slice::<Page>(json).expect("it was read before");
        assert_eq!(
            list.pods.len() + list.pods.malformed().len(),
            page.pods.unwrap_or_default().len(),
            "no entry is lost"
        );
    }
}

/// Counts the entries. One that is not read need not be text.
#[derive(Deserialize)]
struct Page {
    pods: Option<Vec<IgnoredAny>>,
}

/// A v1 list of pods: the same.
pub(crate) fn pod_list_v1(json: &[u8]) {
    rereads::<v1::types::Pod>(json);
    let Some(list) = rereads::<runpod_api::LenientList<v1::types::Pod>>(json) else { return };
    let entries = serde_json::from_slice::<Vec<IgnoredAny>>(json).expect("it was read before");
    assert_eq!(list.len() + list.malformed().len(), entries.len(), "no entry is lost");
}

/// A port is a number from 1 to 65535 and a protocol, and reads the same again.
pub(crate) fn port(text: &str) {
    let Ok(port) = text.parse::<Port>() else { return };
    assert!(port.number() != 0);
    assert_eq!(port.to_string().parse::<Port>().as_ref(), Ok(&port));
    assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase() || byte == b'/'));
}

/// A spec with any text for a GPU, a name, a port and a path is either fine or says what is not.
pub(crate) fn spec(text: &str) {
    let spec = PodSpec::gpu(text, text, [text])
        .port(text)
        .data_center(text)
        .cuda_version(text)
        .mount_path(text)
        .env(text, "value_sentinel");
    let outcome = spec.validate();
    let shown = format!("{outcome:?} {spec:?}");
    assert!(!shown.contains("value_sentinel") || text.contains("value_sentinel"));
    if let Err(error) = outcome {
        spec_error(&error);
    }
}

/// A refused spec says what is wrong with it.
pub(crate) fn spec_error(error: &SpecError) {
    assert!(!error.problems().is_empty());
    printable(&error.to_string());
}

/// A `sindri.yaml` that can be read is the same when it is written and read again.
pub(crate) fn config(yaml: &str) -> Option<SindriConfig> {
    match SindriConfig::from_yaml(yaml) {
        Ok(config) => {
            let _ = format!("{config:?} {:?}", config.runpod().open_ports());
            let written = serde_json::to_value(&config).expect("what was read can be written");
            let again: SindriConfig = serde_json::from_value(written.clone()).expect("and read again");
            assert_eq!(serde_json::to_value(&again).expect("and written again"), written);
            Some(config)
        }
        Err(error) => {
            printable(&error.to_string());
            None
        }
    }
}

/// Nothing that moves a terminal's cursor.
pub(crate) fn printable(text: &str) {
    assert!(!text.contains(char::is_control), "{text:?}");
}

/// A failed call says what it was about, and nothing that moves a terminal's cursor.
pub(crate) fn error(error: &Error) {
    let text = error.to_string();
    assert!(text.contains(error.operation()), "{text}");
    printable(&text);
    assert!(!format!("{text} {error:?}").contains("rpa_sentinel_key"), "{text}");
    assert!(error.message().chars().count() <= 2001, "{text}");
    let _ = error.retry_after().map(|pause| std::time::Duration::ZERO.max(pause));
}
