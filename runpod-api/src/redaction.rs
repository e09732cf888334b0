use serde_json::Value;

use crate::secret::Secret;

/// Shorter values are too common as words to be taken out of a text.
const SHORTEST: usize = 4;

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
        let escaped: Vec<String> =
            secrets.iter().map(|secret| Value::from(secret.as_str()).to_string()).collect();
        secrets.extend(escaped.iter().map(|text| text.trim_matches('"').to_owned()));
        secrets.retain(|secret| secret.chars().count() >= SHORTEST);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text with every secret taken out.
    pub(crate) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[redacted]"))
    }
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
