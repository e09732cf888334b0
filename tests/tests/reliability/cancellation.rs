//! Every future of the facade is dropped at every point where it waits.

use std::{
    collections::BTreeSet,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use runpod_bench::clock::run_fast;
use runpod_lifecycle::{Event, Found, PodHandle, RunPod};
use runpod_sim::FaultKind;
use tokio::time::sleep;

use crate::matrix::{
    cell::Cell,
    fault::{self, Fault},
    operation::{Operation, Policy, Row},
    world::{SECOND, SUBJECT, World, plain, spec},
};

/// When in a wait a future is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// As soon as it waits, before anything it handed over has left.
    First,
    /// When what it waits for is there, before it looks.
    Last,
}

/// A future that is dropped in the wait that follows so many others: `None` if it was.
struct DropAt<F> {
    inner: Option<Pin<Box<F>>>,
    waits_left: usize,
    moment: Moment,
    is_due: bool,
}

impl<F: Future> DropAt<F> {
    fn new(inner: F, waits: usize, moment: Moment) -> Self {
        Self { inner: Some(Box::pin(inner)), waits_left: waits, moment, is_due: false }
    }
}

impl<F: Future> Future for DropAt<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_due {
            self.inner = None;
            return Poll::Ready(None);
        }
        let inner = self.inner.as_mut().expect("it is not polled after its end");
        match inner.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.waits_left == 0 => {
                self.is_due = true;
                match self.moment {
                    Moment::First => self.poll(cx),
                    Moment::Last => Poll::Pending,
                }
            }
            Poll::Pending => {
                self.waits_left -= 1;
                Poll::Pending
            }
        }
    }
}

fn lost_answer() -> Fault {
    fault::all().into_iter().find(|fault| fault.kind == FaultKind::DropAfterApply).expect("there is one")
}

/// One cell for each operation, and once more with the answer to its create lost; each to be dropped in two ways.
fn cells() -> Vec<(Cell, bool, Moment)> {
    let lost = lost_answer();
    let mut seen = Vec::new();
    let mut cells = Vec::new();
    for row in Row::all() {
        let cell = || Cell { row, fault: lost.clone(), times: 1 };
        if !seen.contains(&(row.version, row.operation)) {
            seen.push((row.version, row.operation));
            cells.push((cell(), false));
        }
        if matches!(row.policy, Policy::Create | Policy::Make) {
            cells.push((cell(), true));
        }
    }
    let moments = [Moment::First, Moment::Last];
    cells
        .into_iter()
        .flat_map(|(cell, is_lossy)| moments.map(|moment| (cell.clone(), is_lossy, moment)))
        .collect()
}

/// Drops one operation at every point; gives how often it was dropped.
async fn drop_everywhere((cell, is_lossy, moment): (Cell, bool, Moment)) -> usize {
    for waits in 0.. {
        let world = World::of(&cell).await;
        world.events.lock().expect("nobody panicked with it").clear();
        if is_lossy {
            let fault = runpod_sim::Fault::new(cell.fault.on(cell.row.version)).on(cell.row.call).times(1);
            world.sim.inject(fault).expect("a fine fault");
        }
        let is_over = DropAt::new(cell.act(&world), waits, moment).await.is_some();
        // A request that was on its way arrives.
        sleep(Duration::from_secs(1)).await;
        world.settle();
        let name = format!("{} dropped after {waits} waits, {moment:?}", cell.name());
        check(&world, &name).await;
        check_stored(&cell, &world, &name).await;
        if is_over {
            return waits;
        }
    }
    unreachable!("every operation ends")
}

/// Whatever runs is known to the caller, or a search by name shows it; nothing else was touched.
async fn check(world: &World, name: &str) {
    let ledger = world.sim.ledger();
    let alive: BTreeSet<String> =
        ledger.iter().filter(|entry| entry.terminated.is_none()).map(|entry| entry.pod_id.clone()).collect();
    assert!(world.foreign.iter().all(|id| alive.contains(id)), "{name}: a foreign pod is gone");
    let mut known: BTreeSet<String> = world.foreign.iter().chain(&world.bystander).cloned().collect();
    known.extend(world.subject.iter().map(|pod| pod.id.clone()));
    for event in world.events.lock().expect("nobody panicked with it").iter().map(plain) {
        if let Event::PodCreated { pod_id, .. } | Event::PodFound { pod_id } = event {
            known.insert(pod_id.clone());
        }
    }
    if alive.is_subset(&known) {
        return;
    }
    let mut shown = named(&world.runpod, SUBJECT).await;
    shown.extend(named(&world.runpod, SECOND).await);
    for id in alive.difference(&known) {
        assert!(shown.iter().any(|pod| pod.id == *id && pod.is_ours()), "{name}: nobody knows of {id}");
    }
}

/// Whoever asks again for what may have been made finds it, or makes the one there is.
async fn check_stored(cell: &Cell, world: &World, name: &str) {
    if matches!(
        cell.row.operation,
        Operation::EnsureVolume | Operation::EnsureRegistry | Operation::SetSecret
    ) {
        cell.act(world).await;
        let stored = world.count_stored(cell.row.operation).await;
        assert_eq!(stored, 1, "{name}: asked for again");
    }
}

async fn named(runpod: &RunPod, name: &str) -> Vec<PodHandle> {
    match runpod.find(name).await.expect("no fault is left") {
        Found::None => Vec::new(),
        Found::One(pod) => vec![pod],
        Found::Many(pods) => pods,
        found => panic!("{found:?}"),
    }
}

#[test]
fn nothing_unknown_runs_wherever_a_future_is_dropped() {
    let cells = cells();
    let operations = cells.len();
    let drops = stream::iter(cells).map(drop_everywhere).buffer_unordered(operations);
    let drops: Vec<usize> = run_fast(40, drops.collect()).unwrap();
    let total: usize = drops.iter().sum();
    println!("{} operations dropped at {total} points", operations / 2);
    assert!(drops.iter().all(|drops| *drops > 0), "every operation waits somewhere: {drops:?}");
}

#[test]
fn reap_ends_what_a_dropped_deploy_left_once_its_lifetime_is_over() {
    let is_create = |row: &Row| row.operation == Operation::DeployNew && row.policy == Policy::Create;
    let row = Row::all().into_iter().find(is_create).unwrap();
    let cell = Cell { row, fault: lost_answer(), times: 1 };
    let left = run_fast(40, async {
        let mut left = 0;
        for waits in 0.. {
            let world = World::of(&cell).await;
            // The deploy goes on waiting after its create was applied, however fast the answers are.
            let fault = runpod_sim::Fault::new(cell.fault.on(row.version)).on(row.call).times(1);
            world.sim.inject(fault).expect("a fine fault");
            let spec = spec(SUBJECT).lifetime(Duration::from_millis(1));
            let deploy = DropAt::new(world.runpod.deploy(&spec), waits, Moment::Last).await;
            sleep(Duration::from_secs(1)).await;
            world.settle();
            let made = world.sim.ledger().len() - 1;
            let reaped = world.runpod.reap().await.expect("no fault is left");
            assert_eq!(reaped.len(), made, "after {waits} waits");
            let alive = world.sim.ledger().iter().filter(|entry| entry.terminated.is_none()).count();
            assert_eq!(alive, 1, "only the foreign pod is left");
            if deploy.is_some() {
                return left;
            }
            left += made;
        }
        left
    });
    assert!(left.unwrap() > 0, "some drop came after the create was sent");
}
