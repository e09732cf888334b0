//! The spec of a pod to deploy.

pub(crate) mod difference;
pub(crate) mod disk;
#[cfg(feature = "serde")]
mod document;
pub(crate) mod error;
mod get;
pub(crate) mod hardware;
mod hardware_spec;
pub(crate) mod need;
pub(crate) mod offer;
pub(crate) mod secret;
mod validate;

pub(crate) use hardware_spec::{CpuSpec, GpuSpec, HardwareSpec};

use std::{collections::BTreeMap, time::Duration};

use runpod_api::Secret;

use crate::{
    AtEnd, Cloud, Order, Port, Protocol, VolumeRef,
    pod::{labels::Labels, port::JUPYTER},
    word::words,
};

/// Mount path of volumes when the spec names none.
const DEFAULT_MOUNT_PATH: &str = "/workspace";
/// The environment variable with the password of JupyterLab in RunPod's images.
const JUPYTER_PASSWORD: &str = "JUPYTER_PASSWORD";

/// A pod to deploy: what runs, on which hardware, with what around it.
///
/// Setters return the spec, so it reads as one sentence. Nothing is checked until
/// [`validate`](Self::validate) or [`deploy`](crate::RunPod::deploy), which report every problem at once.
///
/// ```
/// use runpod_lifecycle::PodSpec;
///
/// let spec = PodSpec::gpu("trainer", "runpod/pytorch:latest", ["NVIDIA GeForce RTX 4090", "AMPERE_24"])
///     .port("22/tcp")
///     .port("8888/http")
///     .volume_gb(20)
///     .env("HF_TOKEN", "hf_...");
/// spec.validate()?;
/// # Ok::<(), runpod_lifecycle::SpecError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PodSpec {
    pub(crate) name: String,
    pub(crate) image: Option<String>,
    pub(crate) template: Option<String>,
    pub(crate) template_name: Option<String>,
    pub(crate) hardware: HardwareSpec,
    /// Settings that were made on the wrong kind of pod, and what is allowed, for validation to name.
    pub(crate) misplaced: Vec<(&'static str, &'static str)>,
    /// `None`: as named, then the cheapest.
    pub(crate) order: Option<Order>,
    pub(crate) max_usd_per_hour: Option<f64>,
    pub(crate) max_total_usd: Option<f64>,
    pub(crate) cloud: Cloud,
    pub(crate) data_centers: Vec<String>,
    pub(crate) container_disk_gb: Option<u32>,
    pub(crate) volume_gb: Option<u32>,
    pub(crate) network_volume: Option<VolumeRef>,
    pub(crate) mount_path: Option<String>,
    pub(crate) ports: Vec<String>,
    pub(crate) env: BTreeMap<String, Secret>,
    /// Names of secrets that no reference can name, for validation to name.
    pub(crate) odd_secrets: Vec<String>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) cmd: Vec<String>,
    pub(crate) args: Option<String>,
    pub(crate) registry: Option<String>,
    pub(crate) ssh: Option<bool>,
    pub(crate) jupyter: bool,
    pub(crate) global_networking: bool,
    pub(crate) if_exists: IfExists,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) at_end: AtEnd,
    pub(crate) interruptible: bool,
    pub(crate) public_ip: bool,
    pub(crate) labels: Labels,
    /// `None` for one round of candidates.
    pub(crate) patience: Option<Duration>,
}

/// Policy for a name that is already taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IfExists {
    /// Fail with [`DeployError::NameTaken`](crate::DeployError). The default.
    #[default]
    Fail,
    /// Take the pod as it is, whatever it runs and whatever its state. [`Event::PodAdopted`](crate::Event::PodAdopted) says
    /// how it differs from the spec.
    Adopt,
    /// Take the pod as it is, and start it if it is stopped. It goes on as it is if the start fails.
    AdoptAndStart,
    /// Terminate it, wait until it is proven gone, then create the new one.
    Replace,
}

words!(
    IfExists,
    "policy for a name that is taken",
    Fail => "fail",
    Adopt => "adopt",
    AdoptAndStart => "adopt_and_start",
    Replace => "replace",
);

