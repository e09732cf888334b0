//! Network volumes that are not as they were wanted.

use std::{fmt, time::Duration};

use runpod_api::printable;

use crate::{DeployError, Error, ErrorKind, Volume};

/// A network volume that could not be brought to what was wanted.
///
/// Its text says the whole: what was being done, what RunPod said, what to do. What the text has said is not in its
/// source again.
#[derive(Debug)]
#[non_exhaustive]
pub enum VolumeError {
    /// A call failed. Its text says if it may have been done all the same.
    Call(Error),
    /// The data centers where a spec's hardware is in stock could not be found out. Nothing was created.
    Placement(DeployError),
    /// No data center that takes network volumes has stock of the spec's hardware, by RunPod's catalog. Nothing was created.
    NowhereInStock {
        /// The name of the volume.
        name: String,
        /// The name of the spec's pod.
        pod_name: String,
    },
    /// RunPod's catalog could not be read, or does not say in which data centers the spec's hardware is in stock. Nothing was created.
    StockUntold {
        /// The name of the volume.
        name: String,
        /// The name of the spec's pod.
        pod_name: String,
    },
    /// Several volumes have the name, before or after an unclear create. None was deleted.
    ///
    /// # Cost
    /// Each bills until it is deleted.
    Several {
        /// The name.
        name: String,
        /// The volumes.
        volumes: Vec<Volume>,
        /// The failure of the create after which they showed up; `None` if they were there before.
        after: Option<Error>,
    },
    /// The volume of this name is in another data center, and volumes never move. Nothing was created.
    Elsewhere {
        /// The volume.
        volume: Volume,
        /// The data centers that were wanted.
        wanted: Vec<String>,
    },
    /// The volume of this name is smaller than wanted. It was left so, since growing costs money and cannot be undone:
    /// [`grow_volume`](crate::RunPod::grow_volume) does it.
    TooSmall {
        /// The volume.
        volume: Volume,
        /// The wanted size in GB.
        size_gb: u32,
    },
    /// A volume was to grow to less than it has. Nothing was sent but a read.
    WouldShrink {
        /// The volume.
        volume: Volume,
        /// The size in GB that was asked for.
        size_gb: u32,
    },
    /// Pods mount the volume that was to be deleted. It was not.
    Mounted {
        /// Id of the volume.
        volume_id: String,
        /// Ids of the pods, as far as they are known.
        pod_ids: Vec<String>,
        /// RunPod's refusal; `None` if nothing was sent.
        source: Option<Error>,
    },
    /// Another call for this name through the same handle, or a clone of it, has not come to an end. Nothing was sent.
    Busy {
        /// The name.
        name: String,
        /// The time for which the other one was waited for.
        waited: Duration,
    },
    /// A create was sent, its answer was lost, and lists brought no certainty for 15 s. No other create was sent.
    ///
    /// # Cost
    /// A volume of this name may exist and bill. Look for it ([`find_volume`](crate::RunPod::find_volume)) before ensuring it again.
    Unclear {
        /// The name of the volume that may exist.
        name: String,
        /// Ids of volumes that may be it.
        volume_ids: Vec<String>,
        /// The failure of the create.
        source: Error,
        /// The failure of the last search; `None` if lists could be read.
        lookup: Option<Error>,
    },
}

impl VolumeError {
    /// Returns true if a volume that the call was not meant to leave may exist and bill.
    #[must_use]
    pub fn may_bill(&self) -> bool {
        matches!(self, Self::Unclear { .. } | Self::Several { after: Some(_), .. })
    }

    /// The kind of the failed call below it; `None` if RunPod answered every call.
    #[must_use]
    pub fn kind(&self) -> Option<ErrorKind> {
        self.call().map(Error::kind)
    }

