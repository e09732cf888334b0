//! Network volumes: finding them, and making one where the stock is.

mod change;
pub(crate) mod error;

use crate::{
    Error, ErrorKind, Event, PodSpec, RunPod, Volume, VolumeError,
    account::{
        create::{CreateError, Creation},
        known::{known, only},
    },
    backend::Items,
    client::call::Call,
    error::operation::Operation,
    knowledge::names,
    spec::offer::same_data_center,
    version::Feature,
};

/// Sizes that RunPod sells, in GB.
const SIZES_GB: std::ops::RangeInclusive<u32> = 10..=4096;

/// The place of a network volume to make.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Place<'a> {
    /// This data center, for example `EU-RO-1`, in any case.
    DataCenter(&'a str),
    /// The data center with the best stock of the first of this spec's candidates that is in stock somewhere. The spec
    /// need not be able to mount the volume yet; its cloud must not be [`Cloud::Community`](crate::Cloud), which has no
    /// network volumes. A volume that is there is taken wherever it is, in stock or not, among the spec's own data centers if it
    /// names some. The spec's patience is for pods: nothing is waited for here.
    WhereInStock(&'a PodSpec),
}

impl Place<'_> {
    /// The data centers in which a volume that is there will do; empty for any.
    fn allowed(self) -> Vec<String> {
        match self {
            Self::DataCenter(id) => vec![id.to_owned()],
            Self::WhereInStock(spec) => spec.data_centers.clone(),
        }
    }
}

