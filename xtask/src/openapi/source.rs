//! Reading an upstream document from a file or a URL.

use std::{path::Path, time::Duration};

use serde_json::Value;
use url::{Host, Url};

use super::{Failure, write};

/// Largest document accepted, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
enum SourceError {
    #[error("{0}: only https URLs are read, or http URLs on this machine; download the document to a file")]
    Insecure(Url),
    #[error("{0}: the server answered {1}; check the address")]
    Status(Url, reqwest::StatusCode),
    #[error("{0}: the document is larger than {LIMIT} bytes; check the address")]
    TooLarge(String),
    #[error("{place}: cannot be read; check that it is there")]
    Unreadable { place: String, source: Failure },
    #[error("{place}: neither JSON nor YAML; check that this is the document")]
    Unknown { place: String, source: Failure },
}

/// Reads the document, its object keys in a fixed order.
pub(crate) fn read(place: &str) -> Result<Value, Failure> {
    let bytes = match Url::parse(place) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => fetch(url)?,
        _ => read_file(place)?,
    };
    let (document, note) =
        parsed(&bytes).map_err(|source| SourceError::Unknown { place: place.to_owned(), source })?;
    if let Some(note) = note {
        eprintln!("{place}: {note}");
    }
    Ok(write::sorted(document))
}

/// The document, be it JSON or YAML, and a note if it is not quite what it looks like.
fn parsed(bytes: &[u8]) -> Result<(Value, Option<String>), Failure> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let json = match serde_json::from_slice(bytes) {
        Ok(document) => return Ok((document, None)),
        Err(error) => error,
    };
    let text = std::str::from_utf8(bytes)?;
    let looks_like_json = text.trim_start().starts_with(['{', '[']);
    match serde_saphyr::from_str::<Value>(text) {
        // Upstream has published a comma too many before: no JSON, and yet YAML.
        Ok(document @ (Value::Object(_) | Value::Array(_))) => {
            Ok((document, looks_like_json.then(|| format!("no JSON ({json}), read as YAML"))))
        }
        Err(error) if !looks_like_json => Err(error.to_string().into()),
        _ => Err(json.into()),
    }
}

fn read_file(place: &str) -> Result<Vec<u8>, SourceError> {
    let unreadable =
        |source: std::io::Error| SourceError::Unreadable { place: place.to_owned(), source: source.into() };
    let path = Path::new(place);
    if std::fs::metadata(path).map_err(unreadable)?.len() > LIMIT {
        return Err(SourceError::TooLarge(place.to_owned()));
    }
    std::fs::read(path).map_err(unreadable)
}

fn fetch(url: Url) -> Result<Vec<u8>, SourceError> {
    if !may_be_read(&url) {
        return Err(SourceError::Insecure(url));
    }
    let unreadable = |source: Failure| SourceError::Unreadable { place: url.as_str().to_owned(), source };
    let client = crate::http::client()
        .timeout(Duration::from_secs(60))
        .redirect(reqwest::redirect::Policy::custom(|attempt| {
            if attempt.previous().len() < 5 && may_be_read(attempt.url()) {
                attempt.follow()
            } else {
                attempt.stop()
            }
        }))
        .build()
        .map_err(|error| unreadable(error.into()))?;
    let response = client.get(url.clone()).send().map_err(|error| unreadable(error.into()))?;
    if !response.status().is_success() {
        return Err(SourceError::Status(url.clone(), response.status()));
    }
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(response, LIMIT + 1), &mut bytes)
        .map_err(|error| unreadable(error.into()))?;
    if bytes.len() as u64 > LIMIT { Err(SourceError::TooLarge(url.to_string())) } else { Ok(bytes) }
}

fn may_be_read(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", _) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_yaml_are_read_with_and_without_a_byte_order_mark() {
        let expected =
            json!({ "openapi": "3.1.0", "paths": { "/a": { "get": { "responses": { "200": {} } } } } });
        let yaml = "openapi: 3.1.0\npaths:\n  /a:\n    get:\n      responses:\n        '200': {}\n";
        let number = "openapi: 3.1.0\npaths:\n  /a:\n    get:\n      responses:\n        200: {}\n";
        for text in [expected.to_string(), format!("\u{feff}{expected}"), yaml.to_owned(), number.to_owned()]
        {
            assert_eq!(parsed(text.as_bytes()).expect("a document"), (expected.clone(), None), "{text}");
        }
    }

    #[test]
    fn a_comma_too_many_is_read_and_noted() {
        let (document, note) = parsed(b"{\n  \"get\": { \"a\": \"b\", },\n}").expect("a document");
        assert_eq!(document, json!({ "get": { "a": "b" } }));
        assert!(note.is_some_and(|note| note.contains("trailing comma at line 2")));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for bytes in [
            &b""[..],
            b"{",
            b"{\"a\": 1",
            b"{\"a\" \"b\"}",
            b"<html></html>",
            b"\xff\xfe",
            b"a: b: c",
            b"just words",
            b"&a [*a]",
            b"a: *b",
        ] {
            assert!(parsed(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
