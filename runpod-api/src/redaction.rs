use serde_json::Value;

use crate::secret::Secret;

/// Shorter values are too common as words to be taken out of a text.
const SHORTEST: usize = 4;

/// Characters of a longer value that tell it, should the server quote no more than its beginning.
const TELLING: usize = 16;

/// Names of fields whose value must not be shown, as the ends of them.
const SECRET_FIELDS: [&str; 6] = ["apikey", "jwt", "password", "privatekey", "secret", "token"];

/// What a server's words must not repeat: the API key and the secrets of the request.
pub(crate) struct Redaction(Vec<String>);

impl Redaction {
    /// Collects the key and what the body holds.
    pub(crate) fn new(key: &Secret, body: Option<&[u8]>) -> Self {
        let mut secrets = vec![key.expose().to_owned()];
        if let Some(body) = body.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()) {
            collect(&body, false, &mut secrets);
        }
        // The server's words are trimmed too.
        let trimmed: Vec<String> = secrets.iter().map(|secret| secret.trim().to_owned()).collect();
        secrets.extend(trimmed);
        let escaped: Vec<String> =
            secrets.iter().map(|secret| Value::from(secret.as_str()).to_string()).collect();
        secrets.extend(escaped.iter().map(|text| text.trim_matches('"').to_owned()));
        secrets.retain(|secret| secret.chars().count() >= SHORTEST);
        Self(secrets)
    }

    /// The text with every secret taken out, and every beginning that tells one.
    pub(crate) fn apply(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let length = self.0.iter().map(|secret| told(secret, rest)).max().unwrap_or_default();
            if length > 0 {
                shown.push_str("[redacted]");
                rest = &rest[length..];
            } else {
                shown.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        shown
    }
}

/// How many bytes at the start of a text tell a secret; 0 if none do.
fn told(secret: &str, text: &str) -> usize {
    let alike = secret.chars().zip(text.chars()).take_while(|(one, other)| one == other);
    let (count, length) = alike.fold((0, 0), |(count, length), (c, _)| (count + 1, length + c.len_utf8()));
    if length == secret.len() || count >= TELLING { length } else { 0 }
}

fn collect(value: &Value, secret: bool, secrets: &mut Vec<String>) {
    match value {
        Value::String(text) if secret => secrets.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, secret, secrets)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let plain = name.to_ascii_lowercase().replace(['_', '-'], "");
                let named = plain == "env" || SECRET_FIELDS.iter().any(|end| plain.ends_with(end));
                collect(value, secret || named, secrets);
            }
        }
        _ => {}
    }
}
