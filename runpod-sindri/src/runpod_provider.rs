//! RunPod as a provider of Sindri's.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, OnceLock},
};

use async_trait::async_trait;
use runpod_lifecycle::{ApiVersion, Event, Logs, Plan, PodHandle, RunPod, Secret};

use crate::{
    DeployOptions, DeployResult, DeploymentPlan, DeploymentStatus, Prerequisite, PrerequisiteStatus,
    Provider, ProviderError, SindriConfig, blueprint::Blueprint, deploy::failed, environment::Environment,
    plan::lines, present::named,
};

/// The provider's name.
pub(crate) const NAME: &str = "runpod";
const KEY: &str = "RUNPOD_API_KEY";
const URL: &str = "RUNPOD_API_URL";
const VERSION: &str = "RUNPOD_API_VERSION";

type Observe = Arc<dyn Fn(&Event) + Send + Sync>;

/// RunPod as a provider of Sindri's.
///
/// Making one needs no API key and no runtime and sends nothing: Sindri makes a provider before it checks
/// prerequisites. The key (`RUNPOD_API_KEY`) is read when it is first needed. Every method needs a tokio runtime.
///
/// ```
/// use runpod_sindri::{Provider, RunpodProvider};
///
/// let provider = RunpodProvider::new();
/// assert_eq!(provider.name(), "runpod");
/// assert!(provider.check_prerequisites()?.missing.iter().all(|missing| missing.name == "runpod-api-key"));
/// # Ok::<(), anyhow::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct RunpodProvider {
    output_dir: Option<PathBuf>,
    api_url: Option<String>,
    http_proxy: Option<String>,
    environment: Environment,
    /// The secrets' values, if whoever embeds it has resolved them.
    resolved: Option<BTreeMap<String, Secret>>,
    observer: Option<Observe>,
    /// Shared by clones, so that they know of each other's deploys.
    client: Arc<OnceLock<RunPod>>,
    fails_early: bool,
}

impl RunpodProvider {
    /// A provider that writes no files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A provider that leaves the result of each deploy as `runpod-<pod id>.json` in a directory, readable by the
    /// owner only. The directory is made when it is first needed.
    #[must_use]
    pub fn with_output_dir(path: impl Into<PathBuf>) -> Self {
        Self { output_dir: Some(path.into()), ..Self::default() }
    }

    /// Base URL of RunPod's API. Default: `RUNPOD_API_URL`, else `https://api.runpod.io`. `http://` is taken for loopback
    /// only.
    #[must_use]
    pub fn api_url(mut self, url: impl Into<String>) -> Self {
        self.api_url = Some(url.into());
        self.client = Arc::default();
        self
    }

    /// URL template of a pod's HTTP ports, with `{pod}` and `{port}` filled in. Default: RunPod's own proxy. A simulator
    /// has its own.
    #[must_use]
    pub fn http_proxy(mut self, template: impl Into<String>) -> Self {
        self.http_proxy = Some(template.into());
        self.client = Arc::default();
        self
    }