    fn call(&self) -> Option<&Error> {
        match self {
            Self::Call(error) | Self::Unclear { source: error, .. } => Some(error),
            Self::Several { after, .. } => after.as_ref(),
            Self::Mounted { source, .. } => source.as_ref(),
            Self::Placement(DeployError::Lookup(error)) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for VolumeError {
    fn from(error: Error) -> Self {
        Self::Call(error)
    }
}

/// A volume by its name and id.
fn called(volume: &Volume) -> String {
    match &volume.name {
        Some(name) => format!("network volume {name:?} ({})", volume.id),
        None => format!("network volume {}", volume.id),
    }
}

fn size(volume: &Volume) -> String {
    volume.size_gb.map_or("an unknown size".to_owned(), |size| format!("{size} GB"))
}

fn place(volume: &Volume) -> &str {
    volume.data_center.as_deref().unwrap_or("an unknown place")
}

impl fmt::Display for VolumeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.what()))
    }
}

impl VolumeError {
    fn what(&self) -> String {
        match self {
            Self::Call(error) => error.to_string(),
            Self::Placement(error) => format!("no network volume was created: {error}"),
            Self::NowhereInStock { name, pod_name } => format!(
                "network volume {name:?} was not created: no data center that takes network volumes has stock of what pod {pod_name:?} asks for; allow other hardware or name a data center"
            ),
            Self::StockUntold { name, pod_name } => format!(
                "network volume {name:?} was not created: RunPod's catalog does not tell in which data centers there is stock of what pod {pod_name:?} asks for; name a data center"
            ),
            Self::Several { name, volumes, after } => several(name, volumes, after.as_ref()),
            Self::Elsewhere { volume, wanted } => format!(
                "{} is in {} and never moves, and {} was wanted: choose another name, or a pod in {}",
                called(volume),
                place(volume),
                wanted.join(" or "),
                place(volume)
            ),
            Self::TooSmall { volume, size_gb } => format!(
                "{} has {}, not {size_gb} GB: grow it with grow_volume, which costs more and cannot be undone, or ask for less",
                called(volume),
                size(volume)
            ),
            Self::WouldShrink { volume, size_gb } => format!(
                "{} has {} and never shrinks, so {size_gb} GB was not sent; make a smaller one of another name",
                called(volume),
                size(volume)
            ),
            Self::Mounted { volume_id, pod_ids, source } => mounted(volume_id, pod_ids, source.as_ref()),
            Self::Busy { name, waited } => format!(
                "network volume {name:?} was not asked for, since another call for it through this handle has not come to an end within {} s; let it end or drop it, then call again",
                waited.as_secs()
            ),
            Self::Unclear { name, volume_ids, source, lookup } => {
                unclear(name, volume_ids, source, lookup.as_ref())
            }
        }
    }
}

fn several(name: &str, volumes: &[Volume], after: Option<&Error>) -> String {
    let each = |volume: &Volume| format!("{} ({} in {})", volume.id, size(volume), place(volume));
    let each: Vec<String> = volumes.iter().map(each).collect();
    let after = after.map(|error| format!(", after an unclear create ({})", error.what()));
    format!(
        "several network volumes have the name {name:?}{}: {}; each bills, so delete all but one, or use an id",
        after.unwrap_or_default(),
        each.join(", ")
    )
}

fn mounted(volume_id: &str, pod_ids: &[String], source: Option<&Error>) -> String {
    let pods = match pod_ids {
        [] => "a pod".to_owned(),
        [one] => format!("pod {one}"),
        several => format!("pods {}", several.join(", ")),
    };
    let said = source.map(|error| format!(" ({})", error.what()));
    format!(
        "network volume {volume_id} was not deleted, since {pods} may need it: terminate what mounts it first{}",
        said.unwrap_or_default()
    )
}

fn unclear(name: &str, volume_ids: &[String], source: &Error, lookup: Option<&Error>) -> String {
    let which = match volume_ids {
        [] => String::new(),
        ids => format!(" as {}", ids.join(", ")),
    };
    let failed = lookup.map(|error| format!("; the last search: {}", error.what()));
    format!(
        "it is unclear if network volume {name:?} was created{which}, and it may bill: look for it with find_volume before ensuring it again ({}{})",
        source.what(),
        failed.unwrap_or_default()
    )
}

impl std::error::Error for VolumeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Placement(error) => error.source(),
            other => other.call()?.source(),
        }
    }
}
