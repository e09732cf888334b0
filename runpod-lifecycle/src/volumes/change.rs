//! Growing and deleting network volumes.

use tokio::time::Instant;

use crate::{
    Error, ErrorKind, Pod, RunPod, Volume, VolumeError,
    client::call::{Attempts, Call},
    error::operation::Operation,
    knowledge::evidence::Finding,
    version::Feature,
    volumes::size_problem,
};

impl RunPod {
    /// Grows a network volume to `size_gb` (at most 4096). One that has the size already is left as it is.
    ///
    /// # Errors
    /// [`VolumeError::WouldShrink`] if it is larger already: volumes never shrink, so nothing is sent.
    /// [`ErrorKind::NotFound`] if there is no such volume; [`ErrorKind::Unreadable`] if RunPod's answer does not show the size.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the volume may have grown.
    ///
    /// # Cost
    /// It bills by its new size from then on, and cannot be made smaller again.
    pub async fn grow_volume(&self, id: &str, size_gb: u32) -> Result<Volume, VolumeError> {
        let call = Call::mutation(Operation::GrowNetworkVolume, id);
        self.operation(call, self.grown_volume(call, id, size_gb)).await
    }

    async fn grown_volume(&self, call: Call<'_>, id: &str, size_gb: u32) -> Result<Volume, VolumeError> {
        self.require(Feature::NetworkVolumes, call)?;
        if let Some(problem) = size_problem(size_gb) {
            return Err(call.refused(ErrorKind::Rejected, format!("not sent: {problem}")).into());
        }
        let volume = self.latest(self.volume(id).await?);
        let wanted = i64::from(size_gb);
        match volume.size_gb {
            None => {
                let message = "not sent: RunPod does not say how large it is, so it might shrink";
                return Err(call.refused(ErrorKind::Unreadable, message).into());
            }
            Some(size) if size > wanted => return Err(VolumeError::WouldShrink { volume, size_gb }),
            Some(size) if size == wanted => return Ok(volume),
            Some(_) => {}
        }
        let send = || async { self.backend().v2()?.resize_volume(id, size_gb).await };
        let grown = self.repeatedly(call, send).await?;
        if grown.id != id || grown.size_gb.is_none_or(|size| size < wanted) {
            let message =
                "RunPod's answer does not show the new size: look at the volume before asking again";
            return Err(call.refused(ErrorKind::Unreadable, message).into());
        }
        let (name, data_center) = (grown.name.or(volume.name), grown.data_center.or(volume.data_center));
        let grown = Volume { name, data_center, ..grown };
        self.lookups().volumes.made(&grown);
        Ok(grown)
    }

    /// Deletes a network volume with all its data, for good. One that is gone already is fine.
    ///
    /// While a pod mounts it, stopped or not, nothing is sent; nor while that is in doubt, as with an entry of the pod list that
    /// nobody can read. If the key may not list pods, RunPod's own refusal is relied upon. While the volume is so new that a 404
    /// proves nothing, the request is sent again, for up to 15 s.
    ///
    /// # Errors
    /// [`VolumeError::Mounted`] while a pod mounts it, with the pods as far as they are known; [`ErrorKind::Unreadable`] if RunPod
    /// does not say what a pod mounts. On any other error assume that it is there.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the volume may be gone.
    ///
    /// # Cost
    /// On success it bills no more. No rate limit holds its requests back.
    pub async fn delete_volume(&self, id: &str) -> Result<(), VolumeError> {
        let call = Call::ending(Operation::DeleteNetworkVolume, id);
        self.operation(call, self.end_volume(call, id)).await
    }

    async fn end_volume(&self, call: Call<'_>, id: &str) -> Result<(), VolumeError> {
        self.require(Feature::NetworkVolumes, call)?;
        let ending = self.for_ending();
        let mounting = ending.mounting(id).await?;
        if !mounting.is_empty() {
            return Err(VolumeError::Mounted { volume_id: id.to_owned(), pod_ids: mounting, source: None });
        }
        let delete = || async { self.backend().v2()?.delete_volume(id).await };
        match ending.delete_stored(id, call, &self.lookups().volumes, delete).await {
            // It may have been mounted a moment ago.
            Err(error) if error.kind() == ErrorKind::InUse => {
                let pod_ids = ending.mounting(id).await.unwrap_or_default();
                Err(VolumeError::Mounted { volume_id: id.to_owned(), pod_ids, source: Some(error) })
            }
            outcome => Ok(outcome.map(drop)?),
        }
    }

    /// The ids of the pods that mount a volume: those that a list shows, and those created lately that it lacks. None if the
    /// key may not list pods.
    ///
    /// # Errors
    /// If it cannot be told of one pod.
    async fn mounting(&self, volume_id: &str) -> Result<Vec<String>, Error> {
        let listing = match self.read_list(Attempts::Several).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(Vec::new()),
            listing => listing?,
        };
        let in_doubt = |pod: &&Pod| pod.mounts(volume_id) != Some(false);
        let listed = listing.pods.iter().filter(in_doubt).map(|pod| (pod.id.clone(), pod.listed_at()));
        let mut asked: Vec<(String, Option<Instant>)> = listed.collect();
        for entry in &listing.unreadable {
            let call = Call::read(Operation::ListPods, None);
            let unknown = || {
                call.refused(ErrorKind::Unreadable, format!("{}, so it may mount the volume", entry.problem))
            };
            asked.push((entry.id.clone().ok_or_else(unknown)?, Some(listing.came_at)));
        }
        let unlisted = self.lookups().records.created_unlisted(&listing);
        asked.extend(unlisted.iter().filter_map(|record| record.pod()).map(|pod| (pod.id.clone(), None)));
        let mut mounting = Vec::new();
        for (id, listed_at) in asked {
            if self.does_mount(&id, volume_id, listed_at).await? {
                mounting.push(id);
            }
        }
        Ok(mounting)
    }

    /// Returns true if a pod is there and mounts a volume, by its id: a list may show one that is gone. One that RunPod does
    /// not know by its id yet is taken to mount it.
    async fn does_mount(&self, id: &str, volume_id: &str, listed_at: Option<Instant>) -> Result<bool, Error> {
        let (pod, finding) = self
            .examine(id, Attempts::Several, listed_at)
            .await
            .map_err(|error| error.with_note("it may mount the volume, so the delete was not sent"))?;
        match pod {
            _ if finding == Finding::Gone => Ok(false),
            None => Ok(true),
            Some(pod) => pod.mounts(volume_id).ok_or_else(|| {
                let message = "RunPod does not say what it mounts, so it may mount the volume: terminate it, or ask again";
                Call::read(Operation::GetPod, Some(id)).refused(ErrorKind::Unreadable, message)
            }),
        }
    }
}
