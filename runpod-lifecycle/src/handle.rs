//! Everything that is done to a pod that exists.

use std::{
    collections::{BTreeSet, HashSet},
    fmt,
    ops::Deref,
    sync::Arc,
    time::Duration,
};

use runpod_api::http::StatusCode;
use tokio::time::{Instant, sleep, timeout};

use crate::{
    Applied, Condition, Error, ErrorKind, Event, Pod, PodState, RunPod, Wait,
    backend::{Action, Unreadable},
    client::{Call, Tries},
    condition::word,
    created::{Created, LAG},
    retry,
};

const LIST: &str = "list pods";
const TERMINATE: &str = "terminate pod";
/// Pages after which a list is taken to have no end.
const MOST_PAGES: usize = 1000;
/// The pause between two looks for a twin.
const TWIN_PAUSE: Duration = Duration::from_secs(1);
/// The pause between two attempts to terminate a pod that RunPod may not know yet.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(3);

/// A pod together with the handle it came through: the last look at it, and what can be done with it.
///
/// It dereferences to [`Pod`]. Dropping it does nothing to the pod.
#[derive(Clone)]
pub struct PodHandle {
    runpod: RunPod,
    pod: Arc<Pod>,
    /// The create it comes from, if nobody has looked for a twin yet.
    created: Option<Arc<Created>>,
}

impl PodHandle {
    pub(crate) fn new(runpod: RunPod, pod: Pod) -> Self {
        Self { runpod, pod: Arc::new(pod), created: None }
    }

    /// A pod that was just created: the first wait for it also looks for a twin, and looks longer if an
    /// earlier create of the deployment `is_in_doubt`.
    pub(crate) fn newly_created(runpod: RunPod, pod: Pod, marker: String, is_in_doubt: bool) -> Self {
        Self::of_create(runpod, Arc::new(pod), Arc::new(Created::new(marker, is_in_doubt)))
    }

    /// A pod of a create that was accepted lately.
    pub(crate) fn of_create(runpod: RunPod, pod: Arc<Pod>, created: Arc<Created>) -> Self {
        Self { runpod, pod, created: Some(created) }
    }

    /// The pod with the create it comes from, for others to share.
    pub(crate) fn as_created(&self) -> Option<(&Arc<Pod>, &Arc<Created>)> {
        Some((&self.pod, self.created.as_ref()?))
    }

    /// The create it comes from, if lists may not show it yet.
    pub(crate) fn created(&self) -> Option<&Created> {
        self.created.as_deref()
    }

    /// Terminates every other pod of this deployment: RunPod has made two out of one create (observed).
    /// Only for a new pod, which is the one its deployer knows. No certainty is an event.
    pub(crate) async fn end_twins(&self) {
        let Some(created) = &self.created else { return };
        let mut search = TwinSearch::default();
        let longest = if created.is_in_doubt { 2 * LAG } else { LAG };
        let outcome = timeout(longest, self.try_to_end_twins(created, &mut search)).await;
        let TwinSearch { left, trouble } = search;
        let late = match left.is_empty() {
            true => trouble.unwrap_or_else(|| "reading RunPod's list took too long".to_owned()),
            false => "terminating it took too long".to_owned(),
        };
        let Err(reason) = outcome.unwrap_or(Err(late)) else { return };
        let id = &self.id;
        let left = left.into_iter().map(|twin| format!(" as {twin}")).collect::<Vec<_>>().join(" and");
        let warning = format!(
            "a second pod may have been created beside {id}{left}, and bill; look for its name: {reason}"
        );
        self.runpod.notify(&Event::Warned { warning });
    }

    async fn try_to_end_twins(&self, created: &Created, search: &mut TwinSearch) -> Result<(), String> {
        loop {
            match self.runpod.list_with(&self.id, !created.is_in_doubt).await {
                Err(error) if !error.is_retryable() => return Err(error.to_string()),
                Err(error) => search.trouble = Some(error.to_string()),
                Ok((asked_at, listing)) => {
                    let is_shown = listing.pods.iter().any(|pod| pod.id == self.id);
                    let doubt = self.end_twins_in(listing, &created.marker, &mut search.left).await;
                    // A list that shows the pod itself would show a twin of the same create.
                    if (is_shown && !created.is_in_doubt) || asked_at >= created.at + LAG {
                        return doubt.map_or(Ok(()), Err);
                    }
                    search.trouble = Some("RunPod's list does not show the pod".to_owned());
                }
            }
            let until_shown = (created.at + LAG).saturating_duration_since(Instant::now());
            sleep(if created.is_in_doubt { until_shown.max(TWIN_PAUSE) } else { TWIN_PAUSE }).await;
        }
    }

