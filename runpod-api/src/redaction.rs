//! Removal of secrets from the server's words.

use std::collections::HashSet;

use base64::prelude::{
    BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD, Engine,
};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use crate::{
    escapes::{self, Folded},
    secret::Secret,
};

/// Shorter values are too common as words to be taken out of a text.
const SHORTEST: usize = 4;

/// Characters in a row that tell a longer value, wherever in it they are.
const TELLING: usize = 16;

/// Shorter encodings are too common as words.
const SHORTEST_ENCODED: usize = 5;

const SHOWN: &str = "[redacted]";

/// Headers that are obeyed: their numbers are no secrets.
const LIMITS: [&str; 4] = ["date", "ratelimit", "ratelimit-policy", "retry-after"];

/// Variables that the facade writes itself: marks and times, which RunPod's words may well hold by chance.
const OWN_VARIABLES: &str = "RUNPOD_LIFECYCLE_";

/// Names of fields whose value must not be shown, as the ends of them.
const SECRET_FIELDS: [&str; 7] = ["apikey", "jwt", "password", "privatekey", "secret", "token", "value"];

/// Secrets that a server's words must not repeat in any spelling: the API key and those of the request.
///
/// Escapes are undone and white space is folded on both sides before they are compared.
#[derive(Default)]
pub(crate) struct Redaction {
    /// Every run of characters in longer values.
    runs: HashSet<[char; TELLING]>,
    /// The shorter values.
    words: Vec<Folded>,
}

impl Redaction {
    /// Collects the key and what the body holds.
    pub(crate) fn new(key: &Secret, body: Option<&[u8]>) -> Self {
        let mut secrets = vec![key.expose().to_owned()];
        if let Some(body) = body.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()) {
            collect(&body, false, &mut secrets);
        }
        let mut redaction = Self::default();
        let told = secrets.iter().filter(|secret| secret.trim().chars().count() >= SHORTEST);
        for secret in told {
            let encoded = encodings(secret);
            let spelled = std::iter::once(secret).chain(&encoded);
            spelled.flat_map(|text| escapes::layers(text)).for_each(|secret| redaction.add(secret));
        }
        redaction
    }

    fn add(&mut self, secret: Folded) {
        match secret.chars.len() {
            // Folded, it is as common as a word.
            0..SHORTEST => {}
            SHORTEST..TELLING => self.words.push(secret),
            _ => self.runs.extend(
                secret.chars.windows(TELLING).filter_map(|run| <[char; TELLING]>::try_from(run).ok()),
            ),
        }
    }

    /// The text with every secret taken out, and every part of one that tells it.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.apply_but(text, |_| false)
    }

    /// Returns true if a text is a secret, or holds a part of a longer one that tells it. That a short one is somewhere in an id
    /// is chance.
    pub(crate) fn gives_away(&self, id: &str) -> bool {
        let is_long = |word: &Folded| word.chars.len() < TELLING;
        self.apply(id) == SHOWN || self.apply_but(id, is_long) != id
    }

    /// The text without every secret but those short ones that `is_left` lets stand.
    fn apply_but(&self, text: &str, is_left: impl Fn(&Folded) -> bool) -> String {
        let mut hidden = vec![false; text.len()];
        for layer in escapes::layers(text) {
            for at in 0..layer.chars.len() {
                if let Some(length) = self.told(&layer, at, &is_left) {
                    hidden[layer.places[at].start..layer.places[at + length - 1].end].fill(true);
                }
            }
        }
        let mut shown = String::with_capacity(text.len());
        let mut inside = false;
        for (at, char) in text.char_indices() {
            match (hidden[at], inside) {
                (true, false) => shown.push_str(SHOWN),
                (true, true) => {}
                (false, _) => shown.push(char),
            }
            inside = hidden[at];
        }
        shown
    }

    /// Number of characters from here on that give a secret away.
    fn told(&self, text: &Folded, at: usize, is_left: &impl Fn(&Folded) -> bool) -> Option<usize> {
        let run = text.chars.get(at..at + TELLING).and_then(|run| <[char; TELLING]>::try_from(run).ok());
        if run.is_some_and(|run| self.runs.contains(&run)) {
            return Some(TELLING);
        }
        let is_there = |word: &&Folded| {
            let end = at + word.chars.len();
            // White space inside a short value is part of it: without it "a secret" would be in every "as ecret".
            text.chars.get(at..end) == Some(&word.chars[..]) && text.gaps[at + 1..end] == word.gaps[1..]
        };
        self.words.iter().filter(|word| !is_left(word)).filter(is_there).map(|word| word.chars.len()).max()
    }

    /// The headers without any secret that the server repeated in one.
    pub(crate) fn clean(&self, mut headers: HeaderMap) -> HeaderMap {
        let is_number = |word: &Folded| word.chars.iter().all(char::is_ascii_digit);
        for (name, value) in headers.iter_mut() {
            let text = String::from_utf8_lossy(value.as_bytes());
            // A limit that happens to be somebody's PIN is a limit.
            let clean = self.apply_but(&text, |word| LIMITS.contains(&name.as_str()) && is_number(word));
            if clean != text {
                *value = HeaderValue::try_from(clean).unwrap_or(HeaderValue::from_static(SHOWN));
            }
        }
        headers
    }
}