    /// Reads these variables in place of the process's: the key, the URL, secrets, and `PATH` to find ssh.
    ///
    /// Whoever embeds the provider gives it the secrets it has resolved this way.
    #[must_use]
    pub fn environment_variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<Secret>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.environment = Environment::Given(variables.collect());
        self.client = Arc::default();
        self
    }

    /// Takes these values for the config's secrets in place of looking them up, for whoever embeds the provider and has
    /// resolved them. One that is not among them is left out, which is an error if it is required.
    #[must_use]
    pub fn secrets<N, V>(mut self, values: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<Secret>,
    {
        let values = values.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.resolved = Some(values.collect());
        self
    }

    /// Looks for everything wrong with a config that does not need a look at RunPod, its image aside. Sends nothing.
    ///
    /// # Errors
    /// [`ProviderError::Config`].
    pub fn check(&self, config: &SindriConfig) -> Result<(), ProviderError> {
        self.blueprint(&config.clone().with_image("any")).map(drop)
    }

    /// Tells `observe`, which must be quick, of everything that happens during deploys and waits.
    #[must_use]
    pub fn on_event(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observe));
        self
    }

    /// Ends waits as soon as RunPod's log names a cause that does not heal by itself, for example an image that is not
    /// there. Default: no, since the log is no promise.
    #[must_use]
    pub fn fail_early(mut self, fail: bool) -> Self {
        self.fails_early = fail;
        self
    }

    pub(crate) fn fails_early(&self) -> bool {
        self.fails_early
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    pub(crate) fn resolved(&self) -> Option<&BTreeMap<String, Secret>> {
        self.resolved.as_ref()
    }

    pub(crate) fn output_dir(&self) -> Option<&Path> {
        self.output_dir.as_deref()
    }

    pub(crate) fn observer(&self) -> Option<Observe> {
        self.observer.clone()
    }

    /// The handle on the account, made when it is first needed.
    pub(crate) fn client(&self) -> Result<RunPod, ProviderError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let key = self.environment.own(KEY)?.ok_or(runpod_lifecycle::ConfigError::MissingKey)?;
        let url = match &self.api_url {
            Some(url) => Some(url.clone()),
            None => self.environment.own(URL)?.map(|url| url.expose().to_owned()),
        };
        let builder = RunPod::builder(key).api_version(self.api_version()?);
        let builder = url.into_iter().fold(builder, |builder, url| builder.base_url(url));
        let builder = self.http_proxy.iter().fold(builder, |builder, proxy| builder.http_proxy(proxy));
        let client = builder.build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// The version of the API to speak: `RUNPOD_API_VERSION`, else v2.
    pub(crate) fn api_version(&self) -> Result<ApiVersion, ProviderError> {
        let version = self.environment.own(VERSION)?.map(|version| version.expose().to_owned());
        match version.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None | Some("v2") => Ok(ApiVersion::V2),
            #[cfg(feature = "v1")]
            Some("v1") => Ok(ApiVersion::V1),
            _ => {
                Err(runpod_lifecycle::ConfigError::UnknownVersion { version: version.unwrap_or_default() }
                    .into())
            }
        }
    }

    /// Fills in every default of a config.
    pub(crate) fn blueprint(&self, config: &SindriConfig) -> Result<Blueprint, ProviderError> {
        Ok(Blueprint::new(config, self.api_version()?).map_err(|error| config.located(error))?)
    }

    /// The account behind it, for what concerns more than one environment. It tells the observer everything.
    ///
    /// # Errors
    /// [`ProviderError::Client`] if the API key, the base URL or the API version is unusable. Nothing is sent.
    pub fn account(&self) -> Result<RunPod, ProviderError> {
        self.watched()
    }

    /// A handle that tells the observer everything.
    pub(crate) fn watched(&self) -> Result<RunPod, ProviderError> {
        let client = self.client()?;
        Ok(match self.observer() {
            Some(observe) => client.on_event(move |event| observe(event)),
            None => client,
        })
    }

    /// Plans a deploy and tells its steps and cost, a line each for a person.
    ///
    /// # Errors
    /// As [`Provider::plan`].
    pub async fn plan_lines(&self, config: &SindriConfig) -> Result<Vec<String>, ProviderError> {
        let (blueprint, plan) = self.planned(config).await?;
        Ok(lines(&config.name, &blueprint, &plan, false))
    }

    async fn planned(&self, config: &SindriConfig) -> Result<(Blueprint, Plan), ProviderError> {
        let blueprint = self.blueprint(config)?;
        let plan = self.watched()?.plan(&blueprint.spec(false)).await;
        Ok((blueprint.clone(), plan.map_err(failed(&config.name, &blueprint))?))
    }

    /// The log of the environment's pod.
    ///
    /// # Errors
    /// [`ProviderError::NotFound`] if there is no such environment, `Call` if that cannot be found out.
    pub async fn logs(&self, config: &SindriConfig) -> Result<Logs, ProviderError> {
        let runpod = self.watched()?;
        match named(&runpod, &config.name).await?.as_slice() {
            [] => Err(ProviderError::NotFound { name: config.name.clone() }),
            [pod] => Ok(runpod.logs(pod.id.as_str())),
            pods => Err(several(&config.name, pods)),
        }
    }

    pub(crate) fn require_prerequisites(&self) -> Result<(), ProviderError> {
        let missing: Vec<String> = self
            .prerequisites()
            .missing
            .into_iter()
            .map(|missing| {
                format!("{}: {}", missing.name, missing.install_hint.unwrap_or(missing.description))
            })
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(ProviderError::Unprepared { missing }) }
    }

    fn prerequisites(&self) -> PrerequisiteStatus {
        let (mut missing, mut available) = (Vec::new(), vec![self.ssh_client()]);
        let key = |description: &str, hint: Option<&str>| Prerequisite {
            name: "runpod-api-key".to_owned(),
            description: description.to_owned(),
            install_hint: hint.map(str::to_owned),
            version: None,
        };
        if self.environment.get(KEY).is_some() {
            available.insert(0, key("RunPod API key", None));
        } else {
            let hint = "set RUNPOD_API_KEY to a key made at https://console.runpod.io/user/settings";
            missing.push(key("RunPod API key: not set", Some(hint)));
        }
        PrerequisiteStatus { satisfied: missing.is_empty(), missing, available }
    }

    fn ssh_client(&self) -> Prerequisite {
        let version = self.ssh_version();
        let description = match version {
            Some(_) => "ssh client",
            None => "ssh client: not found, so instructions will be shown in place of a shell",
        };
        Prerequisite {
            name: "ssh".to_owned(),
            description: description.to_owned(),
            install_hint: version.is_none().then(|| "install an OpenSSH client".to_owned()),
            version,
        }
    }

    /// The answer to `ssh -V`; `None` if there is no ssh.
    pub(crate) fn ssh_version(&self) -> Option<String> {
        let output = self.ssh().arg("-V").output().ok()?;
        let text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        let version = text.split([',', '\n']).next().unwrap_or_default().trim();
        Some(if version.is_empty() { "unknown" } else { version }.to_owned())
    }

    /// The ssh client, found on the `PATH` the provider was given, with what it needs of the process's variables: no key
    /// and no secret, which its configuration could send to the pod.
    pub(crate) fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command.env_clear();
        command.envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_for_ssh)));
        if let Environment::Given(_) = self.environment
            && let Some(path) = self.environment.get("PATH")
        {
            command.env("PATH", path.expose());
        }
        command
    }
}

