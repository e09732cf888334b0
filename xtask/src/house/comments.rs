//! Why-comments in the rooms where a reader stops.

use std::{collections::BTreeMap, fmt};

use super::source::Crate;

/// Rooms of a crate in which the code surprises.
fn tricky(name: &str) -> &'static [&'static str] {
    match name {
        "runpod-lifecycle" => &["client/quota", "wait", "deploy"],
        _ => &[],
    }
}

/// The most lines of code for each comment that says why.
const CODE_LINES_A_COMMENT: usize = 60;

/// Lines of code and comments of each tricky room.
#[derive(Default)]
pub(crate) struct Comments(BTreeMap<&'static str, Count>);

#[derive(Default)]
struct Count {
    code: usize,
    comments: usize,
}

impl Comments {
    pub(crate) fn of(measured: &Crate) -> Self {
        let mut comments = Self::default();
        for (file, source) in &measured.files {
            let path = file.trim_end_matches(".rs");
            let is_in = |room: &&&str| path == **room || path.starts_with(&format!("{room}/"));
            if let Some(room) = tricky(&measured.name).iter().find(is_in) {
                comments.0.entry(room).or_default().add(source.code());
            }
        }
        comments
    }

    /// Lists the rooms with too few comments, a line each.
    pub(crate) fn faults(&self) -> Vec<String> {
        let few = self.0.iter().filter(|(_, count)| count.code > count.comments * CODE_LINES_A_COMMENT);
        let fault = |(room, count): (&&str, &Count)| {
            format!(
                "{room} has {} comments that say why on {} lines of code; it needs one for each {CODE_LINES_A_COMMENT}",
                count.comments, count.code
            )
        };
        few.map(fault).collect()
    }
}

impl Count {
    /// Counts a comment of several lines as one.
    fn add(&mut self, code: &str) {
        let mut in_comment = false;
        for line in code.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let is_comment = line.starts_with("//") && !line.starts_with("///") && !line.starts_with("//!");
            self.comments += usize::from(is_comment && !in_comment);
            self.code += usize::from(!line.starts_with("//"));
            in_comment = is_comment;
        }
    }
}

impl fmt::Display for Comments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (room, count) in &self.0 {
            write!(f, "; {room}: {} why-comments on {} lines", count.comments, count.code)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, file: &str, text: &str) -> Vec<String> {
        Comments::of(&Crate::sample(name, &[(file, text)])).faults()
    }

    #[test]
    fn a_tricky_room_needs_a_comment_for_each_sixty_lines() {
        let code = "const A: u8 = 1;\n";
        let enough = format!("// Because.\n{}", code.repeat(60));
        assert!(faults("runpod-lifecycle", "wait/watch.rs", &enough).is_empty());
        let told = faults("runpod-lifecycle", "wait/watch.rs", &format!("{enough}{code}"));
        assert_eq!(told, ["wait has 1 comments that say why on 61 lines of code; it needs one for each 60"]);
    }

    #[test]
    fn doc_comments_say_no_why_and_a_block_counts_once() {
        let code = "/// A.\nconst A: u8 = 1;\n".repeat(61);
        assert_eq!(faults("runpod-lifecycle", "client/quota.rs", &code).len(), 1);
        assert_eq!(
            faults("runpod-lifecycle", "deploy/mod.rs", &format!("// One,\n// still one.\n{code}")).len(),
            1
        );
        let apart = format!("// One.\nconst B: u8 = 1;\n// Two.\n{code}");
        assert!(faults("runpod-lifecycle", "deploy/mod.rs", &apart).is_empty());
    }

    #[test]
    fn other_rooms_and_tests_need_none() {
        let code = "const A: u8 = 1;\n".repeat(61);
        for (name, file) in [
            ("runpod-lifecycle", "pod/mod.rs"),
            ("runpod-lifecycle", "waiting.rs"),
            ("runpod-lifecycle", "client/mod.rs"),
            ("runpod-sim", "wait/mod.rs"),
        ] {
            assert!(faults(name, file, &code).is_empty(), "{name} {file}");
        }
        let tests = format!("#[cfg(test)]\nmod tests {{ {code} }}");
        assert!(faults("runpod-lifecycle", "wait/mod.rs", &tests).is_empty());
    }
}