    /// Terminates the twins a list shows. Returns why one may be left, if one may.
    async fn end_twins_in(
        &self,
        listing: Listing,
        marker: &str,
        left: &mut BTreeSet<String>,
    ) -> Option<String> {
        let may_be = |name: Option<&str>| name.is_none() || name == self.name.as_deref();
        let odd = listing.unreadable.into_iter().find(|odd| may_be(odd.name.as_deref()));
        let mut doubt = odd.map(|odd| odd.problem);
        for mut pod in listing.pods.into_iter().filter(|pod| pod.id != self.id) {
            if pod.env.is_empty() && may_be(pod.name.as_deref()) {
                match self.runpod.look_closer(pod).await {
                    Ok(Some(closer)) => pod = closer,
                    Ok(None) => continue,
                    Err(error) => {
                        doubt = Some(error.to_string());
                        continue;
                    }
                }
            }
            if pod.marker() == Some(marker) {
                left.insert(pod.id.clone());
                match self.runpod.terminate(&pod.id).await {
                    Err(error) => doubt = Some(error.to_string()),
                    Ok(_) => {
                        left.remove(&pod.id);
                        self.runpod.notify(&Event::DuplicateTerminated { pod_id: pod.id });
                    }
                }
            } else if pod.env.is_empty() && may_be(pod.name.as_deref()) {
                doubt = Some(format!("pod {} does not show whose it is", pod.id));
            }
        }
        doubt
    }

    pub(crate) fn runpod(&self) -> &RunPod {
        &self.runpod
    }

    /// The pod as last seen, said to be gone.
    pub(crate) fn terminated(&self) -> Pod {
        Pod { state: Some(PodState::Terminated), cost_usd_per_hour: None, ..(*self.pod).clone() }
    }

    /// A wait until `condition` holds. `.await` it.
    ///
    /// It looks for `longest`. On top of that come up to 1 s for the last look, up to 4 s for RunPod's log if
    /// the wait fails, and in the first wait after a deploy the search for a twin.
    ///
    /// # Errors
    /// [`WaitError`](crate::WaitError), which always carries the pod's id: `TimedOut` when `longest`
    /// is over, `Failed` when the condition cannot come true any more, `Call` when RunPod refuses
    /// to answer (401, 403, 410 and alike).
    ///
    /// The first wait for a pod that was just deployed also ends a twin, should RunPod have made two
    /// out of one create. That is over with the first list that shows the pod, and takes at most 15 s. If
    /// an earlier create of the deploy was unclear, it lasts until a list was read 15 s after the accepted
    /// one, and takes at most 30 s. What is left in doubt is an [`Event::Warned`].
    ///
    /// # Cancellation
    /// Dropping the wait stops watching. The pod goes on running and billing.
    pub fn wait_until<C: Condition>(&self, condition: C, longest: Duration) -> Wait<C> {
        Wait::new(self.clone(), condition, longest, self.runpod.observer().clone())
    }

    /// Looks at the pod again. See [`RunPod::get`].
    ///
    /// # Errors
    /// As [`RunPod::get`].
    pub async fn refresh(&self) -> Result<Self, Error> {
        self.runpod.get(&self.pod.id).await
    }

    /// Stops the pod. See [`RunPod::stop`].
    ///
    /// # Errors
    /// As [`RunPod::stop`].
    pub async fn stop(&self) -> Result<Applied, Error> {
        self.runpod.stop(&self.pod.id).await
    }

    /// Starts the pod. See [`RunPod::start`].
    ///
    /// # Errors
    /// As [`RunPod::start`].
    pub async fn start(&self) -> Result<Applied, Error> {
        self.runpod.start(&self.pod.id).await
    }

    /// Restarts the container. See [`RunPod::restart`].
    ///
    /// # Errors
    /// As [`RunPod::restart`].
    pub async fn restart(&self) -> Result<Applied, Error> {
        self.runpod.restart(&self.pod.id).await
    }