impl IfExists {
    /// Returns true if the pod that has the name is taken.
    #[must_use]
    pub fn adopts(self) -> bool {
        matches!(self, Self::Adopt | Self::AdoptAndStart)
    }
}

impl PodSpec {
    fn new(name: String, image: String, hardware: HardwareSpec) -> Self {
        Self {
            name,
            image: Some(image),
            template: None,
            template_name: None,
            hardware,
            misplaced: Vec::new(),
            order: None,
            max_usd_per_hour: None,
            max_total_usd: None,
            cloud: Cloud::default(),
            data_centers: Vec::new(),
            container_disk_gb: None,
            volume_gb: None,
            network_volume: None,
            mount_path: None,
            ports: Vec::new(),
            env: BTreeMap::new(),
            odd_secrets: Vec::new(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            args: None,
            registry: None,
            ssh: None,
            jupyter: false,
            global_networking: false,
            if_exists: IfExists::default(),
            lifetime: None,
            at_end: AtEnd::default(),
            interruptible: false,
            public_ip: false,
            labels: Labels::new(),
            patience: None,
        }
    }

    /// Takes image and settings from a template of the account instead of naming an image.
    ///
    /// What the spec says itself goes before the template, and nothing else does: without a word about them,
    /// disk, ports and volume are the template's. Variables of both are merged. The template is resolved once,
    /// at create.
    pub fn template(mut self, id: impl Into<String>) -> Self {
        self.template = Some(id.into());
        (self.template_name, self.image) = (None, None);
        self
    }

    /// Takes image and settings from the account's template of this name, like [`template`](Self::template). The name is looked up
    /// at deploy: one that no template or several have is a problem of the spec. REST v1 has no such search.
    pub fn template_named(mut self, name: impl Into<String>) -> Self {
        self.template_name = Some(name.into());
        (self.template, self.image) = (None, None);
        self
    }

    /// In which order candidates are tried. Default: those that are named as they are named, then, where any type will
    /// do, the cheapest.
    pub fn order(mut self, order: Order) -> Self {
        self.order = Some(order);
        self
    }

    /// The most that the pod may cost in USD per hour, container disk and pod volume included, more than 0. Default: any.
    ///
    /// Candidates whose list price is higher, or not in RunPod's catalog, are left out. A pod that costs more than that by
    /// RunPod's answer to its create is terminated at once, and the next candidate is tried; one of which that answer names no price
    /// is a warning. A deploy that ends without a pod after that reads a list 15 s after the create, and ends the second pod that it may
    /// have made. A pod that is adopted is taken whatever it costs. A network volume and the disks of a template bill besides.
    ///
    /// REST v1 has no catalog: there it is a problem of the spec.
    pub fn max_usd_per_hour(mut self, limit: f64) -> Self {
        self.max_usd_per_hour = Some(limit);
        self
    }

    /// The most that the pod may cost in USD in all, more than 0. Default: any.
    ///
    /// It becomes a [`lifetime`](Self::lifetime) by the candidate's list price, container disk and pod volume included, unless
    /// a shorter one is set: like any lifetime it is over only for whoever calls [`reap`](crate::RunPod::reap).
    /// Candidates without a list price are left out. With [`AtEnd::Stop`] the pod volume goes on billing.
    ///
    /// REST v1 has no catalog: there it is a problem of the spec.
    pub fn max_total_usd(mut self, limit: f64) -> Self {
        self.max_total_usd = Some(limit);
        self
    }

    /// Cloud to use. Default [`Cloud::Secure`].
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// Allows one more data center, for example `US-CA-2`, in any case. With none named, any will do.
    ///
    /// One that RunPod's catalog does not know is refused before anything is created.
    /// RunPod's contract calls the list preferred, the service enforces it: outside stock does not count (observed).
    pub fn data_center(mut self, id: impl Into<String>) -> Self {
        self.data_centers.push(id.into());
        self
    }

    /// Size of the container disk in GB, at least 1. It is wiped on stop.
    ///
    /// Default: the template's, else 50. A CPU pod gets less where its flavor allows less: 10 GB per vCPU
    /// (`cpu3...`) or 15 (`cpu5...`); a larger disk than that is a problem of the spec.
    pub fn container_disk_gb(mut self, size: u32) -> Self {
        self.container_disk_gb = Some(size);
        self
    }

    /// Adds a pod volume of so many GB, at least 10. Default: none.
    ///
    /// It survives stop and start on the same host, bills while stopped, and is deleted with the pod.
    /// Excludes [`network_volume`](Self::network_volume).
    pub fn volume_gb(mut self, size: u32) -> Self {
        self.volume_gb = Some(size);
        self
    }

    /// Mounts an existing network volume: a [`Volume`](crate::Volume), or its id. Default: none. It outlives the pod.
    ///
    /// The pod is placed in the volume's data center, which is looked up at deploy if only the id is given. Network volumes
    /// exist in the secure cloud only, so [`Cloud::Either`] means that one and [`Cloud::Community`] is a problem of the spec.
    pub fn network_volume(mut self, volume: impl Into<VolumeRef>) -> Self {
        self.network_volume = Some(volume.into());
        self
    }

    /// The path at which the volume is mounted, absolute, default `/workspace`. Without a volume of the spec's own it
    /// is a problem of the spec: a template's volume keeps its path.
    pub fn mount_path(mut self, path: impl Into<String>) -> Self {
        self.mount_path = Some(path.into());
        self
    }

    /// Opens one more port, written `NNNN/http` or `NNNN/tcp`. Default: none.
    ///
    /// Asking for `22/tcp` also asks RunPod to start sshd; see [`ssh`](Self::ssh).
    pub fn port(mut self, port: impl Into<String>) -> Self {
        self.ports.push(port.into());
        self
    }

    /// Opens several ports more, each as [`port`](Self::port) does.
    pub fn ports<P: Into<String>>(self, ports: impl IntoIterator<Item = P>) -> Self {
        ports.into_iter().fold(self, Self::port)
    }

    /// Sets an environment variable of the container. The value is never printed by this crate.
    ///
    /// RunPod echoes values in clear to every holder of the key. A value of `{{ RUNPOD_SECRET_name }}`
    /// is filled in from the account's secrets when the container starts. Names that begin with
    /// `RUNPOD_LIFECYCLE_` are this crate's own and refused: copied from another pod, they would make the new
    /// one pass for it.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.env.insert(name.into(), value.into());
        self
    }

