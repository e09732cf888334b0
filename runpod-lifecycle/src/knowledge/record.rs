//! Records of the pods that one `RunPod` and its clones created or changed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    Pod, PodState,
    knowledge::{
        evidence::{Address, Change, Changed, Changes, History, LAG, Run, Turnover},
        identity::Claim,
        listing::Listing,
        search::Progress,
        turn::Turn,
    },
    pod::{Asked, ShownRun},
};

/// Records above which the oldest half of those that no handle holds go.
const MOST: usize = 10_000;
/// The fewest records among which it is worth looking for ones to drop.
const FEW: usize = 64;
/// The longest that the first run after a start or restart is waited for.
const LONGEST_UNCONFIRMED: Duration = Duration::from_secs(24 * 3600);

/// A create that RunPod accepted.
#[derive(Clone, Debug)]
pub(crate) struct Created {
    /// The marks that tell its pods from others.
    pub(crate) claim: Claim,
    /// When the create was accepted.
    pub(crate) at: Instant,
    /// The pod as RunPod accepted it.
    pub(crate) pod: Arc<Pod>,
    /// The deploy takes an earlier pod of the name in place of its own.
    pub(crate) adopts: bool,
}

/// The records of an account's pods, by id.
///
/// Bounded: a record goes once nothing is expected of its pod and no handle holds it.
#[derive(Debug, Default)]
pub(crate) struct PodRecords(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    by_id: BTreeMap<String, Arc<PodRecord>>,
    /// When lists that showed pods were asked for, while that matters.
    listed: BTreeMap<String, Instant>,
    /// When pods were first and last asked for by their ids and not known, while that matters.
    denied: BTreeMap<String, (Instant, Instant)>,
    /// The size at which it is worth looking for records to drop.
    crowded_at: usize,
}

impl PodRecords {
    /// The record of a pod that was created or changed through this handle.
    pub(crate) fn of(&self, id: &str) -> Option<Arc<PodRecord>> {
        self.table().by_id.get(id).cloned()
    }

    /// Everything the rules of evidence need to know of a pod.
    pub(crate) fn history(&self, id: &str) -> History {
        let table = self.table();
        let history = table.by_id.get(id).map(|record| record.history()).unwrap_or_default();
        let history = History { denied_at: table.denied.get(id).map(|(first, _)| *first), ..history };
        history.with_list(table.listed.get(id).copied())
    }

    /// Remembers a create that RunPod accepted, in a record of its own: an id that two creates were answered
    /// with says nothing of the other's pod.
    pub(crate) fn created(&self, created: Created) -> Arc<PodRecord> {
        let (id, record) = (created.pod.id.clone(), Arc::<PodRecord>::default());
        record.known().created = Some(created);
        let mut table = self.table();
        table.make_room();
        table.by_id.insert(id, Arc::clone(&record));
        record
    }

    /// Remembers a pod that a deploy of its name has taken.
    pub(crate) fn adopted(&self, name: &str, pod: Arc<Pod>) {
        let at = pod.observed.map_or_else(Instant::now, |(_, at)| at);
        let record = self.of_changed(&pod.id);
        record.known().adopted = Some(Adopted { name: name.to_owned(), at, pod });
    }

    /// Returns true if a deploy through this handle has taken a pod that it did not create.
    pub(crate) fn is_adopted(&self, id: &str) -> bool {
        self.of(id).is_some_and(|record| record.known().adopted.is_some())
    }

    /// The pods that were created or adopted under a name, were not terminated since, and need not be in a list that was
    /// asked for at a moment: twice as long as lists lag. The list may have taken a while to come.
    pub(crate) fn created_as(&self, name: &str, listed_at: Instant) -> Vec<Arc<PodRecord>> {
        let may_be_unlisted = |record: &&Arc<PodRecord>| {
            let known = record.known();
            let is_it = |own: &str, at: Instant| own == name && listed_at < at + 2 * LAG;
            let is_created = known.created.as_ref().is_some_and(|made| is_it(&made.claim.name, made.at));
            let is_adopted = known.adopted.as_ref().is_some_and(|taken| is_it(&taken.name, taken.at));
            (is_created || is_adopted) && !known.is_terminated()
        };
        self.table().by_id.values().filter(may_be_unlisted).cloned().collect()
    }