    /// Terminates the pod. See [`RunPod::terminate`].
    ///
    /// RunPod may not know a pod it has just created: until it has been seen, or is 15 s old, a 404 is
    /// no proof that it is gone, and the request is sent again.
    ///
    /// # Errors
    /// As [`RunPod::terminate`].
    pub async fn terminate(&self) -> Result<Applied, Error> {
        loop {
            let was_there = self.runpod.delete(&self.pod.id, self.created()).await?;
            match self.created() {
                Some(created) if was_there => created.see(),
                Some(created) if created.may_be_unknown() => {
                    sleep(UNKNOWN_PAUSE).await;
                    continue;
                }
                _ => {}
            }
            return Ok(Applied::by_terminate(&self.pod));
        }
    }
}

/// What a search for twins has come to so far.
#[derive(Default)]
struct TwinSearch {
    /// Twins that were seen and not terminated.
    left: BTreeSet<String>,
    /// Why the last look was not enough.
    trouble: Option<String>,
}

impl Deref for PodHandle {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        &self.pod
    }
}

impl fmt::Debug for PodHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pod.fmt(f)
    }
}

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
    /// The pod of this id, or else the one of this name.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if every page of the list was read and shows none;
    /// [`ErrorKind::Conflict`] if several have the name, with their ids in the message.
    pub async fn pod(&self, id_or_name: &str) -> Result<PodHandle, Error> {
        const OPERATION: &str = "find pod";
        if is_id(id_or_name) {
            match self.get(id_or_name).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
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

    /// The pods of this name that are not gone.
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
        self.named_in(&self.read_list(Tries::Several).await?, name).await
    }

    /// Like `find`, but deploys that begin together read one list, and what was created lately counts
    /// although no list shows it.
    pub(crate) async fn named_at_deploy(&self, name: &str) -> Result<Vec<PodHandle>, Error> {
        let lookups = self.lookups();
        let read = async { self.read_list(Tries::Several).await.map(Arc::new) };
        let listing = lookups.pods.get((), lookups.oldest_of_pods(), read).await?;
        let mut named = self.named_in(&listing, name).await?;
        for recent in lookups.accepted.named(name) {
            if !named.iter().any(|listed| listed.id == recent.pod.id) {
                named.extend(self.accepted_still(recent).await?);
            }
        }
        Ok(named)
    }

    async fn named_in(&self, listing: &Listing, name: &str) -> Result<Vec<PodHandle>, Error> {
        if let Some(odd) = listing.unreadable.iter().find(|odd| odd.may_be(name)) {
            return Err(Error::of_answer(ErrorKind::Unreadable, LIST, Some(name), odd.problem.clone()));
        }
        let mut named = Vec::new();
        for pod in &listing.pods {
            let pod = match &pod.name {
                None => self.look_closer(pod.clone()).await?,
                Some(own) if own == name => Some(pod.clone()),
                Some(_) => continue,
            };
            match pod {
                Some(pod) if pod.name.is_none() && pod.is_ours() => {
                    let message = format!("RunPod shows no name for pod {}, so it may be this one", pod.id);
                    return Err(Error::of_answer(ErrorKind::Unreadable, LIST, Some(name), message));
                }
                Some(pod) if pod.name.as_deref() == Some(name) => {
                    named.push(PodHandle::new(self.clone(), pod));
                }
                _ => {}
            }
        }
        Ok(named)
    }

    /// A pod that a list shows without what tells it from others, asked for by its id; `None` if it is gone.
    pub(crate) async fn look_closer(&self, pod: Pod) -> Result<Option<Pod>, Error> {
        match self.get(&pod.id).await {
            Ok(closer) if closer.is_gone() => Ok(None),
            Ok(closer) => Ok(Some((*closer).clone())),
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

    /// Stops a pod: the GPU is given back, the container disk is wiped, a pod volume is kept and
    /// goes on billing. Returns once RunPod has accepted it. Stopping a stopped pod succeeds.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if its state allows no stop.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the pod may be stopping.
    pub async fn stop(&self, id: &str) -> Result<Applied, Error> {
        let stopped = |state: &PodState| state.is_stopped();
        self.act(Call::mutation("stop pod", id), Action::Stop, id, stopped).await
    }

    /// Starts a stopped pod on the host it is pinned to. Returns once RunPod has accepted it.
    /// Starting a running pod succeeds. Ports and addresses are new after every start.
    ///
    /// # Errors
    /// [`ErrorKind::NoCapacity`] if the host has given its GPUs to somebody else: wait for it, or
    /// deploy anew elsewhere (a pod volume does not move, a network volume does).
    ///
    /// # Cost
    /// The GPU bills from the start on.
    pub async fn start(&self, id: &str) -> Result<Applied, Error> {
        let started = |state: &PodState| {
            matches!(state, PodState::Running | PodState::Starting | PodState::Provisioning)
        };
        self.act(Call::mutation("start pod", id), Action::Start, id, started).await
    }

    /// Restarts the container on the same host; the container disk is wiped. Returns once RunPod
    /// has accepted it. Not repeated when the answer is lost, since it might restart twice.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if it is not running.
    pub async fn restart(&self, id: &str) -> Result<Applied, Error> {
        let call = Call::mutation("restart pod", id);
        let pod = self.once(call, Box::pin(self.backend().act(id, Action::Restart))).await?;
        Ok(Applied::by_action(Action::Restart, pod.as_ref()))
    }

    /// Deletes a pod with its container disk and pod volume; a network volume stays. Returns once
    /// RunPod has accepted it. Terminating what is already gone succeeds. A pod that was just created is
    /// better terminated through its [handle](PodHandle::terminate), since RunPod may not know it yet.
    ///
    /// RunPod says 204. After any other success the pod is looked at, and it is an error if it is not gone
    /// within a few seconds.
    ///
    /// # Errors
    /// [`ErrorKind::Locked`] if the pod is locked; [`ErrorKind::Conflict`] if it belongs to a cluster;
    /// [`ErrorKind::Unreadable`] if the answer looks like a success and the pod is still there.
    ///
    /// # Cost
    /// On success nothing of the pod bills any more. On any error assume that it still does.
    pub async fn terminate(&self, id: &str) -> Result<Applied, Error> {
        self.delete(id, None).await.map(|_| Applied::default())
    }

    /// Whether there was a pod to terminate.
    async fn delete(&self, id: &str, created: Option<&Created>) -> Result<bool, Error> {
        let call = Call::mutation(TERMINATE, id);
        match self.repeatedly(call, || self.backend().delete(id)).await {
            Ok(StatusCode::NO_CONTENT) => {}
            Ok(status) => self.confirm_gone(id, created, status).await?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        self.lookups().accepted.forget(id);
        Ok(true)
    }

    /// Looks whether a pod is gone whose DELETE had a success that the contract does not know.
    async fn confirm_gone(
        &self,
        id: &str,
        created: Option<&Created>,
        status: StatusCode,
    ) -> Result<(), Error> {
        let mut pauses = retry::pauses(retry::ATTEMPTS);
        loop {
            let seen = match self.look_at(id, Tries::One).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if created.is_some_and(Created::may_be_unknown) {
                        sleep(UNKNOWN_PAUSE).await;
                        continue;
                    }
                    return Ok(());
                }
                Ok(pod) if pod.is_gone() => return Ok(()),
                Ok(pod) => format!("the pod is still there ({})", word(pod.state.as_ref())),
                Err(error) => error.what(),
            };
            let Some(pause) = pauses.next() else {
                let message = format!("RunPod answered {} in place of 204, and {seen}", status.as_u16());
                return Err(Error::of_answer(ErrorKind::Unreadable, TERMINATE, Some(id), message));
            };
            sleep(pause).await;
        }
    }

    /// An action that may be repeated: a refusal is fine if the pod is where it should be.
    async fn act(
        &self,
        call: Call<'_>,
        action: Action,
        id: &str,
        is_there: impl Fn(&PodState) -> bool,
    ) -> Result<Applied, Error> {
        let error = match self.repeatedly(call, || self.backend().act(id, action)).await {
            Ok(pod) => return Ok(Applied::by_action(action, pod.as_ref())),
            Err(error) => error,
        };
        // The host lacks free GPUs also when this pod has them: an earlier answer may have been lost.
        if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Rejected | ErrorKind::NoCapacity) {
            return Err(error);
        }
        match self.get(id).await {
            Ok(pod) if pod.state.as_ref().is_some_and(is_there) => Ok(Applied::by_action(action, Some(&pod))),
            _ => Err(error),
        }
    }
}

/// Whether a text looks like RunPod's ids, as observed.
fn is_id(text: &str) -> bool {
    text.len() == 14 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}
