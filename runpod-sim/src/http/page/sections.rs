//! The sections of the page, each as HTML.

use askama::Template;
use serde::Serialize;
use serde_json::{Value, json};

/// The sections of the page that follow the account, each as HTML. Their names are the ids of the elements they fill.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Sections {
    pub(super) account: String,
    pub(super) pods: String,
    pub(super) pod: String,
    pub(super) requests: String,
    pub(super) faults: String,
    pub(super) ledger: String,
    pub(super) stock: String,
}

impl Sections {
    /// Those that differ from what was sent before, as a JSON object; `None` when all are alike.
    pub(super) fn news(&self, before: &Self) -> Option<String> {
        let before = json!(before);
        let Value::Object(mut news) = json!(self) else { return None };
        news.retain(|id, html| before[id.as_str()] != *html);
        (!news.is_empty()).then(|| Value::Object(news).to_string())
    }
}

/// Fills in a template.
pub(super) fn render(template: &impl Template) -> String {
    template.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a part of the page cannot be shown");
        "<p>This part cannot be shown; the simulator's log says why.</p>".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_changed_is_news() {
        let before = Sections { pods: "a".to_owned(), ..Sections::default() };
        assert_eq!(before.news(&before), None);
        let now = Sections { pods: "\"b\"\n".to_owned(), ..before.clone() };
        assert_eq!(now.news(&before).as_deref(), Some(r#"{"pods":"\"b\"\n"}"#));
    }
}
