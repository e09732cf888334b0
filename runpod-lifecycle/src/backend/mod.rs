//! The only place that reads generated types, beside `raw`, which hands them out: one file per version of RunPod's API.

pub(crate) mod pages;
#[cfg(feature = "v1")]
pub(crate) mod v1;
pub(crate) mod v2;

use std::{collections::BTreeMap, fmt::Display};

use runpod_api::{
    ByteStream, Failure, LenientList, MalformedItem, Number, ResponseValue, Secret,
    http::{HeaderMap, StatusCode},
};

use crate::{
    ApiVersion, Cloud, CpuFlavor, GpuType, Hardware, Pod, PodSpec, Port,
    backend::pages::NextPage,
    knowledge::listing::Unreadable,
    pod::{
        log::{LogQuery, Resume},
        port,
    },
};

/// RunPod, in one of its versions.
#[derive(Debug)]
pub(crate) enum Backend {
    V2(v2::V2),
    #[cfg(feature = "v1")]
    V1(v1::V1),
}

/// Calls the method of whichever version is there.
macro_rules! either {
    ($backend:expr, $name:ident => $call:expr) => {
        match $backend {
            Backend::V2($name) => $call,
            #[cfg(feature = "v1")]
            Backend::V1($name) => $call,
        }
    };
}

impl Backend {
    pub(crate) fn version(&self) -> ApiVersion {
        match self {
            Self::V2(_) => ApiVersion::V2,
            #[cfg(feature = "v1")]
            Self::V1(_) => ApiVersion::V1,
        }
    }

    pub(crate) async fn list(&self, cursor: Option<&str>) -> Result<Answer<PodPage>, Failure> {
        match self {
            Self::V2(v2) => v2.list(cursor).await,
            #[cfg(feature = "v1")]
            Self::V1(v1) => v1.list().await,
        }
    }

    pub(crate) async fn get(&self, id: &str) -> Result<Answer<Pod>, Failure> {
        either!(self, version => version.get(id).await)
    }

    pub(crate) async fn create(&self, create: &Create<'_>) -> Result<Answer<Pod>, Failure> {
        either!(self, version => version.create(create).await)
    }

    pub(crate) async fn act(&self, id: &str, action: Action) -> Result<Answer<Option<Pod>>, Failure> {
        either!(self, version => version.act(id, action).await)
    }

    /// The value is the status of the success: the contract knows 204 only.
    pub(crate) async fn delete(&self, id: &str) -> Result<Answer<StatusCode>, Failure> {
        either!(self, version => version.delete(id).await)
    }

    pub(crate) async fn network_volume_data_center(
        &self,
        id: &str,
    ) -> Result<Answer<Option<String>>, Failure> {
        either!(self, version => version.network_volume_data_center(id).await)
    }

    pub(crate) async fn gpu_types(&self, count: u32, cloud: Cloud) -> Result<Answer<Vec<GpuType>>, Failure> {
        self.v2()?.gpu_types(count, cloud).await
    }

    pub(crate) async fn cpu_flavors(&self) -> Result<Answer<Vec<CpuFlavor>>, Failure> {
        self.v2()?.cpu_flavors().await
    }

    pub(crate) async fn data_centers(&self) -> Result<Answer<Vec<DataCenter>>, Failure> {
        self.v2()?.data_centers().await
    }

    pub(crate) async fn billed_usd(&self, id: &str) -> Result<Answer<f64>, Failure> {
        self.v2()?.billed_usd(id).await
    }

    pub(crate) async fn ssh_keys(&self) -> Result<Answer<SshKeys>, Failure> {
        self.v2()?.ssh_keys().await
    }

    pub(crate) async fn set_ssh_keys(&self, keys: &[String]) -> Result<Answer<()>, Failure> {
        self.v2()?.set_ssh_keys(keys).await
    }

    pub(crate) async fn logs(
        &self,
        id: &str,
        query: &LogQuery,
        resume: &Resume,
    ) -> Result<Answer<ByteStream>, Failure> {
        self.v2()?.logs(id, query, resume).await
    }

