//! The account, for programs without async code.

use std::{future::Future, ops::Deref, time::Duration};

use runpod_api::{
    Failure, ResponseValue,
    v2::{Client, types},
};

use crate::{
    Accepted, AccountSecret, Cloud, Condition, ConfigError, CpuFlavor, DeployError, Error, Event, Found,
    GpuType, Labelled, OnFailure, Place, Plan, PodSpec, Reaped, Registry, ScopeError, Scoped, Secret,
    SpecError, Template, Terminated, Volume, VolumeError,
    blocking::{
        PodHandle,
        calls::{Refused, calls},
        runtime::{block, iter},
    },
};

/// A handle on a RunPod account, with blocking calls of the names that [`RunPod`](crate::RunPod) has.
///
/// Cheap to clone; clones share connections and rate-limit budget. It dereferences to the async one.
#[derive(Clone, Debug)]
pub struct RunPod(crate::RunPod);

/// The way from a handle with settings of its own.
///
/// ```no_run
/// # fn example() -> Result<(), runpod_lifecycle::ConfigError> {
/// use runpod_lifecycle::blocking::RunPod;
///
/// let runpod = RunPod::from(runpod_lifecycle::RunPod::builder("my-key").user_agent("my-app/1.0").build()?);
/// # Ok(())
/// # }
/// ```
impl From<crate::RunPod> for RunPod {
    fn from(runpod: crate::RunPod) -> Self {
        Self(runpod)
    }
}

impl Deref for RunPod {
    type Target = crate::RunPod;

    fn deref(&self) -> &crate::RunPod {
        &self.0
    }
}

/// Handles of pods as blocking ones.
fn pods(pods: Vec<crate::PodHandle>) -> Vec<PodHandle> {
    pods.into_iter().map(PodHandle::from).collect()
}

