//! A spec as a document: read from JSON and written to it, field by field as the setters are named.

use std::{collections::BTreeMap, fmt, time::Duration};

use runpod_api::Secret;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::Value;

use crate::{
    AtEnd, Cloud, IfExists, Order, PodSpec, Problem, SpecError,
    serial::PLACEHOLDER,
    spec::{CpuSpec, GpuSpec, HardwareSpec, secret},
};

/// The value of a variable.
const NO_VALUE: &str = "is a text, or a reference such as {\"account_secret\": \"name\"}";

/// A spec, every field optional but the name. What is not there has its default.
#[derive(Clone, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema), schemars(rename = "PodSpec"))]
#[serde(deny_unknown_fields, default)]
struct Document {
    /// Name of the pod.
    #[cfg_attr(feature = "schemars", schemars(length(min = 1)))]
    name: String,
    /// Container image. Excludes `template` and `template_named`.
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    /// Id of a template of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<String>,
    /// Name of a template of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    template_named: Option<String>,
    /// GPU types and pools in order of preference. A pod with neither these nor `any_gpu` has no GPU.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    gpus: Vec<String>,
    /// Takes any GPU type that meets the needs, after those in `gpus`.
    #[serde(skip_serializing_if = "is_default")]
    any_gpu: bool,
    /// Number of GPUs. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_count: Option<u32>,
    /// Least VRAM of one GPU in GB, of types that nobody named.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_vram_gb: Option<u32>,
    /// Makers of types that nobody named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    manufacturers: Vec<String>,
    /// GPU types and pools that are left out among those that nobody named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude_gpus: Vec<String>,
    /// Least RAM per GPU in GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_ram_gb_per_gpu: Option<u32>,
    /// Fewest vCPUs per GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_vcpus_per_gpu: Option<u32>,
    /// CUDA versions that the host may have, such as `12.8`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cuda_versions: Vec<String>,
    /// Oldest CUDA version that the host may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_cuda_version: Option<String>,
    /// Number of vCPUs of a pod without GPU.
    #[serde(skip_serializing_if = "Option::is_none")]
    vcpus: Option<u32>,
    /// Fewest vCPUs of a pod without GPU. Excludes `vcpus`.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_vcpus: Option<u32>,
    /// CPU flavors allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cpu_flavors: Vec<String>,
    /// Least RAM of a pod without GPU in GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    min_ram_gb: Option<u32>,
    /// Order in which candidates are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order>,
    /// Most that the pod may cost in USD per hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_usd_per_hour: Option<f64>,
    /// Most that the pod may cost in USD in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_total_usd: Option<f64>,
    /// Cloud to use. Default: `secure`.
    #[serde(skip_serializing_if = "is_default")]
    cloud: Cloud,
    /// Data centers allowed. Default: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    data_centers: Vec<String>,
    /// Container disk in GB.
    #[serde(skip_serializing_if = "Option::is_none")]
    container_disk_gb: Option<u32>,
    /// Pod volume in GB. Excludes `network_volume`.
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_gb: Option<u32>,
    /// Id of a network volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    network_volume: Option<String>,
    /// Mount path of the volume. Default: `/workspace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    mount_path: Option<String>,
    /// Ports to open, such as `22/tcp`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<String>,
    /// Environment variables by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "read_env")]
    env: BTreeMap<String, EnvValue>,
    /// Labels by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    /// Words in place of the image's entrypoint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entrypoint: Vec<String>,
    /// Words in place of the image's command. Excludes `args`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    /// One shell line in place of the image's command.
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<String>,
    /// Id of the login that pulls the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    registry: Option<String>,
    /// Starts sshd, or does not. Default: if `22/tcp` is among the ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    ssh: Option<bool>,
    /// Starts JupyterLab.
    #[serde(skip_serializing_if = "is_default")]
    jupyter: bool,
    /// Joins RunPod's global network.
    #[serde(skip_serializing_if = "is_default")]
    global_networking: bool,
    /// Policy for a name that is taken. Default: `fail`.
    #[serde(skip_serializing_if = "is_default")]
    if_exists: IfExists,
    /// Lifetime of the pod in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime_seconds: Option<f64>,
    /// Policy for the end of the lifetime. Default: `terminate`.
    #[serde(skip_serializing_if = "is_default")]
    at_end: AtEnd,
    /// Longest wait for stock in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    patience_seconds: Option<f64>,
    /// Asks for a spot pod, which only REST v1 had.
    #[serde(skip_serializing_if = "is_default")]
    interruptible: bool,
    /// Asks for a public address of the pod's own, which only REST v1 had.
    #[serde(skip_serializing_if = "is_default")]
    public_ip: bool,
}

