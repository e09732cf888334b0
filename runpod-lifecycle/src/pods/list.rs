//! Which pods the account has.

use crate::{
    Error, ErrorKind, Event, Pod, PodHandle, RunPod,
    backend::Unreadable,
    client::{Call, Tries},
    pods::identity::{Claim, Whose, bears},
};
use std::{collections::HashSet, sync::Arc};

const LIST: &str = "list pods";
/// Pages after which a list is taken to have no end.
const MOST_PAGES: usize = 1000;

/// The account's pods, as far as they could be read.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) pods: Vec<Pod>,
    pub(crate) unreadable: Vec<Unreadable>,
}

/// What a search by name came to. Names are not unique on RunPod.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Found {
    /// No pod of that name. Said only when every page of the list was read.
    None,
    /// Exactly one.
    One(PodHandle),
    /// Several, in RunPod's order.
    Many(Vec<PodHandle>),
}

impl RunPod {
    /// The pod of this id, or else the one of this name. What this handle and its clones created in the last
    /// 30 s counts although RunPod may not show it yet.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if every page of the list was read and shows none;
    /// [`ErrorKind::Conflict`] if several have the name, with their ids in the message.
    pub async fn pod(&self, id_or_name: &str) -> Result<PodHandle, Error> {
        const OPERATION: &str = "find pod";
        if is_id(id_or_name) {
            match self.get(id_or_name).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if let Some(recent) = self.lookups().accepted.of_id(id_or_name)
                        && let Some(pod) = self.accepted_still(recent).await?
                    {
                        return Ok(pod);
                    }
                }
                outcome => return outcome,
            }
        }
        let mut named = self.named(id_or_name).await?;
        match named.len() {
            1 => Ok(named.swap_remove(0)),
            0 => {
                let message = "no pod has this id or name";
                Err(Error::of_answer(ErrorKind::NotFound, OPERATION, Some(id_or_name), message))
            }
            _ => {
                let ids: Vec<&str> = named.iter().map(|pod| pod.id.as_str()).collect();
                let message = format!("several pods have this name: {}; use an id", ids.join(", "));
                Err(Error::of_answer(ErrorKind::Conflict, OPERATION, Some(id_or_name), message))
            }
        }
    }

    /// Looks at one pod.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] only if RunPod itself says that there is no such pod; any other kind
    /// means that nobody knows.
    pub async fn get(&self, id: &str) -> Result<PodHandle, Error> {
        self.look_at(id, Tries::Several).await.map(|pod| PodHandle::new(self.clone(), pod))
    }

    /// The pod of this id and no other.
    pub(crate) async fn look_at(&self, id: &str, tries: Tries) -> Result<Pod, Error> {
        const OPERATION: &str = "get pod";
        let call = Call::look(OPERATION, Some(id));
        let pod = self.send(call, tries, || self.backend().get(id)).await?;
        if pod.id != id {
            let message = format!("the answer is about another pod, {:?}", pod.id);
            return Err(Error::of_answer(ErrorKind::Unreadable, OPERATION, Some(id), message));
        }
        Ok(pod)
    }

    /// Every pod of the account that is not gone, all pages. An entry so odd that it cannot be read
    /// is left out and reported as [`Event::Warned`].
    ///
    /// # Errors
    /// If a page cannot be read: a partial list is never returned as a whole one.
    pub async fn list(&self) -> Result<Vec<PodHandle>, Error> {
        let listing = self.read_list(Tries::Several).await?;
        for odd in &listing.unreadable {
            self.notify(&Event::Warned { warning: odd.problem.clone() });
        }
        Ok(listing.pods.into_iter().map(|pod| PodHandle::new(self.clone(), pod)).collect())
    }

    /// The pods of this name that are not gone: those that RunPod lists, and what this handle and its clones
    /// created in the last 30 s. The name is all it goes by, whoever made the pod.
    ///
    /// # Errors
    /// As [`list`](Self::list), and if the list holds an entry so odd that it may be a pod of this
    /// name: a failed lookup is never [`Found::None`].
    pub async fn find(&self, name: &str) -> Result<Found, Error> {
        let mut pods = self.named(name).await?;
        Ok(match pods.len() {
            0 => Found::None,
            1 => Found::One(pods.swap_remove(0)),
            _ => Found::Many(pods),
        })
    }

    async fn named(&self, name: &str) -> Result<Vec<PodHandle>, Error> {
        let listing = self.read_list(Tries::Several).await?;
        self.named_in(&listing, name).await
    }

    /// Like `find`, but deploys that begin together read one list.
    pub(crate) async fn named_at_deploy(&self, name: &str) -> Result<Vec<PodHandle>, Error> {
        let lookups = self.lookups();
        let read = async { self.read_list(Tries::Several).await.map(Arc::new) };
        let listing = lookups.pods.get((), lookups.oldest_of_pods(), read).await?;
        self.named_in(&listing, name).await
    }

    /// The pods of a name that a list shows, and those created lately that it does not show yet.
    async fn named_in(&self, listing: &Listing, name: &str) -> Result<Vec<PodHandle>, Error> {
        if let Some(odd) = listing.unreadable.iter().find(|odd| odd.may_be(name)) {
            return Err(Error::of_answer(ErrorKind::Unreadable, LIST, Some(name), odd.problem.clone()));
        }
        let mut named = Vec::new();
        for pod in &listing.pods {
            let pod = match bears(pod, name) {
                None => self.look_closer(&pod.id).await?,
                Some(true) => Some(pod.clone()),
                Some(false) => continue,
            };
            let Some(pod) = pod else { continue };
            match bears(&pod, name) {
                Some(true) => named.push(PodHandle::new(self.clone(), pod)),
                None if pod.is_ours() => {
                    let message = format!("RunPod shows no name for pod {}, so it may be this one", pod.id);
                    return Err(Error::of_answer(ErrorKind::Unreadable, LIST, Some(name), message));
                }
                _ => {}
            }
        }
        for recent in self.lookups().accepted.named(name) {
            if !named.iter().any(|listed| listed.id == recent.pod.id) {
                named.extend(self.accepted_still(recent).await?);
            }
        }
        Ok(named)
    }

    /// Tells whose a pod of a list is. One that does not show it is looked at by its id; if it is gone, it is
    /// nobody's.
    pub(crate) async fn whose(&self, claim: &Claim, pod: Pod) -> Result<(Whose, Pod), Error> {
        match claim.whose(&pod) {
            Whose::MayBeOurs => Ok(match self.look_closer(&pod.id).await? {
                Some(closer) => (claim.whose(&closer), closer),
                None => (Whose::SomebodyElses, pod),
            }),
            certain => Ok((certain, pod)),
        }
    }

    /// A pod that a list shows without what tells it from others, asked for by its id; `None` if it is gone.
    pub(crate) async fn look_closer(&self, id: &str) -> Result<Option<Pod>, Error> {
        match self.look_at(id, Tries::Several).await {
            Ok(closer) if closer.is_gone() => Ok(None),
            Ok(closer) => Ok(Some(closer)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Every page of the pod list, without the pods that are gone.
    pub(crate) async fn read_list(&self, tries: Tries) -> Result<Listing, Error> {
        let mut listing = Listing { pods: Vec::new(), unreadable: Vec::new() };
        let mut ids = HashSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let at = cursor.as_deref();
            let page = self.send(Call::look(LIST, None), tries, || self.backend().list(at)).await?;
            let seen = ids.len() + listing.unreadable.len();
            let (pods, nameless): (Vec<Pod>, Vec<Pod>) =
                page.pods.into_iter().partition(|pod| !pod.id.is_empty());
            let pods = pods.into_iter().filter(|pod| ids.insert(pod.id.clone()) && !pod.is_gone());
            listing.pods.extend(pods);
            listing.unreadable.extend(page.unreadable);
            listing.unreadable.extend(nameless.into_iter().map(Unreadable::without_id));
            match page.next {
                None => return Ok(listing),
                // Cursors that lead nowhere new would be followed for ever.
                _ if ids.len() + listing.unreadable.len() == seen => break,
                next => cursor = next,
            }
        }
        let message = "the list's pages do not come to an end";
        Err(Error::of_answer(ErrorKind::Unreadable, LIST, None, message))
    }
}

/// Whether a text looks like RunPod's ids, as observed.
fn is_id(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