impl RunPod {
    /// The account's network volumes, in RunPod's order.
    ///
    /// # Errors
    /// If they cannot be read, each of them; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn list_volumes(&self) -> Result<Vec<Volume>, Error> {
        self.read_volumes().await?.whole(Call::read(Operation::ListNetworkVolumes, None))
    }

    /// The network volume of this name; `None` only if the list could be read and shows none. What was made through this
    /// `RunPod` and its clones in the last 15 s counts, although RunPod may not list it yet.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if several have the name, with their ids; as [`list_volumes`](Self::list_volumes) else.
    pub async fn find_volume(&self, name: &str) -> Result<Option<Volume>, Error> {
        let call = Call::read(Operation::ListNetworkVolumes, Some(name));
        only(self.known_volumes(name).await?.named(name, call)?, call)
    }

    /// Returns the network volume of this name, made with `size_gb` (10 to 4096) in `place` if there is none.
    ///
    /// One that is there is taken if it has at least the size and is in the place, which for [`Place::WhereInStock`] is any that
    /// the spec's own data centers allow. It is never grown, moved or deleted: more space costs money for good, so [`grow_volume`](Self::grow_volume) is a call of its own. Calls for one name through
    /// one `RunPod` and its clones take turns; two processes at the same moment may make two.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), Box<dyn std::error::Error>> {
    /// use runpod_lifecycle::{Place, PodSpec};
    ///
    /// let spec = PodSpec::any_gpu("trainer", "runpod/pytorch:latest").min_vram_gb(24);
    /// let data = runpod.ensure_volume("data", 100, Place::WhereInStock(&spec)).await?;
    /// let pod = runpod.deploy(&spec.network_volume(&data)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`VolumeError`]: the place or the size of the one that is there does not fit, several have the name, or a create
    /// was unclear. After an unclear create (5xx, lost answer) lists are searched for 15 s for a volume of this name, size and
    /// place, and no second create is ever sent.
    ///
    /// # Cancellation
    /// If the future is dropped after the create was sent, the volume may exist and bill. A further call through this
    /// `RunPod` reads lists for 15 s before it takes it that there is none.
    ///
    /// # Cost
    /// A network volume bills by its size until it is deleted, mounted or not. RunPod's API names no price.
    pub async fn ensure_volume(
        &self,
        name: &str,
        size_gb: u32,
        place: Place<'_>,
    ) -> Result<Volume, VolumeError> {
        let call = Call::mutation(Operation::CreateNetworkVolume, name);
        self.operation(call, self.ensured_volume(call, name, size_gb, place)).await
    }

    async fn ensured_volume(
        &self,
        call: Call<'_>,
        name: &str,
        size_gb: u32,
        place: Place<'_>,
    ) -> Result<Volume, VolumeError> {
        self.require(Feature::NetworkVolumes, call)?;
        if let Some(problem) = problem(name, size_gb) {
            return Err(call.refused(ErrorKind::Rejected, format!("not sent: {problem}")).into());
        }
        let Some(mut taken) = self.lookups().volume_names.take(name).await else {
            return Err(VolumeError::Busy { name: name.to_owned(), waited: names::PATIENCE });
        };
        let listed = self.known_volumes(name).await?;
        let mut named = listed.named(name, call)?;
        if named.len() > 1 {
            return Err(VolumeError::Several { name: name.to_owned(), volumes: named, after: None });
        }
        if let Some(volume) = named.pop() {
            return self.fitting(volume, size_gb, place).await;
        }
        let data_center = self.spelled(&self.best_place(name, place).await?, call).await?;
        taken.is_creating = true;
        let made = self.make_volume(name, size_gb, &data_center, &listed.items).await;
        taken.is_creating = false;
        let mut made = made?;
        made.name.get_or_insert_with(|| name.to_owned());
        made.data_center.get_or_insert(data_center);
        self.lookups().volumes.made(&made);
        self.notify(&Event::VolumeMade {
            volume_id: made.id.clone(),
            name: name.to_owned(),
            size_gb,
            data_center: made.data_center.clone().unwrap_or_default(),
        });
        Ok(made)
    }

    async fn make_volume(
        &self,
        name: &str,
        size_gb: u32,
        data_center: &str,
        before: &[Volume],
    ) -> Result<Volume, VolumeError> {
        let is_it = |volume: &Volume| is_it(volume, name, size_gb, data_center);
        let call = Call::mutation(Operation::CreateNetworkVolume, name);
        let creation = Creation { call, what: "network volume", name, before, is_it: &is_it };
        let send = || async { self.backend().v2()?.create_volume(name, size_gb, data_center).await };
        creation.run(self, send, || self.read_volumes()).await.map_err(|error| match error {
            CreateError::Refused(error) => VolumeError::Call(error),
            CreateError::Unclear { error, found, .. } if found.len() > 1 => {
                VolumeError::Several { name: name.to_owned(), volumes: found, after: Some(error) }
            }
            CreateError::Unclear { error, found, lookup } => VolumeError::Unclear {
                name: name.to_owned(),
                volume_ids: found.into_iter().map(|volume| volume.id).collect(),
                source: error,
                lookup,
            },
        })
    }

    /// The data center in which a volume is best made.
    async fn best_place(&self, name: &str, place: Place<'_>) -> Result<String, VolumeError> {
        let spec = match place {
            Place::DataCenter(id) => return Ok(id.to_owned()),
            Place::WhereInStock(spec) => spec,
        };
        let (name, pod_name) = (name.to_owned(), spec.name().to_owned());
        match self.stocked_data_centers(spec).await.map_err(VolumeError::Placement)? {
            None => Err(VolumeError::StockUntold { name, pod_name }),
            Some(places) => places.into_iter().next().ok_or(VolumeError::NowhereInStock { name, pod_name }),
        }
    }

    /// A volume that has the name already, if it is where it should be and large enough.
    async fn fitting(&self, volume: Volume, size_gb: u32, place: Place<'_>) -> Result<Volume, VolumeError> {
        let volume = self.latest(volume);
        // A list may leave out what the volume's own answer has.
        let is_whole = volume.size_gb.is_some() && volume.data_center.is_some();
        let volume = if is_whole { volume } else { self.volume(&volume.id).await? };
        let (Some(size), Some(home)) = (volume.size_gb, &volume.data_center) else {
            let call = Call::read(Operation::GetNetworkVolume, Some(&volume.id));
            let message = "RunPod does not say how large it is and where, so it may not fit";
            return Err(call.refused(ErrorKind::Unreadable, message).into());
        };
        let wanted = place.allowed();
        if !wanted.is_empty() && !wanted.iter().any(|id| same_data_center(id, home)) {
            return Err(VolumeError::Elsewhere { volume, wanted });
        }
        if size < i64::from(size_gb) {
            return Err(VolumeError::TooSmall { volume, size_gb });
        }
        Ok(volume)
    }

    /// A volume that an answer shows, or as a change through this handle left it: volumes never shrink, so of two answers the
    /// larger is the later one.
    fn latest(&self, volume: Volume) -> Volume {
        let changed = self.lookups().volumes.shown(&volume.id);
        changed.filter(|changed| changed.size_gb > volume.size_gb).unwrap_or(volume)
    }

    async fn known_volumes(&self, name: &str) -> Result<Items<Volume>, Error> {
        known(name, &self.lookups().volume_names, || self.read_volumes()).await
    }

    async fn read_volumes(&self) -> Result<Items<Volume>, Error> {
        let call = Call::read(Operation::ListNetworkVolumes, None);
        let read = || async { self.backend().v2()?.volumes().await };
        self.read_stored(Feature::NetworkVolumes, call, &self.lookups().volumes, read).await
    }

    async fn volume(&self, id: &str) -> Result<Volume, Error> {
        let call = Call::read(Operation::GetNetworkVolume, Some(id));
        self.require(Feature::NetworkVolumes, call)?;
        let volume = self.repeatedly(call, || async { self.backend().v2()?.volume(id).await }).await?;
        if volume.id == id {
            self.lookups().volumes.saw(std::slice::from_ref(&volume));
            return Ok(volume);
        }
        Err(call
            .refused(ErrorKind::Unreadable, format!("the answer is about another volume, {:?}", volume.id)))
    }
}

/// Returns what keeps a volume from being made so; `None` if nothing does.
fn problem(name: &str, size_gb: u32) -> Option<String> {
    if name.trim().is_empty() || name.trim() != name || name.contains(char::is_control) {
        return Some("a name is not empty and has no spaces around it and no control characters".to_owned());
    }
    size_problem(size_gb)
}

/// Returns what is wrong with a size; `None` if RunPod sells it.
fn size_problem(size_gb: u32) -> Option<String> {
    let (least, most) = (SIZES_GB.start(), SIZES_GB.end());
    let is_sold = SIZES_GB.contains(&size_gb);
    (!is_sold).then(|| format!("{size_gb} GB is no size that RunPod sells, which are {least} to {most} GB"))
}

/// Returns true if a volume is what was asked for; `None` if it does not show that.
fn is_it(volume: &Volume, name: &str, size_gb: u32, data_center: &str) -> Option<bool> {
    let facts = [
        volume.name.as_ref().map(|own| own == name),
        volume.size_gb.map(|own| own == i64::from(size_gb)),
        volume.data_center.as_ref().map(|own| same_data_center(own, data_center)),
    ];
    match facts.contains(&Some(false)) {
        true => Some(false),
        false => facts.iter().all(Option::is_some).then_some(true),
    }
}
