//! Growing and deleting network volumes.

use crate::{
    Error, ErrorKind, PodHandle, RunPod, Volume, VolumeError,
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
        self.require(Feature::NetworkVolumes, call)?;
        if let Some(problem) = size_problem(size_gb) {
            return Err(call.refused(ErrorKind::Rejected, format!("not sent: {problem}")).into());
        }
        let volume = self.volume(id).await?;
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
    /// While a pod mounts it, stopped or not, nothing is sent. If the key may not list pods, RunPod's own refusal is relied upon.
    ///
    /// # Errors
    /// [`VolumeError::Mounted`] while a pod mounts it, with the pods as far as they are known. On any other error assume
    /// that it is there.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the volume may be gone.
    ///
    /// # Cost
    /// On success it bills no more. No rate limit holds the request back.
    pub async fn delete_volume(&self, id: &str) -> Result<(), VolumeError> {
        let call = Call::ending(Operation::DeleteNetworkVolume, id);
        self.require(Feature::NetworkVolumes, call)?;
        let mounting = match self.mounting(id).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => Vec::new(),
            mounting => mounting?,
        };
        if !mounting.is_empty() {
            return Err(VolumeError::Mounted { volume_id: id.to_owned(), pod_ids: mounting, source: None });
        }
        let delete = || async { self.backend().v2()?.delete_volume(id).await };
        match self.delete_stored(id, call, &self.lookups().volumes, delete).await {
            // It may have been mounted a moment ago.
            Err(error) if error.kind() == ErrorKind::InUse => {
                let pod_ids = self.mounting(id).await.unwrap_or_default();
                Err(VolumeError::Mounted { volume_id: id.to_owned(), pod_ids, source: Some(error) })
            }
            outcome => Ok(outcome?),
        }
    }

    /// The ids of the pods that mount a volume. A list may show a pod that is gone: each is asked for by its id.
    async fn mounting(&self, volume_id: &str) -> Result<Vec<String>, Error> {
        let mut ids = Vec::new();
        for pod in self.list().await?.iter().filter(|pod| pod.network_volume.as_deref() == Some(volume_id)) {
            if self.is_there(pod).await? {
                ids.push(pod.id.clone());
            }
        }
        Ok(ids)
    }

    async fn is_there(&self, pod: &PodHandle) -> Result<bool, Error> {
        let (_, finding) = self.examine(&pod.id, Attempts::Several, pod.listed_at()).await?;
        Ok(finding != Finding::Gone)
    }
}