/// The value of an environment variable: a text, or a reference to a secret of the account, which is no secret itself.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(untagged)]
enum EnvValue {
    /// The text.
    Text(String),
    /// A secret of the account.
    Reference(Reference),
}

/// A reference to a secret of the account.
#[derive(Clone, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
struct Reference {
    /// Name of the secret, which RunPod fills in when the container starts.
    account_secret: String,
}

impl EnvValue {
    /// Reads a value; the error says what it should be, without the value.
    fn read(value: Value) -> Result<Self, &'static str> {
        match value {
            Value::String(text) if text == PLACEHOLDER => {
                Err("holds the placeholder of a value that was left out: give the value, or a reference")
            }
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(fields) if fields.len() == 1 => {
                let name = fields.get("account_secret").and_then(Value::as_str);
                let reference = |name: &str| Self::Reference(Reference { account_secret: name.to_owned() });
                name.map(reference).ok_or(NO_VALUE)
            }
            _ => Err(NO_VALUE),
        }
    }
}

/// The variables of a document, one as often as it is given, or something that is none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Variables {
    Pairs(Pairs),
    Other(IgnoredAny),
}

struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = fields.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Reads variables. Nothing that is wrong with a value is said with the value.
fn read_env<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, EnvValue>, D::Error> {
    let Variables::Pairs(Pairs(pairs)) = Variables::deserialize(deserializer)? else {
        return Err(D::Error::custom("env is an object of names and values"));
    };
    let mut variables = BTreeMap::new();
    for (name, value) in pairs {
        let value = EnvValue::read(value);
        let value =
            value.map_err(|problem| D::Error::custom(format!("variable {name:?} of env {problem}")))?;
        if variables.contains_key(&name) {
            return Err(D::Error::custom(format!("variable {name:?} of env is given twice")));
        }
        variables.insert(name, value);
    }
    Ok(variables)
}

