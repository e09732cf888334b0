//! The way through the pages of a list.

use std::collections::HashSet;

/// The most pages that a list is taken to have.
const MOST: usize = 1000;

/// The page after a page of a list.
#[derive(Debug)]
pub(crate) enum NextPage {
    /// Nothing.
    None,
    /// The page at this cursor.
    At(String),
    /// A page that nobody can ask for: the list is not whole.
    Nowhere,
}

/// The place in a list that is read page by page.
#[derive(Debug, Default)]
pub(crate) struct Pages {
    cursor: Option<String>,
    seen: HashSet<String>,
}

impl Pages {
    /// The cursor of the page to read; `None` for the first.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Goes on to the page after the one that was read. Returns false at the end of the list.
    ///
    /// # Errors
    /// If the list is not whole. A page may be empty and still have a next one (observed); a cursor that was there before
    /// leads nowhere new.
    pub(crate) fn follow(&mut self, next: NextPage) -> Result<bool, &'static str> {
        match next {
            NextPage::None => Ok(false),
            NextPage::Nowhere => Err("the list says that a page follows, but not where: it is not whole"),
            NextPage::At(cursor) if self.seen.len() < MOST && self.seen.insert(cursor.clone()) => {
                self.cursor = Some(cursor);
                Ok(true)
            }
            NextPage::At(_) => Err("the list's pages do not come to an end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_or_is_said_not_to_be_whole() {
        let at = |cursor: usize| NextPage::At(cursor.to_string());
        let mut pages = Pages::default();
        assert_eq!((pages.cursor(), pages.seen.len()), (None, 0));
        assert_eq!((pages.follow(at(1)), pages.cursor()), (Ok(true), Some("1")));
        assert_eq!((pages.follow(at(2)), pages.cursor()), (Ok(true), Some("2")));
        assert!(pages.follow(at(1)).is_err_and(|why| why.contains("do not come to an end")));
        assert!(pages.follow(NextPage::Nowhere).is_err_and(|why| why.contains("not whole")));
        assert_eq!(pages.follow(NextPage::None), Ok(false));
        let mut endless = Pages::default();
        assert_eq!((0..).find(|cursor| endless.follow(at(*cursor)).is_err()), Some(MOST));
    }
}
