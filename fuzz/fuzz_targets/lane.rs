//! One thread and one fast clock for every input: setting them up takes longer than a call.

use std::{
    future::Future,
    pin::Pin,
    sync::{OnceLock, mpsc},
    thread,
};

use tokio::sync::mpsc as lane;

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs one job after the other. One that panics ends the process.
pub(crate) fn run(job: impl Future<Output = ()> + Send + 'static) {
    static LANE: OnceLock<lane::UnboundedSender<(Job, mpsc::Sender<()>)>> = OnceLock::new();
    let lane = LANE.get_or_init(|| {
        let (sender, jobs) = lane::unbounded_channel();
        thread::spawn(|| runpod_bench::clock::run_fast(1000, work(jobs)).expect("a runtime can be had"));
        sender
    });
    let (done, is_done) = mpsc::channel();
    lane.send((Box::pin(job), done)).expect("the lane is open");
    is_done.recv().expect("the job is done");
}

async fn work(mut jobs: lane::UnboundedReceiver<(Job, mpsc::Sender<()>)>) {
    while let Some((job, done)) = jobs.recv().await {
        job.await;
        done.send(()).expect("somebody waits for it");
    }
}
