#![doc = include_str!("../README.md")]

mod action;
mod blueprint;
mod config;
mod config_error;
mod connect;
mod connection;
mod deploy;
mod destroy;
mod environment;
mod error;
mod options;
mod plan;
mod prerequisite;
mod present;
mod provider;
mod ready;
mod record;
mod runpod_config;
mod runpod_provider;
mod schema;
mod secret;
mod state;
mod status;
mod yaml;

pub use action::ActionReport;
pub use config::{
    BuildFromSource, DeploymentConfig, GpuConfig, GpuTier, ImageConfig, ProvidersConfig, ResourcesConfig,
    SindriConfig, VolumesConfig, WorkspaceVolume,
};
pub use config_error::{ConfigError, ConfigProblem};
pub use connection::ConnectionInfo;
pub use deploy::DeployResult;
pub use error::{Outcome, ProviderError};
pub use options::DeployOptions;
pub use plan::{ActionType, CostEstimate, DeploymentPlan, PlannedAction, PlannedResource};
pub use prerequisite::{Prerequisite, PrerequisiteStatus};
pub use provider::Provider;
pub use runpod_config::{CloudType, ExposedPort, GpuTypes, LifetimeEnd, RunpodConfig};
pub use runpod_provider::RunpodProvider;
pub use schema::schema;
pub use secret::{SecretConfig, SecretSource};
pub use state::DeploymentState;
pub use status::{Address, AddressType, DeploymentStatus, DeploymentTimestamps, ResourceUsage};
