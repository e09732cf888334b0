//! The search for what else has the name of a new pod: its twins, which are ended, and an earlier pod of another
//! deploy, to which it gives way.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use runpod_api::printable;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::{
    Error, ErrorKind, Event, Origin, Pod, PodHandle, Warning,
    client::call::Attempts,
    error::operation::Operation,
    knowledge::{
        evidence::LAG,
        identity::{Claim, Relation},
        listing::Listing,
        record::{Created, PodRecord},
        search::Settled,
    },
    observe::doing::Doing,
};

/// The reason for which a pod is left that may be a second one.
const UNSHOWN: &str = "it does not show whose it is";
/// The pause between two polls, while they are likely to bring something.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause between two polls from [`PATIENCE`] on.
const LONG_PAUSE: Duration = Duration::from_secs(10);
/// The time after the first list that shows everything in which nobody ends the search while something fails.
const PATIENCE: Duration = Duration::from_secs(15);
/// The longest a search that begins late holds its caller up.
const LATE_PATIENCE: Duration = Duration::from_secs(2);

/// A new pod that was given up, since another deploy had made an earlier one of its name.
///
/// RunPod's names are not unique and its lists are late, so two programs that deploy one name at a time both make
/// a pod. Who created later gives way: see [`PodHandle::settle_name`].
///
/// # Cost
/// The pod that was given up bills no more, unless [`not_terminated`](Self::not_terminated) says so.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GaveWay {
    /// The name that both have.
    pub name: String,
    /// The id of the later pod, which this deploy created.
    pub pod_id: String,
    /// The earlier pod, another deploy's.
    pub winner: PodHandle,
    /// Why the later pod could not be terminated, so that both bill; `None` if it was.
    pub not_terminated: Option<Error>,
}

impl GaveWay {
    /// Returns true if the later pod may bill.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        self.not_terminated.is_some()
    }
}

impl fmt::Display for GaveWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (own, winner, name) = (&self.pod_id, &self.winner.id, &self.name);
        let text = match &self.not_terminated {
            None => format!(
                "another deploy made pod {winner} of the name {name:?} before {own}, which was terminated; adopt {winner}, or choose another name"
            ),
            Some(error) => format!(
                "another deploy made pod {winner} of the name {name:?} before {own}, which could not be terminated, so that both may bill: {error}"
            ),
        };
        f.write_str(&printable(&text))
    }
}

impl std::error::Error for GaveWay {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.not_terminated.as_ref().and_then(std::error::Error::source)
    }
}

impl PodHandle {
    /// Makes sure that the pod is the only one of its name, as the first [wait](Self::wait_until) does: for who
    /// deploys without any wait. Returns the pod that stays.
    ///
    /// Another process cannot see a new pod for up to 15 s, and may have deployed the same name. So 15 s after the
    /// create a list is read. If it shows a pod of this name that this crate created earlier (by RunPod's
    /// `createdAt`, then by the smaller id), this one is terminated, and with [`IfExists::Adopt`](crate::IfExists)
    /// the earlier one is returned in its place ([`Origin::Adopted`]). A second pod of the same create is
    /// terminated too. It is done once: a later call or wait goes by its outcome. A pod that was not created
    /// through this `RunPod` is returned as it is.
    ///
    /// What cannot be judged, and lists that cannot be read for 15 s, are an [`Event::Warned`]
    /// with the ids, and the pod stays.
    ///
    /// # Errors
    /// [`GaveWay`] if the pod was given up for an earlier one, without `IfExists::Adopt`, or if that failed.
    ///
    /// # Cancellation
    /// If the future is dropped, the pod goes on running and billing, and the next call or wait does it.
    ///
    /// # Cost
    /// It takes 15 s from the create on, up to 30 s if something fails, and one list. Both pods bill that long.
    pub async fn settle_name(&self) -> Result<Self, Box<GaveWay>> {
        let doing = Doing::new("settle name of pod", self.id.as_str());
        self.runpod().operation(doing, async { self.stayed(self.finish(self.search()).await) }).await
    }

    /// The pod that stays, for the deploy that created this one.
    pub(crate) fn stayed(&self, settled: Settled) -> Result<Self, Box<GaveWay>> {
        let created = self.record().and_then(|record| record.created());
        let (Settled::GaveWay { winner, failure }, Some(created)) = (settled, created) else {
            return Ok(self.clone());
        };
        let winner = Self::new(self.runpod().clone(), *winner).with_origin(Origin::Adopted);
        match failure {
            None if created.adopts => Ok(winner),
            not_terminated => Err(Box::new(GaveWay {
                name: created.claim.name,
                pod_id: self.id.clone(),
                winner,
                not_terminated,
            })),
        }
    }

