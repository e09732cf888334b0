//! Making something that carries no marker: once, whatever becomes of the answer.

use std::future::Future;

use runpod_api::Failure;
use tokio::time::sleep;

use crate::{
    Error, ErrorKind, Event, RunPod, Warning,
    account::known::ids,
    backend::{Answer, Items},
    client::{call::Call, retry},
    knowledge::evidence::{LAG, lag_pauses},
    stored::Stored,
};

/// A create that brought nothing certain.
#[derive(Debug)]
pub(crate) enum CreateError<T> {
    /// Nothing was made.
    Refused(Error),
    /// Something may have been made.
    Unclear {
        /// The failure of the create.
        error: Error,
        /// Everything that lists show, was not there before and is it or may be it.
        found: Vec<T>,
        /// The failure of the last search.
        lookup: Option<Error>,
    },
}

/// Something to make: how to tell it, and what was there before.
pub(crate) struct Creation<'a, T> {
    pub(crate) call: Call<'a>,
    /// The name of its kind, for example `network volume`.
    pub(crate) what: &'static str,
    pub(crate) name: &'a str,
    /// Everything of its kind that was there before.
    pub(crate) before: &'a [T],
    /// Tells if something is what was asked for; `None` if it does not show that.
    pub(crate) is_it: &'a (dyn Fn(&T) -> Option<bool> + Send + Sync),
}

impl<T: Stored + Send + Sync> Creation<'_, T> {
    /// Sends the create, again only after a refusal that shows that nothing was made. After an unclear answer lists are
    /// searched for 15 s, and no other create is sent.
    pub(crate) async fn run<S, L>(
        &self,
        runpod: &RunPod,
        send: impl Fn() -> S + Send,
        list: impl Fn() -> L + Send,
    ) -> Result<T, CreateError<T>>
    where
        S: Future<Output = Result<Answer<T>, Failure>> + Send,
        L: Future<Output = Result<Items<T>, Error>> + Send,
    {
        let (mut pauses, mut call) = (retry::pauses(retry::ATTEMPTS), self.call);
        loop {
            let error = match runpod.once(call, Box::pin(send())).await {
                Ok(made) if self.is_made(&made) => return Ok(made),
                Ok(other) => return self.search(runpod, self.another(&other), Some(other), list).await,
                Err(error) if error.may_have_been_applied() => {
                    return self.search(runpod, error, None, list).await;
                }
                Err(error) => error,
            };
            let is_unsent = matches!(
                error.kind(),
                ErrorKind::RateLimited | ErrorKind::Unreachable | ErrorKind::ProxyRefused
            );
            let may_pass = is_unsent && error.is_retryable();
            let is_rested = match pauses.next().filter(|_| may_pass) {
                Some(pause) => runpod.rest_after(&error, self.call, pause).await,
                None => false,
            };
            if !is_rested {
                return Err(CreateError::Refused(error));
            }
            call = call.again();
        }
    }

    /// Returns true if an answer to the create is about what it has made.
    fn is_made(&self, made: &T) -> bool {
        self.is_new(made) && (self.is_it)(made) != Some(false)
    }

    fn is_new(&self, item: &T) -> bool {
        !item.id().is_empty() && self.before.iter().all(|known| known.id() != item.id())
    }

    /// The error of an answer about another thing, which is none about this one.
    fn another(&self, other: &T) -> Error {
        let name = other.name().map(|name| format!(", of the name {name:?}")).unwrap_or_default();
        let message = format!("the answer is about another {}, {:?}{name}", self.what, other.id());
        self.call.refused(ErrorKind::Unreadable, message)
    }

    /// Searches lists over 15 s for the one thing that an unclear create has made. What its answer was about, if it was not there
    /// before, may be that under another name or size.
    async fn search<L>(
        &self,
        runpod: &RunPod,
        error: Error,
        answered: Option<T>,
        list: impl Fn() -> L + Send,
    ) -> Result<T, CreateError<T>>
    where
        L: Future<Output = Result<Items<T>, Error>> + Send,
    {
        let (what, name, reason) = (self.what, self.name.to_owned(), error.what());
        runpod.notify(&Event::Warned { warning: Warning::CreateUnclear { what, name, reason } });
        let (mut found, mut lookup): (Vec<T>, _) = (Vec::new(), None);
        for pause in lag_pauses() {
            sleep(pause).await;
            lookup = list().await.and_then(|listed| self.take_in(listed, &mut found)).err();
            if found.len() > 1 {
                break;
            }
        }
        // Lists show each thing at a time of its own: the first to show need not be the only one.
        match found.as_slice() {
            [made] if lookup.is_none() && (self.is_it)(made) == Some(true) => Ok(made.clone()),
            _ => {
                let is_found = |other: &T| found.iter().any(|known| known.id() == other.id());
                found.extend(answered.filter(|other| self.is_new(other) && !is_found(other)));
                Err(CreateError::Unclear { error, found, lookup })
            }
        }
    }

    /// Adds to `found` what was not there before and is, or may be, what was asked for. What shows that it is not is
    /// taken out, and what a list lacks stays.
    fn take_in(&self, listed: Items<T>, found: &mut Vec<T>) -> Result<(), Error> {
        listed.check(self.name, self.call)?;
        for item in listed.items {
            found.retain(|known| known.id() != item.id());
            if self.is_new(&item) && (self.is_it)(&item) != Some(false) {
                found.push(item);
            }
        }
        Ok(())
    }
}

/// Says what is known of the outcome of an unclear create.
pub(crate) fn shown<T: Stored>(found: &[T], lookup: Option<&Error>) -> String {
    let shown = match found {
        [] => format!("no list showed it for {} s", LAG.as_secs()),
        found => format!("it may be {}", ids(found)),
    };
    let failed = lookup.map(|failed| format!("; the last search: {}", failed.what()));
    shown + &failed.unwrap_or_default()
}