/// A document that is an object: fields without names would be taken in their order.
struct Object(Document);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the settings of a pod")
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Object, A::Error> {
                Document::deserialize(MapAccessDeserializer::new(fields)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Makes a setting if there is one.
fn with<T>(spec: PodSpec, value: Option<T>, set: impl FnOnce(PodSpec, T) -> PodSpec) -> PodSpec {
    match value {
        Some(value) => set(spec, value),
        None => spec,
    }
}

impl Document {
    /// The spec that it is, or everything that is wrong with it.
    fn into_spec(self) -> Result<PodSpec, SpecError> {
        let (name, mut problems) = (self.name.clone(), self.contradictions());
        let spec = self.policies(self.network(self.storage(self.hardware())));
        if let Err(error) = spec.validate() {
            problems.extend_from_slice(error.problems());
        }
        if problems.is_empty() { Ok(spec) } else { Err(SpecError::new(&name, problems)) }
    }

    fn is_gpu(&self) -> bool {
        self.any_gpu || !self.gpus.is_empty()
    }

    /// Everything that excludes something else and could not be told from the spec any more.
    fn contradictions(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let sources = [&self.image, &self.template, &self.template_named].into_iter().flatten();
        if sources.clone().count() > 1 {
            let given: Vec<&str> = sources.map(String::as_str).collect();
            let allowed = "give one of image, template and template_named";
            problems.push(Problem::new("image", given.join(", "), allowed));
        }
        match self.vcpus.or(self.min_vcpus) {
            Some(count) if self.is_gpu() => {
                let allowed = "a pod has GPUs (gpus, any_gpu) or vCPUs alone (vcpus, min_vcpus), not both";
                problems.push(Problem::new("vcpus", count.to_string(), allowed));
            }
            None if !self.is_gpu() => {
                let allowed =
                    "say which hardware: gpus or any_gpu, or vcpus or min_vcpus for a pod without GPU";
                problems.push(Problem::new("gpus", "none", allowed));
            }
            _ => {}
        }
        let spans = [("lifetime", self.lifetime_seconds), ("patience", self.patience_seconds)];
        for (field, seconds) in spans.into_iter().filter_map(|(field, span)| Some((field, span?))) {
            if Duration::try_from_secs_f64(seconds).is_err() {
                let allowed = "a number of seconds is not negative, and none beyond every clock";
                problems.push(Problem::new(field, format!("{seconds:?}"), allowed));
            }
        }
        problems
    }

    fn hardware(&self) -> PodSpec {
        let (name, image) = (self.name.clone(), self.image.clone().unwrap_or_default());
        let spec = match (self.is_gpu(), self.vcpus) {
            (true, _) => PodSpec::gpu(name, image, self.gpus.clone()),
            (false, Some(count)) => PodSpec::cpu(name, image, count),
            // Without a word about hardware, that is the one problem to be told.
            (false, None) => PodSpec::any_cpu(name, image),
        };
        let spec = if self.any_gpu { spec.or_any_gpu() } else { spec };
        let spec = with(spec, self.gpu_count, PodSpec::gpu_count);
        let spec = with(spec, self.min_vram_gb, PodSpec::min_vram_gb);
        let spec = with(spec, self.min_ram_gb_per_gpu, PodSpec::min_ram_gb_per_gpu);
        let spec = with(spec, self.min_vcpus_per_gpu, PodSpec::min_vcpus_per_gpu);
        let spec = with(spec, self.min_cuda_version.clone(), PodSpec::min_cuda_version);
        let spec = with(spec, self.min_vcpus.filter(|_| !self.is_gpu()), PodSpec::min_vcpus);
        let spec = with(spec, self.min_ram_gb, PodSpec::min_ram_gb);
        let spec = self.manufacturers.iter().fold(spec, PodSpec::manufacturer);
        let spec = self.exclude_gpus.iter().fold(spec, PodSpec::exclude_gpu);
        let spec = self.cuda_versions.iter().fold(spec, PodSpec::cuda_version);
        self.cpu_flavors.iter().fold(spec, PodSpec::cpu_flavor)
    }

    fn storage(&self, spec: PodSpec) -> PodSpec {
        let spec = with(spec, self.template.clone(), PodSpec::template);
        let spec = with(spec, self.template_named.clone(), PodSpec::template_named);
        let spec = with(spec, self.registry.clone(), PodSpec::registry);
        let spec = with(spec, self.container_disk_gb, PodSpec::container_disk_gb);
        let spec = with(spec, self.volume_gb, PodSpec::volume_gb);
        let spec = with(spec, self.network_volume.clone(), PodSpec::network_volume);
        with(spec, self.mount_path.clone(), PodSpec::mount_path)
    }

    fn network(&self, spec: PodSpec) -> PodSpec {
        let spec = self.ports.iter().fold(spec, PodSpec::port);
        let spec = self.env.iter().fold(spec, |spec, (name, value)| match value {
            EnvValue::Text(text) => spec.env(name, text.as_str()),
            EnvValue::Reference(it) => spec.account_secret(name, &it.account_secret),
        });
        let spec = self.labels.iter().fold(spec, |spec, (key, value)| spec.label(key, value));
        let spec = spec.entrypoint(&self.entrypoint).cmd(&self.cmd);
        let spec = with(spec, self.args.clone(), PodSpec::args);
        let spec = with(spec, self.ssh, PodSpec::ssh).jupyter(self.jupyter);
        spec.global_networking(self.global_networking).public_ip(self.public_ip)
    }

    fn policies(&self, spec: PodSpec) -> PodSpec {
        let span = |seconds: Option<f64>| Duration::try_from_secs_f64(seconds?).ok();
        let spec = with(spec, self.order, PodSpec::order);
        let spec = with(spec, self.max_usd_per_hour, PodSpec::max_usd_per_hour);
        let spec = with(spec, self.max_total_usd, PodSpec::max_total_usd);
        let spec = self.data_centers.iter().fold(spec.cloud(self.cloud), PodSpec::data_center);
        let spec = with(spec, span(self.lifetime_seconds), PodSpec::lifetime);
        let spec = with(spec, span(self.patience_seconds), PodSpec::patience);
        spec.if_exists(self.if_exists).at_end(self.at_end).interruptible(self.interruptible)
    }

    /// The document of a spec, with the values of its variables or with placeholders.
    fn of(spec: &PodSpec, with_secrets: bool) -> Self {
        let variable = |(name, value): (&String, &Secret)| {
            let value = match secret::whole_reference(value.expose()) {
                Some(name) => EnvValue::Reference(Reference { account_secret: name.to_owned() }),
                None if with_secrets => EnvValue::Text(value.expose().to_owned()),
                None => EnvValue::Text(PLACEHOLDER.to_owned()),
            };
            (name.clone(), value)
        };
        let env = spec.env.iter().map(variable).collect();
        Self { env, ..Self::plain(spec) }.with_hardware(&spec.hardware)
    }

    /// Everything of a spec but its hardware and its variables.
    fn plain(spec: &PodSpec) -> Self {
        let spec = spec.clone();
        Self {
            name: spec.name,
            image: spec.image,
            template: spec.template,
            template_named: spec.template_name,
            order: spec.order,
            max_usd_per_hour: spec.max_usd_per_hour,
            max_total_usd: spec.max_total_usd,
            cloud: spec.cloud,
            data_centers: spec.data_centers,
            container_disk_gb: spec.container_disk_gb,
            volume_gb: spec.volume_gb,
            network_volume: spec.network_volume.map(|volume| volume.id),
            mount_path: spec.mount_path,
            ports: spec.ports,
            labels: spec.labels,
            entrypoint: spec.entrypoint,
            cmd: spec.cmd,
            args: spec.args,
            registry: spec.registry,
            ssh: spec.ssh,
            jupyter: spec.jupyter,
            global_networking: spec.global_networking,
            if_exists: spec.if_exists,
            lifetime_seconds: spec.lifetime.map(|span| span.as_secs_f64()),
            at_end: spec.at_end,
            patience_seconds: spec.patience.map(|span| span.as_secs_f64()),
            interruptible: spec.interruptible,
            public_ip: spec.public_ip,
            ..Self::default()
        }
    }

    fn with_hardware(self, hardware: &HardwareSpec) -> Self {
        match hardware.clone() {
            HardwareSpec::Gpu(gpu) => self.with_gpus(gpu),
            HardwareSpec::Cpu(CpuSpec { flavors, vcpus, is_by_need, min_ram_gb }) => Self {
                vcpus: (!is_by_need).then_some(vcpus),
                min_vcpus: is_by_need.then_some(vcpus),
                cpu_flavors: flavors,
                min_ram_gb,
                ..self
            },
        }
    }

    fn with_gpus(self, gpu: GpuSpec) -> Self {
        Self {
            gpus: gpu.types,
            any_gpu: gpu.takes_any,
            gpu_count: Some(gpu.count),
            min_vram_gb: gpu.need.min_vram_gb,
            manufacturers: gpu.need.manufacturers,
            exclude_gpus: gpu.need.excluded,
            min_ram_gb_per_gpu: gpu.min_ram_gb,
            min_vcpus_per_gpu: gpu.min_vcpus,
            cuda_versions: gpu.cuda_versions,
            min_cuda_version: gpu.min_cuda_version,
            ..self
        }
    }
}

impl PodSpec {
    /// Reads a spec from JSON: an object whose fields are named as the setters, with `gpus` or `any_gpu`, or `vcpus` or
    /// `min_vcpus`, saying which pod it is. Lists are in the plural (`ports`, `data_centers`, `exclude_gpus`), spans of
    /// time in seconds (`lifetime_seconds`, `patience_seconds`). A variable of `env` is a text, or
    /// `{"account_secret": "name"}`.
    ///
    /// ```
    /// use runpod_lifecycle::PodSpec;
    ///
    /// let spec = PodSpec::from_json(
    ///     r#"{"name": "trainer", "image": "runpod/pytorch:latest", "any_gpu": true, "min_vram_gb": 24,
    ///         "ports": ["22/tcp"], "env": {"HF_TOKEN": {"account_secret": "hf"}}}"#,
    /// )?;
    /// assert_eq!(spec.get_min_vram_gb(), Some(24));
    /// let error = PodSpec::from_json(r#"{"name": "trainer", "imgae": "x"}"#).unwrap_err();
    /// assert!(error.to_string().contains("unknown field `imgae`"));
    /// # Ok::<(), runpod_lifecycle::SpecError>(())
    /// ```
    ///
    /// # Errors
    /// [`SpecError`] with every contradiction and everything that [`validate`](Self::validate) finds; with the one place that is no
    /// such field or value, if there is one. Nothing is sent.
    pub fn from_json(text: &str) -> Result<Self, SpecError> {
        let unread = |error: serde_json::Error| {
            let place = format!("line {} column {}", error.line(), error.column());
            SpecError::new("", vec![Problem::new("json", place, error.to_string())])
        };
        serde_json::from_str::<Object>(text).map_err(unread)?.0.into_spec()
    }

    /// The spec for a serializer, with the values of its environment variables, which are secrets: take care where it
    /// goes. Serialized by itself, a spec has a placeholder for each value that is no reference to a secret of the
    /// account, and is not read again until they are filled in.
    ///
    /// ```
    /// let spec = runpod_lifecycle::PodSpec::cpu("builder", "ubuntu:24.04", 2).env("TOKEN", "hunter2");
    /// assert!(!serde_json::to_string(&spec)?.contains("hunter2"));
    /// let json = serde_json::to_string(&spec.with_secrets())?;
    /// assert!(runpod_lifecycle::PodSpec::from_json(&json).is_ok());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn with_secrets(&self) -> impl Serialize {
        WithSecrets(self)
    }

    fn write<S: Serializer>(&self, with_secrets: bool, serializer: S) -> Result<S::Ok, S::Error> {
        // A setting on the wrong kind of pod has no place in a document.
        self.validate().map_err(serde::ser::Error::custom)?;
        Document::of(self, with_secrets).serialize(serializer)
    }
}

struct WithSecrets<'a>(&'a PodSpec);

impl Serialize for WithSecrets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(true, serializer)
    }
}

impl Serialize for PodSpec {
    /// As [`from_json`](PodSpec::from_json) reads it, with placeholders for secrets. A spec that does not validate is an
    /// error.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(false, serializer)
    }
}

impl<'de> Deserialize<'de> for PodSpec {
    /// As [`from_json`](PodSpec::from_json), from any format.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::deserialize(deserializer)?.0.into_spec().map_err(D::Error::custom)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for PodSpec {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PodSpec".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = Document::json_schema(generator);
        schema.insert("required".to_owned(), serde_json::json!(["name"]));
        schema
    }
}