    /// The pods that were created, were not terminated since, and that a list lacks which need not show them yet.
    pub(crate) fn created_unlisted(&self, list: &Listing) -> Vec<Arc<PodRecord>> {
        let may_be_unlisted = |(id, record): &(&String, &Arc<PodRecord>)| {
            let known = record.known();
            let is_new = known.created.as_ref().is_some_and(|made| list.asked_at < made.at + 2 * LAG);
            is_new && !known.is_terminated() && list.pod(id).is_none()
        };
        let records = self.table();
        records.by_id.iter().filter(may_be_unlisted).map(|(_, record)| Arc::clone(record)).collect()
    }

    /// Returns false if a pod was changed through this handle since it was seen so, which makes that worthless.
    pub(crate) fn is_current(&self, pod: &Pod) -> bool {
        let changed_at = self.history(&pod.id).touched_at;
        changed_at.is_none_or(|changed_at| pod.observed.is_some_and(|(_, at)| at >= changed_at))
    }

    /// Returns true if a pod was terminated through this handle, so that a list asked for at a moment may show
    /// it although it is gone.
    pub(crate) fn is_ended_by(&self, id: &str, listed_at: Instant) -> bool {
        let changes = self.history(id).changes;
        changes.is_terminated() && changes.last.is_some_and(|change| listed_at < change.at + LAG)
    }

    /// The record of a pod that is about to be changed, made if there is none.
    pub(crate) fn of_changed(&self, id: &str) -> Arc<PodRecord> {
        let mut table = self.table();
        if let Some(record) = table.by_id.get(id) {
            return Arc::clone(record);
        }
        table.make_room();
        let record = Arc::<PodRecord>::default();
        table.by_id.insert(id.to_owned(), Arc::clone(&record));
        record
    }

    /// Takes in what an answer shows of pods, and withholds from it what is left of an earlier run.
    pub(crate) fn observe<'a>(&self, pods: impl IntoIterator<Item = &'a mut Pod>, asked: Asked, at: Instant) {
        let mut table = self.table();
        if asked == Asked::List {
            table.listed.retain(|_, listed_at| listed_at.elapsed() < LAG);
        }
        for pod in pods {
            pod.observed = Some((asked, at));
            if asked == Asked::List {
                // It may have been a while in coming, and have shown the pod at any time since.
                table.listed.insert(pod.id.clone(), Instant::now());
            } else {
                table.denied.remove(&pod.id);
            }
            if let Some(record) = table.by_id.get(&pod.id) {
                record.observe(pod, at);
            }
        }
    }

    /// Remembers that a pod that was asked for by its id is not known.
    pub(crate) fn deny(&self, id: &str) {
        let mut table = self.table();
        table.denied.retain(|_, (_, last)| last.elapsed() < 2 * LAG);
        let now = Instant::now();
        table.denied.entry(id.to_owned()).or_insert((now, now)).1 = now;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Drops what is not needed any more, once in a while.
    fn make_room(&mut self) {
        if self.by_id.len() < self.crowded_at.max(FEW) {
            return;
        }
        let is_held = |record: &Arc<PodRecord>| Arc::strong_count(record) > 1;
        self.by_id.retain(|_, record| is_held(record) || record.known().is_needed());
        if self.by_id.len() >= MOST {
            let unheld = self.by_id.iter().filter(|(_, record)| !is_held(record));
            let mut by_age: Vec<_> =
                unheld.map(|(id, record)| (record.known().last_change(), id.clone())).collect();
            by_age.sort();
            for (_, id) in by_age.into_iter().take(MOST / 2) {
                self.by_id.remove(&id);
            }
        }
        self.crowded_at = 2 * self.by_id.len();
    }
}

/// Everything known of one pod.
#[derive(Debug, Default)]
pub(crate) struct PodRecord {
    known: Mutex<Known>,
    /// Taken during a search for what else has the pod's name.
    search_turn: Turn,
    search: Mutex<Progress>,
}

/// A pod of the name that a deploy took, whoever made it.
#[derive(Clone, Debug)]
struct Adopted {
    name: String,
    /// When it was seen to be there.
    at: Instant,
    pod: Arc<Pod>,
}

#[derive(Debug, Default)]
struct Known {
    created: Option<Created>,
    adopted: Option<Adopted>,
    /// When a change last began or was answered: what was asked for before it shows the pod as it was.
    touched_at: Option<Instant>,
    changes: Changes,
    /// The last run that was shown.
    run: Option<Run>,
    /// The run that the last change ended.
    turnover: Option<Turnover>,
    /// Addresses of the last run.
    addresses: Vec<Address>,
}

