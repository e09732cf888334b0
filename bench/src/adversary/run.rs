//! One run of one tape.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{
    actors, oracles,
    scenarios::{self, BEFORE, Scenario},
    search::state_of,
    server::{SharedWorld, Sockets, lock},
    stillness::{self, Activity},
    stranger,
    tape::{Reader, Tape},
    truth::Truth,
    world::World,
};

/// The longest a run may take.
const LONGEST: Duration = Duration::from_secs(4 * 3600);

/// Outcome of a run.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) taken: Vec<(u8, u8)>,
    pub(super) broken: Vec<String>,
    pub(super) story: Vec<String>,
    pub(super) requests: u64,
    pub(super) state: u64,
}

/// Runs tapes one after another on one thread.
#[derive(Debug)]
pub(super) struct Runner {
    sockets: Sockets,
}

impl Runner {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { sockets: Sockets::open()? })
    }

    /// Runs a tape of a scenario.
    ///
    /// # Errors
    /// If there is no such scenario, or a socket fails.
    pub(super) fn run(&mut self, scenario: &str, tape: &Tape) -> io::Result<Ran> {
        // The jitter of retries is drawn from it.
        fastrand::seed(0);
        let activity = Activity::default();
        stillness::run(&activity, self.live(scenario, tape, &activity))?
    }

    async fn live(&self, scenario: &str, tape: &Tape, activity: &Activity) -> io::Result<Ran> {
        let mut world = World::new(Reader::new(tape), Truth::new(self.sockets.ssh_port()?));
        let unknown = || io::Error::other(format!("there is no scenario {scenario:?}"));
        let scenario = scenarios::named(scenario, &mut world).ok_or_else(unknown)?;
        scenario.settle(&mut world);
        sleep(BEFORE).await;
        world.is_one_per_name = scenario.is_one_per_name;
        world.actors = scenario.actors.iter().map(|actor| actor.process).collect();
        let world: SharedWorld = Arc::new(Mutex::new(world));
        let serving = self.sockets.serve(&world, activity)?;
        self.play(&scenario, &world, activity).await?;
        drop(serving);
        let mut world = lock(&world);
        oracles::audit(&mut world);
        let mut ended = world.results.clone();
        let now = world.truth.now();
        let there = world.stored.iter().filter(|item| item.is_there_at(now));
        ended.extend(there.map(|item| format!("{} {:?}", item.name, item.kind)));
        ended.extend(world.truth.pods.iter().map(|pod| format!("{} {:?}", pod.name, pod.phase_at(now))));
        Ok(Ran {
            taken: world.tape.taken().to_vec(),
            broken: world.broken.clone(),
            story: self.without_ports(&world.story)?,
            requests: world.requests,
            state: state_of(&ended),
        })
    }

    /// The story as it is on any socket: the kernel chooses their ports.
    fn without_ports(&self, story: &[String]) -> io::Result<Vec<String>> {
        let ports = [(self.sockets.ssh_port()?, ":ssh"), (self.sockets.api_address()?.port(), ":api")];
        let plain = |line: &String| {
            ports.iter().fold(line.clone(), |line, (port, word)| line.replace(&format!(":{port}"), word))
        };
        Ok(story.iter().map(plain).collect())
    }

    async fn play(&self, scenario: &Scenario, world: &SharedWorld, activity: &Activity) -> io::Result<()> {
        let url = format!("http://{}", self.sockets.api_address()?);
        let mut handles = Vec::new();
        for process in 0..=scenario.actors.iter().map(|actor| actor.process).max().unwrap_or_default() {
            handles.push(actors::handle(world, process, &url));
        }
        let mut acting = JoinSet::new();
        for (number, actor) in scenario.actors.iter().enumerate() {
            let (world, runpod) = (Arc::clone(world), handles[actor.process].clone());
            acting.spawn(actors::act(world, activity.clone(), runpod, number, actor.clone()));
        }
        let strange = tokio::spawn(stranger::meddle(Arc::clone(world), scenario.deeds));
        let acted = timeout(LONGEST, async {
            while let Some(ended) = acting.join_next().await {
                if let Err(error) = ended {
                    lock(world).breaks("panics", error.to_string());
                }
            }
        });
        if acted.await.is_err() {
            lock(world).breaks("liveness", "the run takes for ever");
        }
        strange.abort();
        Ok(())
    }
}
