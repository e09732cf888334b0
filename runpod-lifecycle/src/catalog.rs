//! Reading RunPod's catalog.

use crate::{
    Cloud, CpuFlavor, Error, GpuType, RunPod, client::call::Call, error::operation::Operation,
    version::Feature,
};

impl RunPod {
    /// RunPod's GPU types as one cloud offers them to pods with `count` GPUs. For [`Cloud::Either`]
    /// the secure cloud is asked.
    ///
    /// # Errors
    /// If the catalog cannot be read; [`ErrorKind::Unsupported`](crate::ErrorKind) on REST v1.
    pub async fn gpu_types(&self, count: u32, cloud: Cloud) -> Result<Vec<GpuType>, Error> {
        let call = Call::read(Operation::ListGpuTypes, None);
        self.require(Feature::Catalog, call)?;
        self.repeatedly(call, || self.backend().gpu_types(count, cloud)).await
    }

    /// RunPod's CPU flavors as it offers them to pods.
    ///
    /// # Errors
    /// If the catalog cannot be read; [`ErrorKind::Unsupported`](crate::ErrorKind) on REST v1.
    pub async fn cpu_flavors(&self) -> Result<Vec<CpuFlavor>, Error> {
        let call = Call::read(Operation::ListCpuFlavors, None);
        self.require(Feature::Catalog, call)?;
        self.repeatedly(call, || self.backend().cpu_flavors()).await
    }
}