impl PodRecord {
    /// The create that made the pod; `None` if it was not made through this handle.
    pub(crate) fn created(&self) -> Option<Created> {
        self.known().created.clone()
    }

    /// The pod as it was created or adopted; `None` if it was neither through this handle.
    pub(crate) fn pod(&self) -> Option<Arc<Pod>> {
        let known = self.known();
        let created = known.created.as_ref().map(|created| Arc::clone(&created.pod));
        created.or_else(|| known.adopted.as_ref().map(|adopted| Arc::clone(&adopted.pod)))
    }

    /// Everything the rules of evidence need to know of the pod, beside the lists that showed it.
    fn history(&self) -> History {
        let known = self.known();
        History {
            created_at: known.created.as_ref().map(|created| created.at),
            touched_at: known.touched_at,
            changes: known.changes,
            listed_at: None,
            denied_at: None,
        }
    }

    /// Returns true if the pod was created in the last 30 s, and not terminated through this handle.
    pub(crate) fn is_created_lately(&self) -> bool {
        self.known().is_created_lately()
    }

    /// Returns true if the pod was terminated through this handle.
    pub(crate) fn is_terminated(&self) -> bool {
        self.known().is_terminated()
    }

    /// Returns when the pod was last started through this handle, by RunPod's clock.
    pub(crate) fn started(&self) -> Option<SystemTime> {
        self.known().turnover.as_ref().and_then(Turnover::start)
    }

    /// The turn to search for what else has the pod's name.
    pub(crate) fn search_turn(&self) -> &Turn {
        &self.search_turn
    }

