//! Many pods in one call.

use std::{collections::BTreeMap, fmt, future::IntoFuture, pin::Pin, sync::Arc};

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use crate::{
    Accepted, DeployError, Error, PodHandle, PodSpec, Problem, RunPod, SpecError, deploy::deployment::Terms,
};

/// Pods that are created or terminated at a time, unless another number is set.
const AT_ONCE: usize = 8;

type Deployed = Result<Vec<Result<PodHandle, DeployError>>, SpecError>;

/// The deploys of many pods, made by [`RunPod::deploy_all`]; `.await` it.
#[must_use = "nothing is deployed until it is awaited"]
pub struct DeployAll<'a> {
    runpod: &'a RunPod,
    specs: Vec<PodSpec>,
    at_once: usize,
}

/// A pod of [`RunPod::terminate_all`], and what became of it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Terminated {
    /// The pod.
    pub pod: PodHandle,
    /// RunPod's answer; on an error assume that the pod bills on.
    pub outcome: Result<Accepted, Error>,
}

impl RunPod {
    /// Deploys many pods, some at a time ([`at_once`](DeployAll::at_once)), and returns what came of each, in the order of the specs.
    ///
    /// Each is deployed as by [`deploy`](Self::deploy), whatever becomes of the others. Those that wait for stock
    /// ([`PodSpec::patience`]) are in nobody's way. Their events come as [`Event::OfFleet`](crate::Event::OfFleet), with the spec's place
    /// and name.
    ///
    /// ```no_run
    /// # use runpod_lifecycle::{PodSpec, RunPod};
    /// # async fn example(runpod: RunPod) -> Result<(), Box<dyn std::error::Error>> {
    /// let spec = |n| PodSpec::any_gpu(format!("worker-{n}"), "runpod/pytorch:latest").label("job", "7");
    /// for deployed in runpod.deploy_all((0..50).map(spec)).at_once(4).await? {
    ///     match deployed {
    ///         Ok(pod) => println!("{} bills", pod.id),
    ///         Err(error) => println!("{error} (may bill: {})", error.may_bill()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SpecError`] if two specs have one name: nothing was sent. Everything else is in the result of its spec.
    ///
    /// # Cancellation
    /// As `deploy`, for each pod whose create was sent. [Labels](PodSpec::label) tell which those are.
    ///
    /// # Cost
    /// Each pod bills from its create on, also while others are still deployed.
    pub fn deploy_all(&self, specs: impl IntoIterator<Item = PodSpec>) -> DeployAll<'_> {
        DeployAll { runpod: self, specs: specs.into_iter().collect(), at_once: AT_ONCE }
    }

    /// Terminates many pods, 8 at a time, and says of each what came of it, in the order given. Each is ended
    /// [through its own handle](PodHandle::terminate), and no rate limit holds that back.
    ///
    /// # Cancellation
    /// If the future is dropped, some pods are terminated and the others bill on.
    ///
    /// # Cost
    /// A pod whose outcome is an error may bill on.
    pub async fn terminate_all(&self, pods: impl IntoIterator<Item = PodHandle>) -> Vec<Terminated> {
        let turns = Semaphore::new(AT_ONCE);
        let turns = &turns;
        let ends = pods.into_iter().map(|pod| async move {
            let _turn = turns.acquire().await;
            let outcome = pod.terminate().await;
            Terminated { pod, outcome }
        });
        join_all(ends).await
    }
}

impl DeployAll<'_> {
    /// The pods that are created at a time, at least 1. Default 8.
    pub fn at_once(mut self, most: usize) -> Self {
        self.at_once = most.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    async fn run(self) -> Deployed {
        let Self { runpod, specs, at_once } = self;
        check_names(&specs)?;
        let terms = Terms { at_once: Some(Arc::new(Semaphore::new(at_once))), ..Terms::default() };
        let terms = &terms;
        let deploys = specs.iter().enumerate().map(|(index, spec)| {
            let observer = runpod.observer().of_fleet(index, spec.name());
            Box::pin(async move {
                let pod = runpod.observed_by(observer).deploy_on(spec, terms).await?;
                // What becomes of it later is no matter of the fleet's.
                Ok(pod.observed_by(runpod))
            })
        });
        Ok(join_all(deploys).await)
    }
}

/// Refuses specs of one name: the second would find the pod of the first.
fn check_names(specs: &[PodSpec]) -> Result<(), SpecError> {
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (index, spec) in specs.iter().enumerate() {
        places.entry(spec.name()).or_default().push(index.to_string());
    }
    let shared: Vec<_> = places.into_iter().filter(|(_, places)| places.len() > 1).collect();
    let Some((first, _)) = shared.first() else { return Ok(()) };
    let problem = |(name, places): &(&str, Vec<String>)| {
        let allowed =
            format!("each spec has a name of its own, and those at {} have this one", places.join(", "));
        Problem::new("name", name, allowed)
    };
    Err(SpecError::new(first, shared.iter().map(problem).collect()))
}

impl<'a> IntoFuture for DeployAll<'a> {
    type Output = Deployed;
    type IntoFuture = Pin<Box<dyn Future<Output = Deployed> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl fmt::Debug for DeployAll<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.specs.iter().map(PodSpec::name).collect();
        f.debug_struct("DeployAll")
            .field("names", &names)
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}
