//! The pace of all deploys of one handle that wait for stock.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use crate::{Cloud, Hardware, knowledge::turn::Turn};

/// The pause that each request costs which waiting deploys send, however many wait: two a minute.
pub(crate) const PAUSE: Duration = Duration::from_secs(30);
/// The pause before the first of them, where nobody else waits.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// The longest pause, whatever was refused.
const LONGEST: Duration = Duration::from_secs(600);
/// The pause between two creates that the catalog gives no reason for, since it may be wrong. Each costs a minute without
/// the catalog, so it is rare.
const BLIND: Duration = Duration::from_secs(20 * 60);
/// That pause where the catalog says nothing of a candidate.
const UNTOLD: Duration = Duration::from_secs(120);
/// The time by which a question gives way to each that was asked longer ago.
const COURTESY: Duration = Duration::from_secs(1);
/// The time after which a question counts as nobody's.
const ABANDONED: Duration = Duration::from_secs(300);

/// A part of the catalog: one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Question {
    /// The GPU types of one cloud, for pods with so many GPUs.
    Gpus {
        count: u32,
        cloud: Cloud,
    },
    Cpus,
}

/// A candidate, with all else that its machine must have: whoever asks for less may be given what this is refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Demand {
    pub(crate) hardware: Hardware,
    pub(crate) cloud: Cloud,
    /// In a form that is the same for the same.
    pub(crate) rest: Arc<str>,
}

/// Leave to send one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    Ask(Question),
    /// A create, although the catalog shows no stock.
    Try,
}

/// The wish of one waiting deploy.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// When it began to wait.
    pub(crate) began: Instant,
    /// The parts of the catalog that would tell it of stock.
    pub(crate) questions: Vec<Question>,
    /// True if the catalog says nothing of one of its candidates.
    pub(crate) has_untold: bool,
}

/// The requests that the waiting deploys of one handle have sent, and the time of the next.
///
/// No deploy is waited for here: a future that nobody polls costs the others one request's pause.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    sent: Mutex<Sent>,
    /// Tells all of an answer of the catalog, or of a pod that was created.
    pub(crate) news: Notify,
    /// Taken for a create, so that the first to find none left spares the others theirs.
    pub(crate) creates: Turn,
}

#[derive(Debug, Default)]
struct Sent {
    due: Option<Instant>,
    asked: HashMap<Question, Instant>,
    tried_at: Option<Instant>,
    /// The last create of each demand, and true if it was accepted.
    created: HashMap<Demand, (Instant, bool)>,
}

impl Sent {
    /// The question that was asked longest ago, and how many others are its elders.
    fn next(&self, questions: &[Question]) -> Option<(Question, u32)> {
        let question = *questions.iter().min_by_key(|question| self.asked.get(question))?;
        let own = self.asked.get(&question);
        let is_elder = |(other, at): &(&Question, &Instant)| {
            !questions.contains(other) && Some(*at) < own && at.elapsed() < ABANDONED
        };
        let elders = self.asked.iter().filter(is_elder).count();
        Some((question, u32::try_from(elders).unwrap_or(u32::MAX)))
    }

    /// Enters the questions that nobody has asked yet: they are as old as the wish.
    fn enter(&mut self, wish: &Wish) {
        for question in &wish.questions {
            self.asked.entry(*question).or_insert(wish.began);
        }
    }

    fn due(&self, wish: &Wish) -> Instant {
        let first = wish.began + FIRST_PAUSE;
        let elders = self.next(&wish.questions).map_or(0, |(_, elders)| elders);
        self.due.map_or(first, |due| due.max(first)) + COURTESY.saturating_mul(elders.min(8))
    }

    fn charge(&mut self, requests: u32) {
        let now = Instant::now();
        let due = self.due.map_or(now, |due| due.max(now)) + PAUSE.saturating_mul(requests);
        self.due = Some(due.min(now + LONGEST));
    }
}

impl Pace {
    /// Returns when a deploy's turn to send comes, if nobody else's does before.
    pub(crate) fn due(&self, wish: &Wish) -> Instant {
        let mut sent = self.sent();
        sent.enter(wish);
        sent.due(wish)
    }

    /// Takes the leave to send one request; `None` if another deploy has just taken it.
    pub(crate) fn claim(&self, wish: &Wish) -> Option<Leave> {
        let mut sent = self.sent();
        let now = Instant::now();
        if now < sent.due(wish) {
            return None;
        }
        let pause = if wish.has_untold { UNTOLD } else { BLIND };
        let last_create = sent.tried_at.map_or(wish.began, |at| at.max(wish.began));
        let question = sent.next(&wish.questions).map(|(question, _)| question);
        let leave = question.filter(|_| now < last_create + pause).map_or(Leave::Try, Leave::Ask);
        match leave {
            Leave::Ask(question) => drop(sent.asked.insert(question, now)),
            Leave::Try => sent.tried_at = Some(now),
        }
        sent.charge(1);
        Some(leave)
    }

