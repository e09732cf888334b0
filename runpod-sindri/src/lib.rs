#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod action;
mod blueprint;
mod client;
mod config;
mod deploy;
mod environment;
mod error;
mod provider;
mod secrets;
mod state;
mod variables;

pub use action::ActionReport;
pub use client::RunpodProvider;
pub use client::prerequisite::{Prerequisite, PrerequisiteStatus};
pub use config::error::{ConfigError, ConfigProblem};
pub use config::job::{JobCommand, JobConfig, KeepPod};
pub use config::runpod::{CloudType, ExposedPort, GpuTypes, LifetimeEnd, NetworkVolume, RunpodConfig};
pub use config::schema::schema;
pub use config::secret::{SecretConfig, SecretSource};
pub use config::{
    BuildFromSource, DeploymentConfig, GpuConfig, GpuTier, ImageConfig, ProvidersConfig, ResourcesConfig,
    SindriConfig, VolumesConfig, WorkspaceVolume,
};
pub use deploy::DeployResult;
pub use deploy::options::DeployOptions;
pub use deploy::plan::{ActionType, CostEstimate, DeploymentPlan, PlannedAction, PlannedResource};
pub use environment::connection::ConnectionInfo;
pub use environment::status::{Address, AddressType, DeploymentStatus, DeploymentTimestamps, ResourceUsage};
pub use error::{Outcome, ProviderError};
pub use provider::Provider;
pub use state::DeploymentState;
