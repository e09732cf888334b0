//! The account's pods.

use std::{collections::HashSet, sync::Arc};

use tokio::time::{Instant, sleep_until};

use crate::{
    Error, ErrorKind, Event, Pod, PodHandle, RunPod, Warning,
    backend::pages::Pages,
    client::call::{Attempts, Call},
    error::operation::Operation,
    knowledge::{
        evidence::{Came, DOUBT_PAUSE, Evidence, Finding, absence_by_id, judge},
        identity::{Claim, Whose, bears},
        listing::{Listing, Unreadable},
        record::PodRecord,
    },
    pod::Asked,
};

/// The outcome of a search by name. Names are not unique on RunPod.
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
        let call = Call::read(Operation::FindPod, Some(id_or_name));
        self.operation(call, self.identified(id_or_name)).await
    }

    async fn identified(&self, id_or_name: &str) -> Result<PodHandle, Error> {
        if is_id(id_or_name) {
            match self.get(id_or_name).await {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Unproven) => {
                    if let Some(pod) = self.created_with_id(id_or_name).await? {
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
                Err(Error::of_answer(ErrorKind::NotFound, Operation::FindPod, Some(id_or_name), message))
            }
            _ => {
                let ids: Vec<&str> = named.iter().map(|pod| pod.id.as_str()).collect();
                let message = format!("several pods have this name: {}; use an id", ids.join(", "));
                Err(Error::of_answer(ErrorKind::Conflict, Operation::FindPod, Some(id_or_name), message))
            }
        }
    }

    /// Gets one pod.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] only if RunPod itself says that there is no such pod; any other kind
    /// means that nobody knows, [`ErrorKind::Unproven`] that it may be too new.
    pub async fn get(&self, id: &str) -> Result<PodHandle, Error> {
        self.fetch_listed(id, None).await.map(|pod| PodHandle::new(self.clone(), pod))
    }

    /// Gets one pod, given that a list asked for at `listed_at` has shown it.
    pub(crate) async fn fetch_listed(&self, id: &str, listed_at: Option<Instant>) -> Result<Pod, Error> {
        let asked_at = Instant::now();
        let error = match self.fetch(id, Attempts::Several).await {
            Err(error) if error.kind() == ErrorKind::NotFound => error,
            outcome => return outcome,
        };
        let history = self.lookups().records.history(id).with_list(listed_at);
        match absence_by_id(asked_at, &history) {
            Finding::Unknown { .. } => {
                let message = "RunPod answers 404, which proves nothing of a new pod";
                Err(Error::of_answer(ErrorKind::Unproven, Operation::GetPod, Some(id), message))
            }
            _ => Err(error),
        }
    }

    /// The pod of this id and no other.
    pub(crate) async fn fetch(&self, id: &str, attempts: Attempts) -> Result<Pod, Error> {
        let call = Call::read(Operation::GetPod, Some(id));
        let asked_at = Instant::now();
        let answer = self.send(call, attempts, || self.backend().get(id)).await;
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            self.lookups().records.deny(id);
        }
        let mut pod = answer?;
        if pod.id != id {
            let message = format!("the answer is about another pod, {:?}", pod.id);
            return Err(Error::of_answer(ErrorKind::Unreadable, Operation::GetPod, Some(id), message));
        }
        pod.seen_at = Some(self.server_now());
        self.lookups().records.observe([&mut pod], Asked::ById, asked_at);
        Ok(pod)
    }

    /// Asks for a pod by its id and says what the answer proves, given that a list asked for at `listed_at`
    /// has shown the pod.
    pub(crate) async fn examine(
        &self,
        id: &str,
        attempts: Attempts,
        listed_at: Option<Instant>,
    ) -> Result<(Option<Pod>, Finding), Error> {
        let at = Instant::now();
        let pod = match self.fetch(id, attempts).await {
            Ok(pod) => Some(pod),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let came = pod.as_ref().map_or(Came::Absent, Came::Pod);
        let history = self.lookups().records.history(id).with_list(listed_at);
        let finding = judge(&Evidence { asked: Asked::ById, at, came }, &history);
        Ok((pod, finding))
    }

    /// Every pod of the account that is not gone, all pages. An entry that cannot be read
    /// is left out and reported as [`Event::Warned`].
    ///
    /// # Errors
    /// If a page cannot be read: a partial list is never returned as a whole one.
    pub async fn list(&self) -> Result<Vec<PodHandle>, Error> {
        let listing = self.read_list(Attempts::Several).await?;
        for entry in &listing.unreadable {
            self.notify(&Event::Warned { warning: entry.warning() });
        }
        Ok(listing.pods.into_iter().map(|pod| PodHandle::new(self.clone(), pod)).collect())
    }

    /// The pods of this name that are not gone: those that RunPod lists, and what this handle and its clones
    /// created or adopted in the last 30 s. It goes by the name alone, also for pods of other programs.
    ///
    /// # Errors
    /// As [`list`](Self::list), and if the list holds an unreadable entry that may be a pod of this
    /// name: a failed lookup is never [`Found::None`].
    pub async fn find(&self, name: &str) -> Result<Found, Error> {
        let call = Call::read(Operation::FindPod, Some(name));
        let mut pods = self.part(call, self.named(name)).await?;
        Ok(match pods.len() {
            0 => Found::None,
            1 => Found::One(pods.swap_remove(0)),
            _ => Found::Many(pods),
        })
    }

    async fn named(&self, name: &str) -> Result<Vec<PodHandle>, Error> {
        let asked_at = Instant::now();
        let named = self.named_now(name).await?;
        self.named_after_doubt(named, name, asked_at).await
    }

    pub(crate) async fn named_now(&self, name: &str) -> Result<Vec<PodHandle>, Error> {
        let listing = self.read_list(Attempts::Several).await?;
        self.named_in(&listing, name).await
    }

    /// The pods of a name, none only once lists would show one whose deploy was dropped with its create on the way.
    async fn named_after_doubt(
        &self,
        mut named: Vec<PodHandle>,
        name: &str,
        mut asked_at: Instant,
    ) -> Result<Vec<PodHandle>, Error> {
        let shown_from = self.lookups().names.shown_from(name).filter(|from| asked_at < *from);
        let Some(from) = shown_from.filter(|_| named.is_empty()) else { return Ok(named) };
        let warning = Warning::DeployDropped { name: name.to_owned() };
        self.notify(&Event::Warned { warning });
        // A list may be long in coming: when it was asked for is what counts.
        while named.is_empty() && asked_at < from {
            sleep_until(from.min(Instant::now() + DOUBT_PAUSE)).await;
            asked_at = Instant::now();
            named = self.named_now(name).await?;
        }
        Ok(named)
    }

    /// Like `find`, but deploys that begin together read one list.
    pub(crate) async fn named_at_deploy(&self, name: &str) -> Result<Vec<PodHandle>, Error> {
        let listing = self.list_at_deploy().await?;
        let named = self.named_in(&listing, name).await?;
        self.named_after_doubt(named, name, listing.asked_at).await
    }

    /// A pod that was created or adopted lately, unless it is gone.
    pub(crate) async fn created_still(&self, record: Arc<PodRecord>) -> Result<Option<PodHandle>, Error> {
        let Some(pod) = record.pod() else { return Ok(None) };
        let (seen, finding) = self.examine(&pod.id, Attempts::Several, None).await?;
        if finding == Finding::Gone {
            return Ok(None);
        }
        Ok(Some(PodHandle::of_create(self.clone(), seen.map_or(pod, Arc::new), record)))
    }

    /// A pod that was created lately, unless it is gone, by its id.
    async fn created_with_id(&self, id: &str) -> Result<Option<PodHandle>, Error> {
        match self.lookups().records.of(id).filter(|record| record.is_created_lately()) {
            Some(record) => self.created_still(record).await,
            None => Ok(None),
        }
    }

    /// The pods of a name that a list shows, and those created lately that it does not show yet.
    async fn named_in(&self, listing: &Listing, name: &str) -> Result<Vec<PodHandle>, Error> {
        if let Some(entry) = listing.unreadable.iter().find(|entry| entry.may_be(name)) {
            return Err(Error::of_answer(
                ErrorKind::Unreadable,
                Operation::ListPods,
                Some(name),
                entry.problem.clone(),
            ));
        }
        let records = &self.lookups().records;
        let mut named: Vec<PodHandle> = Vec::new();
        let is_left = |pod: &&Pod| !records.is_ended_by(&pod.id, listing.asked_at);
        for pod in listing.pods.iter().filter(is_left) {
            let pod = match bears(pod, name) {
                None => self.refetch(pod.clone(), Attempts::Several).await?,
                Some(true) => Some(pod.clone()),
                Some(false) => continue,
            };
            let Some(pod) = pod else { continue };
            match bears(&pod, name) {
                Some(true) => named.push(PodHandle::new(self.clone(), pod)),
                None if pod.is_ours() => {
                    let message = format!("RunPod shows no name for pod {}, so it may be this one", pod.id);
                    return Err(Error::of_answer(
                        ErrorKind::Unreadable,
                        Operation::ListPods,
                        Some(name),
                        message,
                    ));
                }
                // One that its id shows without a name as well has none, and is not to hold up every deploy.
                _ => {}
            }
        }
        for record in records.created_as(name, listing.asked_at) {
            let is_listed = |id: &str| named.iter().any(|listed| listed.id == id);
            if record.pod().is_some_and(|pod| !is_listed(&pod.id)) {
                let still = self.created_still(record).await?;
                // It may have another name by now.
                named.extend(still.filter(|pod| bears(pod, name) != Some(false)));
            }
        }
        Ok(named)
    }

    /// Tells whose a pod of a list is. One that does not show it is asked for by its id; if it is gone, it is
    /// nobody's.
    pub(crate) async fn whose(&self, claim: &Claim, pod: Pod) -> Result<(Whose, Pod), Error> {
        match claim.whose(&pod) {
            Whose::MayBeOurs => Ok(match self.refetch(pod.clone(), Attempts::Several).await? {
                Some(closer) => (claim.whose(&closer), closer),
                None => (Whose::SomebodyElses, pod),
            }),
            certain => Ok((certain, pod)),
        }
    }

    /// A pod that a list shows without what tells it from others, asked for by its id; `None` if it is gone,
    /// the pod as listed if RunPod does not know it by its id yet.
    pub(crate) async fn refetch(&self, pod: Pod, attempts: Attempts) -> Result<Option<Pod>, Error> {
        let (closer, finding) = self.examine(&pod.id, attempts, pod.listed_at()).await?;
        Ok((finding != Finding::Gone).then(|| closer.unwrap_or(pod)))
    }

    /// Every page of the pod list, without the pods that are gone.
    pub(crate) async fn read_list(&self, attempts: Attempts) -> Result<Listing, Error> {
        let mut listing = self.read_pages(attempts).await;
        listing.failure.take().map_or(Ok(listing), Err)
    }

    /// The pages of the pod list up to the first that cannot be read: they prove that their pods are there,
    /// and of no other that it is not.
    pub(crate) async fn read_pages(&self, attempts: Attempts) -> Listing {
        let mut listing = Listing::new(!matches!(attempts, Attempts::One));
        let call = Call::read(Operation::ListPods, None);
        let failure = self.part(call, self.read_into(&mut listing, attempts)).await.err();
        listing.close(failure);
        let seen_at = Some(self.server_now());
        listing.pods.iter_mut().for_each(|pod| pod.seen_at = seen_at);
        self.lookups().records.observe(&mut listing.pods, Asked::List, listing.asked_at);
        listing
    }

    async fn read_into(&self, listing: &mut Listing, attempts: Attempts) -> Result<(), Error> {
        let (mut ids, mut pages) = (HashSet::new(), Pages::default());
        loop {
            let (call, at) = (Call::read(Operation::ListPods, None), pages.cursor());
            let page = self.send(call, attempts, || self.backend().list(at)).await?;
            let (pods, nameless): (Vec<Pod>, Vec<Pod>) =
                page.pods.into_iter().partition(|pod| !pod.id.is_empty());
            let pods = pods.into_iter().filter(|pod| ids.insert(pod.id.clone()) && !pod.is_gone());
            listing.pods.extend(pods);
            listing.unreadable.extend(page.unreadable);
            listing.unreadable.extend(nameless.into_iter().map(Unreadable::without_id));
            if !pages.follow(page.next).map_err(|why| call.refused(ErrorKind::Unreadable, why))? {
                return Ok(());
            }
        }
    }
}

impl PodHandle {
    /// Gets the pod anew. See [`RunPod::get`].
    ///
    /// # Errors
    /// As [`RunPod::get`].
    pub async fn refresh(&self) -> Result<Self, Error> {
        self.runpod().fetch_listed(&self.id, self.listed_at()).await.map(|pod| self.with(pod))
    }
}

/// Returns true if a text looks like RunPod's ids, as observed.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
