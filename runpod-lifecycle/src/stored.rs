//! Things that an account stores beside its pods, as RunPod described them.

/// Something that the account stores under an id and a name.
pub(crate) trait Stored: Clone {
    fn id(&self) -> &str;
    fn name(&self) -> Option<&str>;
}

/// A network volume: storage in one data center that outlives the pods that mount it.
///
/// Only the id is certain. Everything else is `None` where RunPod left it out or sent something unreadable.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Volume {
    /// RunPod's id.
    pub id: String,
    /// The name it was given. Not unique.
    pub name: Option<String>,
    /// Size in GB, 10 to 4096. It can grow and never shrinks.
    pub size_gb: Option<i64>,
    /// The data center that holds it, for example `EU-RO-1`. It never moves, and pods that mount it run there.
    pub data_center: Option<String>,
    /// USD per month, by RunPod's word; `None` as long as its API names no price of network volumes, as today.
    pub usd_per_month: Option<f64>,
}

/// A network volume for a spec to mount: its id, and the data center if that is known.
///
/// ```
/// use runpod_lifecycle::VolumeRef;
///
/// assert_eq!(VolumeRef::from("agv6w2qcg7").data_center, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VolumeRef {
    /// RunPod's id.
    pub id: String,
    /// The data center that holds it; `None` to have a deploy look it up.
    pub data_center: Option<String>,
}

/// A stored login for a container registry. User and password are never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registry {
    /// RunPod's id, which [`PodSpec::registry`](crate::PodSpec::registry) takes.
    pub id: String,
    /// The name it was given; `None` if RunPod did not say.
    pub name: Option<String>,
}

/// A secret of the account. Its value is never shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountSecret {
    /// RunPod's id.
    pub id: String,
    /// Its name, unique in the account; `None` if RunPod did not say.
    pub name: Option<String>,
    /// When it was made (RFC 3339); `None` if RunPod did not say.
    pub created_at: Option<String>,
    /// When its value was last replaced (RFC 3339); `None` if never, or if RunPod did not say.
    pub updated_at: Option<String>,
}

/// A template of the account: container settings under a name. Its environment is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Template {
    /// RunPod's id, which [`PodSpec::template`](crate::PodSpec::template) takes.
    pub id: String,
    /// Its name; `None` if RunPod did not say.
    pub name: Option<String>,
    /// Container image; `None` if RunPod did not say.
    pub image: Option<String>,
    /// True for a template of serverless endpoints, which no pod can use; `None` if RunPod did not say.
    pub is_serverless: Option<bool>,
}

macro_rules! stored {
    ($($kind:ty),+) => {
        $(impl Stored for $kind {
            fn id(&self) -> &str {
                &self.id
            }

            fn name(&self) -> Option<&str> {
                self.name.as_deref()
            }
        })+
    };
}

stored!(Volume, Registry, AccountSecret, Template);

impl From<&Volume> for VolumeRef {
    fn from(volume: &Volume) -> Self {
        Self { id: volume.id.clone(), data_center: volume.data_center.clone() }
    }
}

impl From<Volume> for VolumeRef {
    fn from(volume: Volume) -> Self {
        Self { id: volume.id, data_center: volume.data_center }
    }
}

impl From<String> for VolumeRef {
    fn from(id: String) -> Self {
        Self { id, data_center: None }
    }
}

impl From<&str> for VolumeRef {
    fn from(id: &str) -> Self {
        id.to_owned().into()
    }
}

impl From<&String> for VolumeRef {
    fn from(id: &String) -> Self {
        id.clone().into()
    }
}