/// Returns true if ssh goes by a variable: to find its files, its agent, its terminal, whom to ask and in which language.
fn is_for_ssh(name: &str) -> bool {
    const WHOLE: [&str; 24] = [
        "APPDATA",
        "COMSPEC",
        "DISPLAY",
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOCALAPPDATA",
        "LOGNAME",
        "PATH",
        "PROGRAMDATA",
        "SHELL",
        "SYSTEMROOT",
        "TEMP",
        "TERM",
        "TERMINFO",
        "TMP",
        "TMPDIR",
        "TZ",
        "USER",
        "USERNAME",
        "USERPROFILE",
        "WAYLAND_DISPLAY",
        "XAUTHORITY",
        "XDG_RUNTIME_DIR",
    ];
    const BEGINNINGS: [&str; 2] = ["LC_", "SSH_"];
    let name = name.to_ascii_uppercase();
    WHOLE.contains(&name.as_str()) || BEGINNINGS.iter().any(|start| name.starts_with(start))
}

/// That several pods have an environment's name.
pub(crate) fn several(name: &str, pods: &[PodHandle]) -> ProviderError {
    let pod_ids = pods.iter().map(|pod| pod.id.clone()).collect();
    ProviderError::Several { name: name.to_owned(), pod_ids }
}

/// A failed call on an environment as an error of the provider.
pub(crate) fn call_failed(
    doing: &'static str,
    name: &str,
) -> impl FnOnce(runpod_lifecycle::Error) -> ProviderError {
    let name = name.to_owned();
    move |source| ProviderError::Call { doing, name, source }.told_once()
}

impl fmt::Debug for RunpodProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunpodProvider")
            .field("output_dir", &self.output_dir)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for RunpodProvider {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check_prerequisites(&self) -> anyhow::Result<PrerequisiteStatus> {
        Ok(self.prerequisites())
    }

    async fn deploy(&self, config: &SindriConfig, options: DeployOptions) -> anyhow::Result<DeployResult> {
        Ok(self.create(config, &options).await?)
    }

    async fn connect(&self, config: &SindriConfig) -> anyhow::Result<()> {
        Ok(self.open_shell(config).await?)
    }

    async fn status(&self, config: &SindriConfig) -> anyhow::Result<DeploymentStatus> {
        let present = self.look(&self.watched()?, &config.name).await?;
        Ok(DeploymentStatus::of(&config.name, present.as_ref()))
    }

    async fn destroy(&self, config: &SindriConfig, force: bool) -> anyhow::Result<()> {
        self.destroy_environment(config, force, None).await?.log();
        Ok(())
    }

    async fn plan(&self, config: &SindriConfig) -> anyhow::Result<DeploymentPlan> {
        let (blueprint, plan) = self.planned(config).await?;
        Ok(DeploymentPlan::of(config, &blueprint, &plan, false))
    }

    async fn start(&self, config: &SindriConfig) -> anyhow::Result<()> {
        self.start_environment(config, None).await?.log();
        Ok(())
    }

    async fn stop(&self, config: &SindriConfig) -> anyhow::Result<()> {
        self.stop_environment(config, None).await?.log();
        Ok(())
    }

    fn supports_gpu(&self) -> bool {
        true
    }

    fn supports_auto_suspend(&self) -> bool {
        true
    }
}
