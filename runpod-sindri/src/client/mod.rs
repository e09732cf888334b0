//! The provider's settings and its handle on RunPod.

pub(crate) mod prerequisite;
mod ssh;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use runpod_lifecycle::{ApiVersion, Event, RunPod, Secret};

use crate::{ProviderError, SindriConfig, blueprint::Blueprint, variables::Variables};

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
    variables: Variables,
    /// The secrets' values, if the program that embeds it has resolved them.
    resolved: Option<BTreeMap<String, Secret>>,
    observer: Option<Observe>,
    /// Shared by clones, so that they know of each other's deploys.
    client: Arc<OnceLock<RunPod>>,
    fails_early: bool,
    label: Option<(String, String)>,
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
    /// A program that embeds the provider hands over the secrets it has resolved this way.
    #[must_use]
    pub fn environment_variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<Secret>,
    {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.variables = Variables::Given(variables.collect());
        self.client = Arc::default();
        self
    }

    /// Takes these values for the config's secrets in place of looking them up, for a program that embeds the provider and has
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

    /// Tells everything wrong with a config that can be told without asking RunPod, its image aside. Sends nothing.
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

    /// Takes only pods that carry this label for an environment's own, and labels those that it deploys with it: another pod of an
    /// environment's name is neither reached nor stopped nor destroyed. Default: the name alone counts.
    #[must_use]
    pub fn only_labelled(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.label = Some((key.into(), value.into()));
        self
    }

    pub(crate) fn label(&self) -> Option<(&str, &str)> {
        self.label.as_ref().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn fails_early(&self) -> bool {
        self.fails_early
    }

    pub(crate) fn variables(&self) -> &Variables {
        &self.variables
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
        let key = self.variables.own(KEY)?.ok_or(runpod_lifecycle::ConfigError::MissingKey)?;
        let url = match &self.api_url {
            Some(url) => Some(url.clone()),
            None => self.variables.own(URL)?.map(|url| url.expose().to_owned()),
        };
        let builder = RunPod::builder(key).api_version(self.api_version()?);
        let builder = url.into_iter().fold(builder, |builder, url| builder.base_url(url));
        let builder = self.http_proxy.iter().fold(builder, |builder, proxy| builder.http_proxy(proxy));
        let client = builder.build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }

    /// The version of the API to speak: `RUNPOD_API_VERSION`, else v2.
    pub(crate) fn api_version(&self) -> Result<ApiVersion, ProviderError> {
        let version = self.variables.own(VERSION)?.map(|version| version.expose().to_owned());
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
}

impl fmt::Debug for RunpodProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunpodProvider")
            .field("output_dir", &self.output_dir)
            .field("api_url", &self.api_url)
            .finish_non_exhaustive()
    }
}
