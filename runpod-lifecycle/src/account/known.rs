//! Finding by name what an account stores. Names are not unique on RunPod.

use std::{collections::HashSet, future::Future};

use runpod_api::Failure;
use tokio::time::{Instant, sleep_until};

use crate::{
    Error, ErrorKind, RunPod,
    backend::{Answer, Items},
    client::call::Call,
    knowledge::{evidence::DOUBT_PAUSE, names::Names, recent::Recent},
    stored::Stored,
    version::Feature,
};

impl RunPod {
    /// Everything of a kind that the account stores, with what is known to have changed since the list was made.
    pub(crate) async fn read_stored<T: Stored + Send, F>(
        &self,
        feature: Feature,
        call: Call<'_>,
        recent: &Recent<T>,
        read: impl Fn() -> F + Send + Sync,
    ) -> Result<Items<T>, Error>
    where
        F: Future<Output = Result<Answer<Items<T>>, Failure>> + Send,
    {
        self.require(feature, call)?;
        let mut listed = self.repeatedly(call, read).await?.unique();
        recent.amend(&mut listed.items);
        Ok(listed)
    }
}

impl<T: Stored> Items<T> {
    /// All items.
    ///
    /// # Errors
    /// If an entry could not be read: a list that is not whole is never returned as one that is.
    pub(crate) fn whole(self, call: Call<'_>) -> Result<Vec<T>, Error> {
        match self.unreadable.into_iter().next() {
            None => Ok(self.items),
            Some(entry) => Err(call.refused(ErrorKind::Unreadable, entry.problem)),
        }
    }

    /// The same, each item once, as it is listed first: pages are cut anew while they are read.
    pub(crate) fn unique(mut self) -> Self {
        let mut seen = HashSet::new();
        self.items.retain(|item| seen.insert(item.id().to_owned()));
        self
    }

    /// The items of a name.
    ///
    /// # Errors
    /// If an entry that cannot be read, or shows no name, may be one of it.
    pub(crate) fn named(&self, name: &str, call: Call<'_>) -> Result<Vec<T>, Error> {
        self.check(name, call)?;
        all_named(&self.items, call)?;
        Ok(self.items.iter().filter(|item| item.name() == Some(name)).cloned().collect())
    }

    /// Fails if an entry that cannot be read may be of this name.
    pub(crate) fn check(&self, name: &str, call: Call<'_>) -> Result<(), Error> {
        match self.unreadable.iter().find(|entry| entry.may_be(name)) {
            None => Ok(()),
            Some(entry) => Err(call.refused(ErrorKind::Unreadable, entry.problem.clone())),
        }
    }
}

/// Fails if an item shows no name: it may be the one that is looked for.
pub(crate) fn all_named<T: Stored>(items: &[T], call: Call<'_>) -> Result<(), Error> {
    match items.iter().find(|item| item.name().is_none()) {
        None => Ok(()),
        Some(item) => {
            let message = format!("the list shows no name for {}, so it may be this one", item.id());
            Err(call.refused(ErrorKind::Unreadable, message))
        }
    }
}

/// Reads a list that may lack what was made lately, and until it would show what a dropped create of this name made.
pub(crate) async fn known<T: Stored, L>(
    name: &str,
    names: &Names,
    list: impl Fn() -> L,
) -> Result<Items<T>, Error>
where
    L: Future<Output = Result<Items<T>, Error>>,
{
    loop {
        let asked_at = Instant::now();
        let listed = list().await?;
        let is_there = listed.items.iter().any(|item| item.name() == Some(name));
        match names.shown_from(name).filter(|from| !is_there && asked_at < *from) {
            Some(from) => sleep_until(from.min(Instant::now() + DOUBT_PAUSE)).await,
            None => return Ok(listed),
        }
    }
}

/// The one item of a name; `None` if there is none.
///
/// # Errors
/// [`ErrorKind::Conflict`] if there are several, with their ids.
pub(crate) fn only<T: Stored>(mut items: Vec<T>, call: Call<'_>) -> Result<Option<T>, Error> {
    match items.len() {
        0 | 1 => Ok(items.pop()),
        _ => {
            let message =
                format!("several have this name: {}; use an id, or delete all but one", ids(&items));
            Err(call.refused(ErrorKind::Conflict, message))
        }
    }
}

/// The ids of some items, for people.
pub(crate) fn ids<T: Stored>(items: &[T]) -> String {
    items.iter().map(Stored::id).collect::<Vec<_>>().join(", ")
}
