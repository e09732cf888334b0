//! The statements, by the part of RunPod that they are about, and the page that is written from them.

mod catalog;
mod creates;
mod errors;
mod judge;
mod life;
mod lists;
mod logs;

use std::fmt::Write;

pub(crate) use self::logs::frames;
use crate::statement::Statement;

/// All statements, in groups that have a title.
pub const STATEMENTS: &[(&str, &[Statement])] = &[
    ("Keys, errors and quotas", errors::STATEMENTS),
    ("Lists", lists::STATEMENTS),
    ("Catalog", catalog::STATEMENTS),
    ("Creates", creates::STATEMENTS),
    ("Lives of pods", life::STATEMENTS),
    ("Logs", logs::STATEMENTS),
];

/// Facts that no probe asks about, each with the reason.
pub const UNPROBED: &[(&str, &str)] = &[
    ("Names of pods are not unique.", "it takes two pods at a time"),
    ("One create has made two pods, and a 500 has come although the pod was made.", "nobody can ask for it"),
    (
        "A start may be refused for want of room on its host, or come back without GPUs.",
        "nobody can ask for it",
    ),
    ("A container that exits is started again and again, and bills.", "it needs an image that fails"),
    (
        "The proxy of HTTP ports says 404, 502, 520 to 526 or 530 until something listens.",
        "it is not the API",
    ),
    ("sshd may take 90 s after a start, and a restart makes new host keys.", "it is not the API"),
    (
        "Network volumes are for the secure cloud, grow, never shrink, and stay with their pods.",
        "they cost by the month",
    ),
    ("402 is an empty balance.", "it takes an account without one"),
    ("Areas of a restricted key answer 403 each by itself.", "it takes such a key"),
    ("A pull that is denied can heal after minutes.", "it takes a private image"),
    ("The newest pods come first in lists.", "it takes two pods at a time"),
];

/// Writes the page of all statements.
#[must_use]
pub fn page() -> String {
    let mut text = String::new();
    for (title, statements) in STATEMENTS {
        let _ = write!(text, "### {title}\n\n| id | believed | source | rests on it |\n|---|---|---|---|\n");
        for Statement { id, says, source, date, rests, .. } in *statements {
            let rests: Vec<String> = rests.iter().map(|file| format!("`{file}`")).collect();
            let _ = writeln!(text, "| `{id}` | {says} | {source}, {date} | {} |", rests.join(", "));
        }
        text.push('\n');
    }
    text.push_str("### Believed, and not asked\n\n| believed | why no probe asks |\n|---|---|\n");
    for (fact, why) in UNPROBED {
        let _ = writeln!(text, "| {fact} | {why} |");
    }
    text
}