    /// Reads or writes what that search has come to so far.
    pub(crate) fn progress<T>(&self, with: impl FnOnce(&mut Progress) -> T) -> T {
        with(&mut self.search.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers that a change is about to be sent, or was answered without effect.
    pub(crate) fn touch(&self) {
        self.known().touched_at = Some(Instant::now());
    }

    /// Remembers a change that RunPod accepted, or may have made (`is_certain` is false), of a pod that was
    /// last `seen` so. `now` is by RunPod's clock.
    pub(crate) fn change(&self, action: Changed, is_certain: bool, seen: Option<&Pod>, now: SystemTime) {
        let change = Change { action, at: Instant::now() };
        let mut known = self.known();
        let was_stopped = seen.and_then(|pod| pod.state.as_ref()).is_some_and(PodState::is_stopped);
        let previous = known.turnover.take();
        // After another start or restart, what was seen before that is not the last run.
        let seen = seen.filter(|_| previous.as_ref().is_none_or(Turnover::is_stop));
        let run = known.run.clone().or_else(|| seen.map(Run::of));
        let mut addresses = std::mem::take(&mut known.addresses);
        addresses.extend(seen.map(Pod::addresses).unwrap_or_default());
        known.turnover = Some(Turnover::by(change, now, is_certain, was_stopped, run, addresses, previous));
        known.touched_at = Some(change.at);
        known.changes.add(change);
    }

    /// Takes in an answer that shows the pod, and withholds from it what is left of an earlier run.
    fn observe(&self, pod: &mut Pod, at: Instant) {
        let mut known = self.known();
        let (mut run, addresses) = (Run::of(pod), pod.addresses());
        if let Some(turnover) = &mut known.turnover {
            turnover.learn(&run, at);
            if let Some(withheld) = turnover.withholds(&run, &addresses, at) {
                let is_new = withheld.shows == ShownRun::New;
                pod.withhold_run(withheld);
                if !is_new {
                    return;
                }
            }
            // An uptime lags by itself too.
            run.uptime = run.uptime.filter(|_| turnover.is_over(at));
        }
        if pod.withheld.is_none() && !addresses.is_empty() {
            known.addresses = addresses;
        }
        if run != Run::default() {
            known.run = Some(run);
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_created_lately(&self) -> bool {
        let created = self.created.as_ref();
        created.is_some_and(|created| created.at.elapsed() < 2 * LAG) && !self.is_terminated()
    }

    fn is_terminated(&self) -> bool {
        self.changes.is_terminated()
    }

    fn last_change(&self) -> Option<Instant> {
        let (created, adopted) = (self.created.as_ref(), self.adopted.as_ref());
        self.touched_at.max(created.map(|created| created.at)).max(adopted.map(|adopted| adopted.at))
    }

    /// Returns true if something of it may still matter although no handle holds it.
    fn is_needed(&self) -> bool {
        let age = self.last_change().map_or(Duration::MAX, |at| at.elapsed());
        let awaits_run = self.turnover.as_ref().is_some_and(Turnover::is_awaited) && !self.is_terminated();
        age < 2 * LAG || (awaits_run && age < LONGEST_UNCONFIRMED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    fn pod(started_at: &str) -> Pod {
        let mut pod = Pod::scripted("pod123", "RUNNING", true);
        pod.started_at = Some(started_at.to_owned());
        pod
    }

    fn create(records: &PodRecords, id: &str, name: &str) -> Arc<PodRecord> {
        records.created(Created {
            claim: Claim { name: name.to_owned(), marker: "marker".to_owned(), window: None },
            at: Instant::now(),
            pod: Arc::new(Pod::scripted(id, "RUNNING", false)),
            adopts: false,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_from_before_a_restart_are_left_out_and_the_next_ones_are_not() {
        const OLD: &str = "2026-08-20T06:16:19Z";
        const NEW: &str = "2026-08-20T06:17:19Z";
        let records = PodRecords::default();
        let answer = |started_at| {
            let mut pod = pod(started_at);
            records.observe([&mut pod], Asked::ById, Instant::now());
            pod
        };
        assert!(answer(OLD).connection().direct_ssh().is_some(), "nothing is known of it");
        records.of_changed("pod123").change(Changed::Restarted, true, Some(&pod(OLD)), SystemTime::now());
        advance(Duration::from_secs(1)).await;
        let withheld = answer(OLD);
        assert!(withheld.connection().direct_ssh().is_none());
        assert!(withheld.withheld.is_some_and(|withheld| withheld.reason.contains("restart")));
        assert!(answer(NEW).connection().direct_ssh().is_none(), "it may be the address from before");
        assert!(answer(OLD).connection().direct_ssh().is_none(), "a late answer");
        advance(LAG).await;
        assert!(answer(NEW).connection().direct_ssh().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_known_until_lists_show_it_or_the_pod_is_terminated() {
        let records = PodRecords::default();
        let named = |name| records.created_as(name, Instant::now()).len();
        let record = create(&records, "pod123", "one");
        assert_eq!((named("one"), named("two")), (1, 0));
        record.change(Changed::Terminated, true, None, SystemTime::now());
        assert_eq!(named("one"), 0);
        create(&records, "pod456", "one");
        advance(2 * LAG).await;
        assert_eq!(named("one"), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn records_go_once_nothing_is_expected_and_nobody_holds_them() {
        let records = PodRecords::default();
        let count = || records.table().by_id.len();
        let held = create(&records, "held", "held");
        let restarted = records.of_changed("restarted");
        restarted.change(Changed::Restarted, true, Some(&pod("2026-08-20T06:16:19Z")), SystemTime::now());
        drop(restarted);
        for number in 0..10 * FEW {
            create(&records, &format!("pod{number}"), "many");
        }
        assert_eq!(count(), 10 * FEW + 2, "all are new");
        advance(2 * LAG).await;
        for number in 0..20 * FEW {
            create(&records, &format!("later{number}"), "many");
            advance(Duration::from_secs(1)).await;
        }
        assert!(count() < 4 * FEW, "{}", count());
        assert!(records.of("held").is_some_and(|record| Arc::ptr_eq(&record, &held)));
        assert!(records.of("restarted").is_some(), "its new run has not shown yet");
        advance(LONGEST_UNCONFIRMED).await;
        for number in 0..10 * FEW {
            create(&records, &format!("last{number}"), "many");
        }
        assert!(records.of("restarted").is_none(), "it is not waited for for ever");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_never_more_records_than_the_most() {
        let records = PodRecords::default();
        for number in 0..3 * MOST {
            create(&records, &format!("pod{number}"), "many");
            advance(Duration::from_millis(1)).await;
        }
        assert!(records.table().by_id.len() <= 2 * MOST);
        assert!(records.of(&format!("pod{}", 3 * MOST - 1)).is_some(), "the oldest go first");
    }
}
