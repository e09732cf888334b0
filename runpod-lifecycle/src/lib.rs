#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account;
mod backend;
#[cfg(feature = "blocking")]
pub mod blocking;
mod catalog;
mod client;
mod condition;
mod deploy;
mod diagnosis;
mod error;
mod event;
mod handle;
mod knowledge;
mod logs;
mod observe;
mod pod;
mod pods;
mod probe;
mod raw;
#[cfg(feature = "serde")]
mod serial;
mod spec;
mod ssh_keys;
mod stored;
mod version;
mod volumes;
mod wait;
mod warning;
mod word;

pub use runpod_api as api;

pub use client::RunPod;
pub use client::builder::{ConfigError, RunPodBuilder};
pub use condition::http::{HttpAnswer, HttpReady};
pub use condition::idle::Idle;
pub use condition::own::OwnProbe;
pub use condition::{Condition, Gone, Probe, Ready, Running, Stopped, Verdict};
pub use deploy::candidate::{Candidate, LeftOut};
pub use deploy::error::{Aftermath, Attempt, DeployError, Waited};
pub use deploy::fleet::{DeployAll, Terminated};
pub use deploy::plan::{Plan, PlannedAction};
pub use deploy::scope::{ScopeError, Scoped, WithPod};
pub use deploy::{DeployAndWait, OnFailure};
pub use diagnosis::{Cause, Diagnosis};
pub use error::Error;
pub use error::kind::ErrorKind;
pub use event::Event;
pub use event::rate_window::RateWindow;
pub use event::report::{OperationReport, Outcome, RequestReport};
pub use handle::{Origin, PodHandle};
pub use logs::Logs;
pub use pod::cloud::Cloud;
pub use pod::connection::{Connection, SshCommand};
pub use pod::endpoint::{SshEndpoint, TcpEndpoint};
pub use pod::lifetime::AtEnd;
pub use pod::load::{GpuLoad, Load};
pub use pod::log::{LogLine, LogSource};
pub use pod::port::{InvalidPort, Port, Protocol};
pub use pod::state::PodState;
pub use pod::{Cpu, Gpu, Pod};
pub use pods::accepted::Accepted;
pub use pods::cost::{CostSoFar, HourlyCost};
pub use pods::labelled::Labelled;
pub use pods::list::Found;
pub use pods::reap::{End, KeptBecause, Reaped};
pub use pods::search::GaveWay;
pub use raw::Pages;
pub use runpod_api::{Secret, printable, printable_json};
pub use spec::difference::Difference;
pub use spec::error::{Problem, SpecError};
pub use spec::hardware::{Hardware, Order};
pub use spec::offer::{CpuFlavor, GpuType, Stock};
pub use spec::{IfExists, PodSpec};
pub use stored::{AccountSecret, Registry, Template, Volume, VolumeRef};
pub use version::ApiVersion;
pub use volumes::{Place, error::VolumeError};
pub use wait::{
    Progress, Wait, WaitStream,
    cause::WaitCause,
    error::{WaitError, WaitReport},
};
pub use warning::Warning;
pub use word::UnknownWord;