#[expect(clippy::result_large_err, reason = "the errors are those of the async calls")]
impl RunPod {
    calls! { "RunPod":
        add_ssh_key(key: &str) -> bool, Error;
        billed_usd(pod_id: &str) -> f64, Error;
        cpu_flavors() -> Vec<CpuFlavor>, Error;
        delete_account_secret(name_or_id: &str) -> (), Error;
        delete_registry(id: &str) -> (), Error;
        delete_volume(id: &str) -> (), VolumeError;
        deploy(spec: &PodSpec) -> PodHandle, DeployError;
        ensure_registry(name: &str, user: &str, password: impl Into<Secret>) -> Registry, Error;
        ensure_volume(name: &str, size_gb: u32, place: Place<'_>) -> Volume, VolumeError;
        find(name: &str) -> Found, Error;
        find_template(name: &str) -> Option<Template>, Error;
        find_volume(name: &str) -> Option<Volume>, Error;
        get(id: &str) -> PodHandle, Error;
        gpu_types(count: u32, cloud: Cloud) -> Vec<GpuType>, Error;
        grow_volume(id: &str, size_gb: u32) -> Volume, VolumeError;
        list_account_secrets() -> Vec<AccountSecret>, Error;
        list_labelled(key: &str, value: &str) -> Labelled, Error;
        list_registries() -> Vec<Registry>, Error;
        list_templates() -> Vec<Template>, Error;
        list_volumes() -> Vec<Volume>, Error;
        plan(spec: &PodSpec) -> Plan, DeployError;
        pod(id_or_name: &str) -> PodHandle, Error;
        reap() -> Vec<Reaped>, Error;
        restart(id: &str) -> Accepted, Error;
        set_account_secret(name: &str, value: impl Into<Secret>) -> AccountSecret, Error;
        ssh_keys() -> Vec<String>, Error;
        start(id: &str) -> Accepted, Error;
        stop(id: &str) -> Accepted, Error;
        terminate(id: &str) -> Accepted, Error;
    }

    /// A handle made from the environment, as [`RunPod::from_env`](crate::RunPod::from_env) makes it.
    ///
    /// # Errors
    /// As there. Nothing is sent.
    pub fn from_env() -> Result<Self, ConfigError> {
        crate::RunPod::from_env().map(Self)
    }

    /// The same handle, with every event of its deploys and waits sent to `observe` on the thread that waits for them.
    #[must_use]
    pub fn on_event(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(self.0.on_event(observe))
    }

    /// The same handle, with every event sent to `observe`, those of requests and operations too, as
    /// [`RunPod::on_any_event`](crate::RunPod::on_any_event).
    #[must_use]
    pub fn on_any_event(&self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(self.0.on_any_event(observe))
    }

    /// The same handle for finding what is to be stopped or terminated, as [`RunPod::for_ending`](crate::RunPod::for_ending).
    #[must_use]
    pub fn for_ending(&self) -> Self {
        Self(self.0.for_ending())
    }

    /// Blocks until [`RunPod::list`](crate::RunPod::list) is over.
    ///
    /// # Errors
    /// As there, and [where async code runs](crate::blocking#errors).
    pub fn list(&self) -> Result<Vec<PodHandle>, Error> {
        block("list", self.0.list())?.map(pods)
    }

    /// Blocks until [`RunPod::overdue`](crate::RunPod::overdue) is over.
    ///
    /// # Errors
    /// As there, and [where async code runs](crate::blocking#errors).
    pub fn overdue(&self) -> Result<Vec<PodHandle>, Error> {
        block("overdue", self.0.overdue())?.map(pods)
    }

    /// Blocks until [`RunPod::deploy_and_wait_until`](crate::RunPod::deploy_and_wait_until) is over.
    ///
    /// # Errors
    /// As there, and [where async code runs](crate::blocking#errors).
    ///
    /// # Cancellation
    /// [Only the end of the process](crate::blocking#cancellation) ends it early, and leaves a pod that was created running.
    ///
    /// # Cost
    /// With [`OnFailure::Keep`] a pod that is not ready in time goes on billing.
    pub fn deploy_and_wait_until(
        &self,
        spec: &PodSpec,
        condition: impl Condition + 'static,
        longest: Duration,
        on_failure: OnFailure,
    ) -> Result<PodHandle, DeployError> {
        let deploy = self.0.deploy_and_wait_until(spec, condition, longest, on_failure);
        block("deploy_and_wait_until", deploy).map_err(DeployError::refused)?.map(PodHandle::from)
    }

    /// Blocks until [`RunPod::deploy_all`](crate::RunPod::deploy_all) is over, 8 creates at a time.
    ///
    /// # Errors
    /// As there; [where async code runs](crate::blocking#errors) each spec's result says so.
    ///
    /// # Cancellation
    /// [Only the end of the process](crate::blocking#cancellation) ends it early, and leaves what was created running.
    ///
    /// # Cost
    /// Each pod bills from its create on, also while others are still deployed.
    pub fn deploy_all(
        &self,
        specs: impl IntoIterator<Item = PodSpec>,
    ) -> Result<Vec<Result<PodHandle, DeployError>>, SpecError> {
        let specs: Vec<PodSpec> = specs.into_iter().collect();
        let count = specs.len();
        match block("deploy_all", self.0.deploy_all(specs)) {
            Ok(deployed) => Ok(deployed?.into_iter().map(|pod| pod.map(PodHandle::from)).collect()),
            Err(error) => Ok((0..count).map(|_| Err(DeployError::refused(error.clone()))).collect()),
        }
    }

    /// Blocks until [`RunPod::terminate_all`](crate::RunPod::terminate_all) is over.
    ///
    /// [Where async code runs](crate::blocking#errors) the outcome of each pod says so.
    ///
    /// # Cost
    /// A pod whose outcome is an error may bill on.
    pub fn terminate_all(
        &self,
        pods: impl IntoIterator<Item = impl Into<crate::PodHandle>>,
    ) -> Vec<Terminated> {
        let pods: Vec<crate::PodHandle> = pods.into_iter().map(Into::into).collect();
        block("terminate_all", self.0.terminate_all(pods.clone())).unwrap_or_else(|error| {
            pods.into_iter().map(|pod| Terminated { pod, outcome: Err(error.clone()) }).collect()
        })
    }

    /// Deploys a pod, blocks until it meets a condition, works with it on this thread and terminates it, whatever comes of
    /// the work, as [`RunPod::with_pod`](crate::RunPod::with_pod) does. The work may make blocking calls.
    ///
    /// ```no_run
    /// # fn example(runpod: runpod_lifecycle::blocking::RunPod) -> Result<(), Box<dyn std::error::Error>> {
    /// use std::{io, process::Command, time::Duration};
    /// use runpod_lifecycle::{PodSpec, Ready};
    ///
    /// let spec = PodSpec::any_gpu("one-task", "runpod/pytorch:latest").port("22/tcp");
    /// let done = runpod.with_pod(&spec, Ready::Ssh, Duration::from_secs(900), |pod| {
    ///     let ssh = pod.connection().direct_ssh().ok_or_else(|| io::Error::other("no address"))?;
    ///     let at = format!("{}@{}", ssh.username, ssh.host);
    ///     Command::new("ssh").args(["-p", &ssh.port.to_string(), &at, "nvidia-smi"]).status()
    /// })?;
    /// println!("{} for ${:.2}", done.value, done.usd.unwrap_or_default());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there, and [where async code runs](crate::blocking#errors).
    ///
    /// # Cancellation
    /// A panic of the work terminates the pod and goes on. [The end of the process](crate::blocking#cancellation) leaves it: set a
    /// [`lifetime`](PodSpec::lifetime).
    ///
    /// # Cost
    /// The pod bills from RunPod's answer to its create to its answer to the terminate.
    pub fn with_pod<T: Send, E: Send>(
        &self,
        spec: &PodSpec,
        condition: impl Condition + 'static,
        longest: Duration,
        work: impl FnOnce(PodHandle) -> Result<T, E> + Send,
    ) -> Result<Scoped<T>, ScopeError<T, E>> {
        let work = async |pod: crate::PodHandle| work(pod.into());
        let scope = self.0.with_pod(spec, condition, longest, work);
        block("with_pod", scope).map_err(ScopeError::refused)?
    }

    /// Blocks until a call of the generated client is over, as [`RunPod::raw`](crate::RunPod::raw) makes it.
    ///
    /// ```no_run
    /// # fn example(runpod: runpod_lifecycle::blocking::RunPod) -> Result<(), runpod_lifecycle::Error> {
    /// let clusters = runpod.raw("list clusters", |api| api.list_clusters())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As there, and [where async code runs](crate::blocking#errors).
    ///
    /// # Cost
    /// Whatever the call makes.
    pub fn raw<'a, T, F>(
        &'a self,
        operation: &'static str,
        send: impl Fn(&'a Client) -> F + Send + 'a,
    ) -> Result<ResponseValue<T>, Error>
    where
        T: Send + 'a,
        F: Future<Output = Result<ResponseValue<T>, Failure>> + Send + 'a,
    {
        block("raw", self.0.raw(operation, send))?
    }
}

/// Writes an iterator beside each stream of pages.
macro_rules! pages {
    ($($method:ident($($id:ident)?), $options:ident -> $page:ident;)*) => {
        impl RunPod { $(
            #[doc = concat!(
                "The pages of [`RunPod::", stringify!($method), "`](crate::RunPod::", stringify!($method),
                "), each waited for when it is asked for."
            )]
            ///
            /// # Errors
            /// [Where async code runs](crate::blocking#errors). Those of the list are items.
            pub fn $method(
                &self,
                $($id: impl Into<String>,)?
                options: types::$options,
            ) -> Result<impl Iterator<Item = Result<types::$page, Error>>, Error> {
                iter(self.0.$method($($id.into(),)? options))
            }
        )* }
    };
}

pages! {
    pod_pages(), ListPodsOptions -> ListPodsResponse;
    template_pages(), ListTemplatesOptions -> ListTemplatesResponse;
    endpoint_pages(), ListEndpointsOptions -> ListEndpointsResponse;
    endpoint_build_pages(endpoint_id), ListEndpointBuildsOptions -> ListEndpointBuildsResponse;
    endpoint_release_pages(endpoint_id), ListEndpointReleasesOptions -> ListEndpointReleasesResponse;
}