    /// Sets several environment variables, each as [`env`](Self::env) does.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// let spec = PodSpec::any_gpu("trainer", "image").ports(["22/tcp", "8888/http"]).envs([("MODE", "fast"), ("LEVEL", "3")]);
    /// assert_eq!((spec.get_ports().len(), spec.get_env().count()), (2, 2));
    /// ```
    pub fn envs<N: Into<String>, V: Into<Secret>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        variables.into_iter().fold(self, |spec, (name, value)| spec.env(name, value))
    }

    /// Labels the pod, for [`list_labelled`](crate::RunPod::list_labelled) and [`Pod::labels`](crate::Pod::labels). At most 64 labels. A key set again
    /// has the last value.
    ///
    /// Keys have 1 to 63 letters of ASCII, digits, `_`, `.` and `-`; values at most 255 characters, none of them a control character. They
    /// are kept in the pod's environment, in clear, for every holder of the key and for the container to read: no place for
    /// a secret. A template hands none on.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// PodSpec::any_gpu("worker-1", "image").label("job", "7").label("team", "vision").validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Sets an environment variable to a secret of the account by the secret's name, so that RunPod never shows the value. See
    /// [`set_account_secret`](crate::RunPod::set_account_secret).
    ///
    /// RunPod fills it in when the container starts. A secret that the account does not have is a problem of the spec, before
    /// anything is created, as far as the key may read the list; one that another program stored in the last seconds may be among those.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// let spec = PodSpec::any_gpu("trainer", "image").account_secret("HF_TOKEN", "hf");
    /// let (name, value) = spec.get_env().next().unwrap();
    /// assert_eq!((name, value.expose()), ("HF_TOKEN", "{{ RUNPOD_SECRET_hf }}"));
    /// ```
    pub fn account_secret(mut self, variable: impl Into<String>, secret: impl AsRef<str>) -> Self {
        let secret = secret.as_ref();
        if secret::name_problem(secret).is_some() {
            self.odd_secrets.push(secret.to_owned());
        }
        self.env(variable, secret::reference(secret))
    }

    /// Replaces the image's entrypoint. Default, also if every word is empty: the image's own.
    pub fn entrypoint<A: Into<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.entrypoint = words_of(words);
        self
    }

    /// Replaces the image's command. Default, also if every word is empty: the image's own. Excludes [`args`](Self::args).
    pub fn cmd<A: Into<String>>(mut self, words: impl IntoIterator<Item = A>) -> Self {
        self.cmd = words_of(words);
        self
    }

    /// Replaces the image's command by one shell string. Default, also if it is blank: the image's own. Excludes [`cmd`](Self::cmd).
    pub fn args(mut self, line: impl Into<String>) -> Self {
        self.args = Some(line.into()).filter(|line: &String| !line.trim().is_empty());
        self
    }

    /// The id of the registry credential that pulls the image. Default: none, for public images.
    pub fn registry(mut self, id: impl Into<String>) -> Self {
        self.registry = Some(id.into());
        self
    }

    /// Starts sshd in the container, or does not. Default: on exactly if `22/tcp` is among the ports.
    pub fn ssh(mut self, start: bool) -> Self {
        self.ssh = Some(start);
        self
    }

    /// Starts JupyterLab in the container. Default: off. [`jupyter_with`](Self::jupyter_with) also opens its port.
    pub fn jupyter(mut self, start: bool) -> Self {
        self.jupyter = start;
        self
    }

    /// Starts JupyterLab behind `8888/http`, with this password. Default: off.
    ///
    /// The image must be one that honours `JUPYTER_PASSWORD`, as RunPod's own do; it is that variable of the
    /// environment, which RunPod echoes to every holder of the key. Wait for [`Ready::Jupyter`](crate::Ready::Jupyter), then take
    /// [`jupyter_url`](crate::Connection::jupyter_url).
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// PodSpec::any_gpu("notebook", "runpod/pytorch:latest").jupyter_with("correct horse").validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn jupyter_with(self, password: impl Into<Secret>) -> Self {
        let port = format!("{JUPYTER}/http");
        let is_open = self.ports.contains(&port);
        let spec = self.jupyter(true).env(JUPYTER_PASSWORD, password);
        if is_open { spec } else { spec.port(port) }
    }

    /// Joins the pod to RunPod's global network, which connects the account's pods. Default: off.
    pub fn global_networking(mut self, join: bool) -> Self {
        self.global_networking = join;
        self
    }

    /// Policy for a name that is already taken. Default [`IfExists::Fail`].
    pub fn if_exists(mut self, if_exists: IfExists) -> Self {
        self.if_exists = if_exists;
        self
    }

    /// Limits the pod's lifetime, more than zero. Default: for ever.
    ///
    /// It counts from when the create that makes the pod is sent, by RunPod's clock, as the dates of its answers
    /// say. A start after its end begins it anew.
    ///
    /// RunPod does not end it: the lifetime is written into the pod, and a call of
    /// [`reap`](crate::RunPod::reap), for example from cron, ends the pod once it is over.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Policy for the end of the pod's [`lifetime`](Self::lifetime). Default [`AtEnd::Terminate`].
    /// Without a lifetime it has no effect.
    pub fn at_end(mut self, at_end: AtEnd) -> Self {
        self.at_end = at_end;
        self
    }

    /// Waits for stock, at most so long from the deploy's first create on. Default, and zero: the candidates are tried once.
    ///
    /// Once RunPod has refused every candidate for a lack of stock, its catalog is watched, and a create is sent when it
    /// shows some, or when another deploy through the handle finds some; and now and then without, since stock is a hint.
    /// All waiting deploys of a handle and its clones send at most 2 requests a minute together: a part of the
    /// catalog (one cloud's GPU types for one number of GPUs, or the CPU flavors) each 30 s. Where they wait for several parts,
    /// [`Cloud::Either`] among them, these take turns.
    ///
    /// A refusal that waiting does not change ends the deploy at once, or leaves its candidate out where there are
    /// others. Meanwhile the name is taken: another deploy of it through the handle ends with
    /// [`DeployError::NameBusy`](crate::DeployError::NameBusy) after 60 s. Before a create that was waited for the name is searched for again. With
    /// [`IfExists::Replace`] the old pod is gone before the waiting begins.
    ///
    /// REST v1 has no catalog: there it is a problem of the spec.
    ///
    /// ```
    /// use std::time::Duration;
    /// use runpod_lifecycle::PodSpec;
    ///
    /// let hours = Duration::from_secs(2 * 3600);
    /// PodSpec::gpu("trainer", "runpod/pytorch:latest", ["NVIDIA H200"]).patience(hours).validate()?;
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    pub fn patience(mut self, longest: Duration) -> Self {
        self.patience = Some(longest).filter(|longest| !longest.is_zero());
        self
    }

    /// Asks for a spot pod, cheaper and ended whenever RunPod likes. Default: no.
    /// Only REST v1 has them; on v2 it is a problem of the spec.
    #[doc(alias("spot", "preemptible"))]
    pub fn interruptible(mut self, interruptible: bool) -> Self {
        self.interruptible = interruptible;
        self
    }

    /// Requires a public address of the pod's own. Default: no.
    /// Only REST v1 has the switch; on v2 a `tcp` port brings one, and setting it is a problem of the spec.
    pub fn public_ip(mut self, required: bool) -> Self {
        self.public_ip = required;
        self
    }

    /// Returns true if sshd will be started.
    pub(crate) fn starts_ssh(&self) -> bool {
        self.ssh.unwrap_or_else(|| self.parsed_ports().any(|port| port == Port::SSH))
    }

    /// Returns true if settings come from a template.
    pub(crate) fn has_template(&self) -> bool {
        self.template.is_some() || self.template_name.is_some()
    }

    /// Returns true if its pods open a port, or may: a template's ports are not known, and count only where the spec names none.
    pub(crate) fn may_open(&self, port: Port) -> bool {
        self.has_template() && self.ports.is_empty() || self.ports.iter().any(|text| text.parse() == Ok(port))
    }

    /// The path at which a volume is mounted.
    pub(crate) fn mounted_at(&self) -> &str {
        self.mount_path.as_deref().unwrap_or(DEFAULT_MOUNT_PATH)
    }

    /// The clouds to ask, in that order: CPU pods and network volumes exist in the secure cloud only.
    pub(crate) fn clouds(&self) -> &'static [Cloud] {
        let is_secure_only = matches!(self.hardware, HardwareSpec::Cpu(_)) || self.network_volume.is_some();
        match self.cloud {
            _ if is_secure_only => &[Cloud::Secure],
            Cloud::Secure => &[Cloud::Secure],
            Cloud::Community => &[Cloud::Community],
            Cloud::Either => &[Cloud::Secure, Cloud::Community],
        }
    }

    pub(crate) fn parsed_ports(&self) -> impl Iterator<Item = Port> + '_ {
        self.ports.iter().filter_map(|port| port.parse().ok())
    }

    pub(crate) fn ports_of(&self, protocol: Protocol) -> usize {
        self.parsed_ports().filter(|port| port.protocol() == protocol).count()
    }
}

/// The words of a command; none if nobody wrote any.
fn words_of<A: Into<String>>(words: impl IntoIterator<Item = A>) -> Vec<String> {
    let words: Vec<String> = words.into_iter().map(Into::into).collect();
    if words.iter().all(|word| word.trim().is_empty()) { Vec::new() } else { words }
}