    /// Puts off the next request for some that were sent beside.
    pub(crate) fn charge(&self, requests: u32) {
        self.sent().charge(requests);
    }

    /// Remembers what became of a create, and tells the others of one that was accepted.
    pub(crate) fn created(&self, demand: Demand, is_accepted: bool) {
        let mut sent = self.sent();
        sent.created.retain(|_, (at, _)| at.elapsed() < LONGEST);
        sent.created.insert(demand, (Instant::now(), is_accepted));
        drop(sent);
        if is_accepted {
            self.news.notify_waiters();
        }
    }

    /// Returns true if the last create of a demand after `at` was accepted, false if it was refused; `None` if there
    /// was none.
    pub(crate) fn created_since(&self, demand: &Demand, at: Instant) -> Option<bool> {
        let sent = self.sent();
        let (created_at, is_accepted) = sent.created.get(demand)?;
        (*created_at > at).then_some(*is_accepted)
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

    use super::*;

    const SECURE: Question = Question::Gpus { count: 1, cloud: Cloud::Secure };
    const COMMUNITY: Question = Question::Gpus { count: 1, cloud: Cloud::Community };

    fn wish(questions: &[Question]) -> Wish {
        Wish { began: Instant::now(), questions: questions.to_vec(), has_untold: false }
    }

    /// Lets deploys wait for so many seconds; gives when each leave was taken, and what for.
    async fn waited(pace: &Pace, wishes: &[Wish], seconds: u64) -> Vec<(u64, Leave)> {
        let (began, mut taken) = (Instant::now(), Vec::new());
        let end = began + Duration::from_secs(seconds);
        loop {
            let due = wishes.iter().map(|wish| pace.due(wish)).min().expect("somebody waits");
            if due > end {
                return taken;
            }
            sleep_until(due).await;
            let leaves = wishes.iter().filter_map(|wish| pace.claim(wish));
            taken.extend(leaves.map(|leave| (began.elapsed().as_secs(), leave)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_is_sent_after_15_s_and_then_every_30_however_many_wait() {
        for deploys in [1, 50] {
            let (pace, wishes) = (Pace::default(), vec![wish(&[SECURE]); deploys]);
            let taken = waited(&pace, &wishes, 110).await;
            let ask = Leave::Ask(SECURE);
            assert_eq!(taken, [(15, ask), (45, ask), (75, ask), (105, ask)], "{deploys}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_question_that_was_asked_longest_ago_goes_first() {
        let pace = Pace::default();
        let wishes = [wish(&[SECURE]), wish(&[Question::Cpus]), wish(&[COMMUNITY, SECURE])];
        let taken = waited(&pace, &wishes, 15 + 30 * 11).await;
        for question in [SECURE, COMMUNITY, Question::Cpus] {
            let times = taken.iter().filter(|(_, leave)| *leave == Leave::Ask(question)).count();
            assert_eq!(times, 4, "{question:?}: {taken:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_beside_is_paid_for_and_never_puts_off_for_more_than_ten_minutes() {
        let (pace, wishes) = (Pace::default(), [wish(&[SECURE])]);
        assert_eq!(waited(&pace, &wishes, 15).await.len(), 1);
        pace.charge(2);
        assert_eq!(waited(&pace, &wishes, 95).await[0].0, 90);
        pace.charge(1_000);
        assert_eq!(pace.due(&wishes[0]) - Instant::now(), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_create_is_tried_without_a_reason_now_and_then() {
        for (questions, has_untold, at) in [
            (&[SECURE][..], false, &[1215][..]),
            (&[SECURE], true, &[135, 255, 375, 495, 615, 735, 855, 975, 1095, 1215]),
            (&[], true, &[15, 45, 75]),
        ] {
            let (pace, wishes) = (Pace::default(), [Wish { has_untold, ..wish(questions) }]);
            let taken = waited(&pace, &wishes, 1230).await;
            let tried: Vec<u64> =
                taken.into_iter().filter(|(_, leave)| *leave == Leave::Try).map(|(at, _)| at).collect();
            assert_eq!(tried[..at.len()], *at, "{questions:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_create_of_a_candidate_counts_for_what_came_before_it() {
        let (pace, before) = (Pace::default(), Instant::now());
        let demand = |rest: &str| {
            let hardware = Hardware::Gpu { id: "NVIDIA A40".to_owned(), count: 1 };
            Demand { hardware, cloud: Cloud::Secure, rest: rest.into() }
        };
        let since = |at| pace.created_since(&demand("EU-RO-1"), at);
        assert_eq!(since(before), None);
        for is_accepted in [true, false] {
            tokio::time::advance(PAUSE).await;
            pace.created(demand("EU-RO-1"), is_accepted);
            assert_eq!((since(before), since(Instant::now())), (Some(is_accepted), None));
            assert_eq!(pace.created_since(&demand(""), before), None);
        }
    }
}
