//! Templates of pods.

use serde::{Deserialize, Serialize};

use crate::world::{
    order::{CreatePod, Env, GpuOrder, PersistentMount},
    store::Stored,
};

/// A pod template. A pod takes its values once, when it is created.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Template {
    pub(crate) id: String,
    #[serde(flatten)]
    pub(crate) body: TemplateBody,
}

/// The body of a template, as a request writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateBody {
    pub(crate) name: String,
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) args: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) entrypoint: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cmd: Option<Vec<String>>,
    #[serde(default = "disk")]
    pub(crate) disk: u64,
    /// Without any there is no such key.
    #[serde(default, skip_serializing_if = "TemplateMounts::is_empty")]
    pub(crate) mounts: TemplateMounts,
    #[serde(default)]
    pub(crate) ports: Vec<String>,
    #[serde(default)]
    pub(crate) env: Env,
    #[serde(default)]
    pub(crate) registry: Option<String>,
    #[serde(default)]
    pub(crate) serverless: bool,
    #[serde(default)]
    pub(crate) public: bool,
    #[serde(default)]
    pub(crate) category: Category,
    #[serde(default = "yes")]
    pub(crate) start_ssh: bool,
    #[serde(default = "yes")]
    pub(crate) start_jupyter: bool,
    #[serde(default)]
    pub(crate) allowed_cuda_versions: Vec<String>,
}

fn yes() -> bool {
    true
}

/// GB of container disk, unless the template says otherwise.
fn disk() -> u64 {
    20
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TemplateMounts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) persistent: Option<PersistentMount>,
}

impl TemplateMounts {
    fn is_empty(&self) -> bool {
        self.persistent.is_none()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Category {
    Cpu,
    #[default]
    Nvidia,
    Amd,
}

impl Stored for Template {
    fn id(&self) -> &str {
        &self.id
    }
}

impl TemplateBody {
    /// Fills in what an order leaves open.
    pub(crate) fn complete(&self, order: &mut CreatePod) {
        let body = self.clone();
        order.image.get_or_insert(body.image);
        order.disk.get_or_insert(body.disk);
        order.args.get_or_insert(body.args);
        order.ports.get_or_insert(body.ports);
        order.start_ssh.get_or_insert(body.start_ssh);
        order.start_jupyter.get_or_insert(body.start_jupyter);
        order.entrypoint = order.entrypoint.take().or(body.entrypoint);
        order.cmd = order.cmd.take().or(body.cmd);
        order.registry = order.registry.take().or(body.registry);
        if order.mounts.network.is_none() && order.cpu.is_none() {
            order.mounts.persistent = order.mounts.persistent.take().or(body.mounts.persistent);
        }
        for (name, value) in body.env.0 {
            order.env.0.entry(name).or_insert(value);
        }
        let free =
            |gpu: &&mut GpuOrder| gpu.min_cuda_version.is_none() && gpu.allowed_cuda_versions.is_empty();
        if let Some(gpu) = order.gpu.as_mut().filter(free) {
            gpu.allowed_cuda_versions = body.allowed_cuda_versions;
        }
    }
}

/// Templates that every account sees.
pub(crate) fn public() -> Vec<Template> {
    let template = |id: &str, name: &str, image: &str| {
        let body = TemplateBody {
            name: name.to_owned(),
            image: image.to_owned(),
            args: String::new(),
            entrypoint: None,
            cmd: None,
            disk: disk(),
            mounts: TemplateMounts::default(),
            ports: vec!["8888/http".to_owned(), "22/tcp".to_owned()],
            env: Env::default(),
            registry: None,
            serverless: false,
            public: true,
            category: Category::Nvidia,
            start_ssh: true,
            start_jupyter: true,
            allowed_cuda_versions: Vec::new(),
        };
        Template { id: id.to_owned(), body }
    };
    vec![
        template("simubuntu1", "Ubuntu", "ubuntu:24.04"),
        template("simpytorch", "PyTorch", "pytorch/pytorch:2.8.0-cuda12.8-cudnn9-runtime"),
    ]
}
