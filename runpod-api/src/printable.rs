//! Foreign texts made safe for a terminal.

use std::borrow::Cow;

/// Makes a foreign text one line that is safe to show. Characters that move a terminal's cursor, change its colours or
/// turn the reading direction become escapes (`\u{1b}`); line breaks and tabs become spaces.
///
/// ```
/// assert_eq!(runpod_api::printable("a\u{1b}[2Jb\r\nc"), "a\\u{1b}[2Jb  c");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\n' | '\r' | '\t' => shown.push(' '),
            _ if acts(char) => shown.extend(char.escape_unicode()),
            _ => shown.push(char),
        }
    }
    Cow::Owned(shown)
}

/// Escapes everything in a JSON text that a terminal acts on. It stays the same JSON.
///
/// ```
/// let json = runpod_api::printable_json("[\"\u{9b}2J\"]".to_owned());
/// assert_eq!(json, "[\"\\u009b2J\"]");
/// ```
#[must_use]
pub fn printable_json(json: String) -> String {
    // Between the strings there is nothing but line breaks and spaces of it.
    let layout = |char| matches!(char, '\n' | '\r' | '\t');
    if !json.contains(|char| acts(char) && !layout(char)) {
        return json;
    }
    let mut shown = String::with_capacity(json.len());
    for char in json.chars() {
        if acts(char) && !layout(char) {
            let mut units = [0; 2];
            shown.extend(char.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            shown.push(char);
        }
    }
    shown
}

/// Returns true if a character misleads a terminal or its reader: controls, line breaks, marks that turn the reading
/// direction, and invisible characters. Joiners stay, since scripts and emoji are written with them.
fn acts(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_acts_on_a_terminal_is_shown_as_an_escape() {
        for (text, shown) in [
            ("plain ünïcode 日本 👩\u{200d}🚀", "plain ünïcode 日本 👩\u{200d}🚀"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("50%\r100%", "50% 100%"),
            ("a\tb\nc", "a b c"),
            ("\u{7f}\u{9b}1A\u{0}", "\\u{7f}\\u{9b}1A\\u{0}"),
            ("\u{202e}gnp.exe\u{2066}", "\\u{202e}gnp.exe\\u{2066}"),
            ("a\u{2028}b\u{feff}", "a\\u{2028}b\\u{feff}"),
            ("\\u{1b} \"quoted\"", "\\u{1b} \"quoted\""),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(printable(shown), shown, "it is shown the same way once more");
        }
    }

    #[test]
    fn json_stays_the_same_json() {
        let value =
            serde_json::json!({ "a": "\u{1b}\u{7f}\u{9b}\u{202e}\u{e0001}\n\t\"\\ü", "b": [1, null] });
        for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let shown = printable_json(json.clone());
            assert!(!shown.contains(|char| acts(char) && char != '\n'), "{shown:?}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
        }
    }
}