/// The secret in hexadecimal digits and in base64, wherever in a longer text it stands: there it begins at any of three
/// places of a group, and its first and last characters depend on what is beside it.
fn encodings(secret: &str) -> Vec<String> {
    let hex = |digits: fn(u8) -> String| secret.bytes().map(digits).collect::<String>();
    let mut encoded = vec![hex(|byte| format!("{byte:02x}")), hex(|byte| format!("{byte:02X}"))];
    for before in 0..3 {
        let bytes = [&b"\0\0"[..before], secret.as_bytes()].concat();
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = alphabet.encode(&bytes);
            let whole = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
            encoded.push(text[whole].to_owned());
        }
    }
    encoded.retain(|text| text.len() >= SHORTEST_ENCODED);
    encoded
}

fn collect(value: &Value, secret: bool, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) if secret => secrets.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secret, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !name.starts_with(OWN_VARIABLES)) {
                let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
                let named = plain == "env" || SECRET_FIELDS.iter().any(|end| plain.ends_with(end));
                collect(value, secret || named, secrets);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use super::*;

    const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj\nAgEAAoIBAQC7VJTUt9Us8cKB/wLp+7Q=\n-----END PRIVATE KEY-----\n";
    const ODD: &str = "<p\"ä ss\\w>ö rd&\u{1f511}";

    fn redaction() -> Redaction {
        let body =
            json!({ "name": "mine", "env": { "KEY": PEM, "ODD": ODD, "PIN": "open sesame", "N": "no" } });
        Redaction::new(&Secret::from("rpa_ABCDEFGHIJKLMNOPQRSTUVWXYZ"), Some(body.to_string().as_bytes()))
    }

    fn json_in(text: &str, layers: usize) -> String {
        (0..layers).fold(text.to_owned(), |text, _| Value::from(text).to_string())
    }

    fn each(text: &str, spell: impl Fn(char) -> String) -> String {
        text.chars().map(spell).collect()
    }

    /// Everything in which a server has been seen, or may be thought, to quote a text.
    fn spellings(text: &str) -> Vec<String> {
        let utf16 =
            |char: char| char.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
        let bytes = |mark: &'static str| {
            move |char: char| {
                let mut utf8 = [0; 4];
                char.encode_utf8(&mut utf8)
                    .bytes()
                    .map(|byte| format!("{mark}{byte:02X}"))
                    .collect::<String>()
            }
        };
        let html =
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        vec![
            text.to_owned(),
            text.trim().to_owned(),
            text.replace('\n', " "),
            text.replace('\n', "\r\n"),
            text.replace('\n', "\\n"),
            text.replace('\n', "\\r\\n"),
            text.replace('\n', "\u{2028}"),
            text.replace('\n', "\n    "),
            json_in(text, 1),
            json_in(text, 2),
            json_in(text, 3),
            json_in(&text.replace('\n', "\r\n"), 2),
            format!("{text:?}"),
            text.replace('<', "\\u003c").replace('>', "\\u003E").replace('&', "\\u0026"),
            json_in(text, 1).replace('/', "\\/"),
            each(text, utf16),
            each(text, |char| format!("\\u{{{:x}}}", char as u32)),
            each(text, |char| format!("&#{};", char as u32)),
            each(text, |char| format!("&#x{:X};", char as u32)),
            each(text, bytes("%")),
            each(text, bytes("\\x")),
            text.bytes().map(|byte| format!("\\{byte:03o}")).collect(),
            format!("'{}'", text.replace('\'', "'\\''")),
            text.bytes().map(|byte| format!("{byte:02x}")).collect(),
            STANDARD_NO_PAD.encode(text),
            BASE64_STANDARD.encode(text),
            URL_SAFE_NO_PAD.encode(text),
            each(text, bytes("%")).replace("%20", "+"),
            json_in(&html, 1),
            html,
        ]
    }

    #[test]
    fn a_secret_is_cut_out_in_every_spelling() {
        let redaction = redaction();
        for secret in [PEM, ODD, "open sesame", "rpa_ABCDEFGHIJKLMNOPQRSTUVWXYZ"] {
            for spelling in spellings(secret) {
                let said = redaction.apply(&format!("env.KEY was {spelling}, which is wrong"));
                assert!(said.contains(SHOWN) && said.ends_with(", which is wrong"), "{spelling}\n{said}");
                assert!(said.starts_with("env.KEY was ") && said.len() < 60, "{spelling}\n{said}");
            }
        }
    }

    #[test]
    fn any_part_that_tells_a_longer_secret_is_cut_out() {
        let redaction = redaction();
        let letters: Vec<char> = PEM.chars().filter(|char| !matches!(char, '\n' | ' ' | '+')).collect();
        for run in letters.windows(20) {
            let said = redaction.apply(&format!("at: {}; it ends", run.iter().collect::<String>()));
            assert_eq!(said, format!("at: {SHOWN}; it ends"));
        }
        let wrapped: Vec<String> = letters.chunks(10).map(|line| line.iter().collect()).collect();
        assert_eq!(redaction.apply(&wrapped.join("\n")), SHOWN);
    }

    #[test]
    fn everything_else_stays_as_it_was_said() {
        let redaction = redaction();
        for said in [
            "There are no longer any instances available with the requested specifications.",
            "disk must be >= 10\\n (100% of \\u003cdisk\\u003e & %zz \\q)",
            "open  the door, sesame",
            "opensesame",
            "no",
            "",
            "\u{1f511} -----BEGIN",
        ] {
            assert_eq!(redaction.apply(said), said);
        }
    }

    #[test]
    fn what_is_obeyed_and_what_names_a_pod_is_not_cut_by_chance() {
        let body = json!({ "env": {
            "TIMEOUT": "3600", "Q": "'1''", "ID": "k3x9", "RUNPOD_LIFECYCLE_LIFETIME_SECONDS": "7200",
        } });
        let key = "rpa_ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        let redaction = Redaction::new(&Secret::from(key), Some(body.to_string().as_bytes()));
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("3600"));
        headers.insert("ratelimit", HeaderValue::from_static("\"k3x9\";r=0;t=3600"));
        headers.insert("x-request-id", HeaderValue::from_static("3600"));
        let clean = redaction.clean(headers);
        assert_eq!(clean["retry-after"], "3600");
        assert_eq!(clean["x-request-id"], SHOWN);
        assert_eq!(clean["ratelimit"], "\"[redacted]\";r=0;t=3600");
        assert_eq!(redaction.apply("11 of 7200 at 10.0.0.1"), "11 of 7200 at 10.0.0.1");
        for (id, gives_away) in [("k3x9q2m7v1b8z5", false), ("k3x9", true), ("x-rpa_ABCDEFGHIJKLMNOP", true)]
        {
            assert_eq!(redaction.gives_away(id), gives_away, "{id}");
        }
    }

    #[test]
    fn headers_are_cleaned_too() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", HeaderValue::from_static("req-open%20sesame"));
        headers.insert("ratelimit", HeaderValue::from_static("\"minute\";r=0;t=12"));
        let clean = redaction().clean(headers);
        assert_eq!(clean["x-request-id"], "req-[redacted]");
        assert_eq!(clean["ratelimit"], "\"minute\";r=0;t=12");
    }
}