    /// Searches until there is certainty. Everything it has found out is in the record, so that it may be
    /// dropped, or not polled, at any time: the next one goes on.
    pub(crate) async fn search(&self) -> Settled {
        let Some((record, created)) = self.created() else { return Settled::Stays };
        // Each pod shows up on its own: an earlier list that shows this one may still lack another.
        let shown_at = created.at + LAG;
        sleep_until(shown_at).await;
        let _turn = record.search_turn().take().await;
        let mut since = shown_at;
        loop {
            if let Some(settled) = record.progress(|progress| progress.settled.clone()) {
                return settled;
            }
            match self.runpod().list_since(since).await {
                Err(error) => record.progress(|progress| progress.trouble = Some(error.to_string())),
                Ok(list) => {
                    if let Some(settled) = self.settle_by(&list, &created, record).await {
                        // A pod that could not be given up is left to whoever comes next.
                        if !settled.is_left_undone() {
                            record.progress(|progress| progress.settled = Some(settled.clone()));
                        }
                        return settled;
                    }
                }
            }
            let is_late = Instant::now() >= shown_at + PATIENCE;
            sleep(if is_late { LONG_PAUSE } else { PAUSE }).await;
            since = since.max(Instant::now());
        }
    }

    /// Ends a search that others have waited for as long as it took: no certainty is an event.
    pub(crate) async fn finish(&self, search: impl Future<Output = Settled>) -> Settled {
        let Some((record, created)) = self.created() else { return Settled::Stays };
        let until = (created.at + LAG + PATIENCE).max(Instant::now() + LATE_PATIENCE);
        match timeout_at(until, search).await {
            Ok(settled) => settled,
            Err(_) if record.progress(|progress| progress.winner.is_some()) => self.half_given_up(record),
            Err(_) => {
                let reason = record.progress(|progress| {
                    progress.trouble.clone().unwrap_or_else(|| match progress.left.is_empty() {
                        true => "reading RunPod's list took too long".to_owned(),
                        false => "terminating it took too long".to_owned(),
                    })
                });
                self.warn_of_doubt(record, &reason);
                Settled::Stays
            }
        }
    }

    /// The outcome where the terminate of this pod, for an earlier one, has not come to its end: it may be gone.
    fn half_given_up(&self, record: &PodRecord) -> Settled {
        let message = "terminating it took too long: it may be gone, or bill";
        let failure = Error::of_answer(ErrorKind::Unproven, Operation::TerminatePod, Some(&self.id), message);
        match record.progress(|progress| progress.winner.clone()) {
            Some(winner) => Settled::GaveWay { winner, failure: Some(failure) },
            None => Settled::Stays,
        }
    }

    /// Returns the time until a list shows all that has the name; `None` if it does by now, or nothing is searched.
    pub(crate) fn shown_in(&self) -> Option<Duration> {
        let (_, created) = self.created()?;
        (created.at + LAG).checked_duration_since(Instant::now()).filter(|pause| !pause.is_zero())
    }

    fn created(&self) -> Option<(&PodRecord, Created)> {
        self.record().and_then(|record| Some((record.as_ref(), record.created()?)))
    }

    fn warn_of_doubt(&self, record: &PodRecord, reason: &str) {
        let others = record.progress(|progress| progress.left.iter().cloned().collect());
        let (pod_id, reason) = (self.id.clone(), reason.to_owned());
        let doubt = Warning::SecondPodUnknown { pod_id, others, reason };
        record.progress(|progress| progress.doubt = Some(doubt.to_string()));
        self.warn_once(record, doubt);
    }

    /// Why another pod of the name may exist, for what a wait says at its end.
    pub(crate) fn doubt(&self) -> Option<String> {
        self.record()?.progress(|progress| progress.doubt.clone())
    }

    fn warn_once(&self, record: &PodRecord, warning: Warning) {
        if record.progress(|progress| progress.said.insert(warning.to_string())) {
            self.runpod().notify(&Event::Warned { warning });
        }
    }