    /// For what only v2 has. Callers ask [`supports`](crate::RunPod::supports) first.
    pub(crate) fn v2(&self) -> Result<&v2::V2, Failure> {
        match self {
            Self::V2(v2) => Ok(v2),
            #[cfg(feature = "v1")]
            Self::V1(_) => Err(unsendable("", "REST v1 cannot do this")),
        }
    }
}

/// A value together with the status and the headers it came with.
#[derive(Debug)]
pub(crate) struct Answer<T> {
    pub(crate) value: T,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

pub(crate) fn answer<T, U>(response: ResponseValue<T>, read: impl FnOnce(T) -> U) -> Answer<U> {
    let status = response.status();
    let (value, headers) = response.into_parts();
    Answer { value: read(value), status, headers }
}

/// A success whose body says nothing.
fn status<T>(response: ResponseValue<T>) -> Answer<StatusCode> {
    let status = response.status();
    answer(response, |_| status)
}

/// A value that the contract's types refuse although validation let it pass.
fn unsendable(operation: &'static str, problem: impl Display) -> Failure {
    Failure::invalid(operation, &problem.to_string())
}

/// An id of the server's that cannot move a terminal's cursor when it is shown.
fn printable(id: String) -> String {
    if id.contains(char::is_control) { id.replace(char::is_control, "\u{fffd}") } else { id }
}

/// A price in USD per hour; `None` for a number that is no price of anything. RunPod shows 0 where it names none.
fn price(usd: Number) -> Option<f64> {
    Some(usd.get()).filter(|usd| *usd > 0.0 && *usd < 1e6)
}

/// The ports of an answer, and what of them this crate cannot read.
fn ports(listed: Option<&LenientList<String>>) -> (Vec<Port>, Vec<String>) {
    let texts = listed.into_iter().flat_map(|list| list.iter().cloned());
    let malformed =
        listed.into_iter().flat_map(|list| list.malformed()).map(|malformed| malformed.json().to_owned());
    port::read(texts.chain(malformed))
}

/// The account's public SSH keys.
#[derive(Clone, Debug)]
pub(crate) struct SshKeys {
    pub(crate) readable: Vec<String>,
    /// The number of entries that are no text.
    pub(crate) unreadable: usize,
}

/// A list of what the account stores.
#[derive(Clone, Debug)]
pub(crate) struct Items<T> {
    /// In RunPod's order.
    pub(crate) items: Vec<T>,
    /// The entries that could not be read.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// A data center of RunPod's catalog.
#[derive(Clone, Debug)]
pub(crate) struct DataCenter {
    pub(crate) id: String,
    /// True if it takes network volumes; `None` if the catalog does not say.
    pub(crate) has_volumes: Option<bool>,
}

/// One page of the pod list.
#[derive(Debug)]
pub(crate) struct PodPage {
    pub(crate) pods: Vec<Pod>,
    /// The entries that could not be read.
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) next: NextPage,
}

/// An entry of a list of `what` that cannot be read.
fn unreadable(malformed: &MalformedItem, what: &str) -> Unreadable {
    let entry: serde_json::Value = serde_json::from_str(malformed.json()).unwrap_or_default();
    let text = |field: &str| entry.get(field).and_then(|value| value.as_str()).map(str::to_owned);
    let id = text("id");
    let (_, noun) = what.split_once(' ').unwrap_or_default();
    let which = id.as_ref().map(|id| format!(", in {noun} {id}")).unwrap_or_default();
    let problem = format!(
        "the list holds {what} that cannot be read: at {} expected {}{which}",
        malformed.path(),
        malformed.expected()
    );
    Unreadable { id, name: text("name"), problem }
}

/// Everything that is sent for one candidate.
#[derive(Debug)]
pub(crate) struct Create<'a> {
    pub(crate) spec: &'a PodSpec,
    pub(crate) hardware: &'a Hardware,
    pub(crate) cloud: Cloud,
    pub(crate) data_centers: &'a [String],
    /// The spec's environment with what this crate adds.
    pub(crate) env: &'a BTreeMap<String, Secret>,
}

/// An action on a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Restart,
}