    /// Sees to every other pod of the name that a list shows. `None` if something went wrong that may go right
    /// yet.
    async fn settle_by(&self, list: &Listing, created: &Created, record: &PodRecord) -> Option<Settled> {
        let claim = &created.claim;
        let entry = list.unreadable.iter().find(|entry| entry.may_be(&claim.name));
        let mut trouble = entry.map(|entry| entry.problem.clone());
        record.progress(|progress| {
            progress.left.clear();
            progress.doubt = None;
        });
        // Times are compared as one and the same list writes them.
        let own = list.pod(&self.id).and_then(Pod::created).or_else(|| created.pod.created());
        let mut earlier: Vec<(&Pod, Pod)> = Vec::new();
        let mut is_unknown = false;
        for pod in list.pods.iter().filter(|pod| pod.id != self.id) {
            let relate = |pod: &Pod| self.relation(claim, pod, own);
            let relation = match relate(pod) {
                Relation::Unclear => self.closer(pod, relate).await.unwrap_or_else(|error| {
                    trouble = Some(error);
                    Relation::Unclear
                }),
                relation => relation,
            };
            match relation {
                Relation::None => {}
                Relation::Earlier => earlier.extend(self.alive(pod).await.map(|alive| (pod, alive))),
                Relation::Foreign => self.warn_once(
                    record,
                    Warning::NameShared {
                        pod_id: self.id.clone(),
                        other: pod.id.clone(),
                        name: claim.name.clone(),
                    },
                ),
                Relation::Twin => trouble = self.end_twin(pod, record).await.err().or(trouble),
                Relation::Unclear => {
                    is_unknown = true;
                    record.progress(|progress| progress.left.insert(pod.id.clone()));
                }
            }
        }
        let order = |(listed, _): &(&Pod, Pod)| (listed.created(), listed.id.clone());
        if let Some((_, winner)) = earlier.into_iter().min_by_key(order).filter(|_| !record.is_terminated()) {
            // Who gives way looks no more, so that what it leaves behind is named now.
            let doubt = trouble.or_else(|| is_unknown.then(|| UNSHOWN.to_owned()));
            return Some(self.give_way(winner, created, record, doubt).await);
        }
        match trouble {
            Some(trouble) => {
                record.progress(|progress| progress.trouble = Some(trouble));
                None
            }
            None => {
                if is_unknown {
                    self.warn_of_doubt(record, UNSHOWN);
                }
                Some(Settled::Stays)
            }
        }
    }

    /// Tells what another pod is to this one. A second one that another deploy has taken since is that deploy's.
    fn relation(&self, claim: &Claim, pod: &Pod, own: Option<SystemTime>) -> Relation {
        match claim.relation(pod, own, &self.id) {
            Relation::Twin if self.runpod().lookups().records.is_adopted(&pod.id) => Relation::Foreign,
            relation => relation,
        }
    }

    /// Asks by its id for a pod of a list that does not show what it is.
    async fn closer(&self, pod: &Pod, relate: impl Fn(&Pod) -> Relation) -> Result<Relation, String> {
        let closer = self.runpod().refetch(pod.clone(), Attempts::Several).await;
        let Some(closer) = closer.map_err(|error| error.to_string())? else { return Ok(Relation::None) };
        match relate(&closer) {
            // Listed and not known by its id: a later list says whether it is there.
            Relation::Unclear if closer.listed_at().is_some() => {
                Err(format!("RunPod does not know {} by its id yet", closer.id))
            }
            relation => Ok(relation),
        }
    }

    /// A pod that a list shows, as it is now; `None` if it is gone. One that cannot be had is as listed.
    async fn alive(&self, pod: &Pod) -> Option<Pod> {
        self.runpod().refetch(pod.clone(), Attempts::Several).await.unwrap_or_else(|_| Some(pod.clone()))
    }

    async fn end_twin(&self, twin: &Pod, record: &PodRecord) -> Result<(), String> {
        // Named also if its end takes too long.
        record.progress(|progress| progress.left.insert(twin.id.clone()));
        self.runpod().end(twin).await.map_err(|error| error.to_string())?;
        record.progress(|progress| progress.left.remove(&twin.id));
        self.runpod().notify(&Event::DuplicateTerminated { pod_id: twin.id.clone() });
        Ok(())
    }

    async fn give_way(
        &self,
        winner: Pod,
        created: &Created,
        record: &PodRecord,
        doubt: Option<String>,
    ) -> Settled {
        if let Some(doubt) = doubt {
            self.warn_of_doubt(record, &doubt);
        }
        record.progress(|progress| progress.winner = Some(Box::new(winner.clone())));
        let failure = self.runpod().end(&created.pod).await.err();
        if failure.is_none() {
            self.runpod().notify(&Event::GaveWay { pod_id: self.id.clone(), winner: winner.id.clone() });
        }
        Settled::GaveWay { winner: Box::new(winner), failure }
    }
}
