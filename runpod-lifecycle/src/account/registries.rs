//! Logins for container registries.

use runpod_api::Secret;

use crate::{
    Error, ErrorKind, Event, Registry, RunPod, Warning,
    account::{
        create::{CreateError, Creation, shown},
        known::{known, only},
    },
    backend::Items,
    client::call::Call,
    error::operation::Operation,
    knowledge::names,
    version::Feature,
};

impl RunPod {
    /// The account's logins for container registries, in RunPod's order. Users and passwords are never shown.
    ///
    /// # Errors
    /// If they cannot be read, each of them; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn list_registries(&self) -> Result<Vec<Registry>, Error> {
        self.read_registries().await?.whole(Call::read(Operation::ListRegistries, None))
    }

    /// Returns the registry credential of this name, made with this user and password if there is none.
    ///
    /// RunPod shows neither the user nor the password of one that is there, so they cannot be compared: it is left as it is, and
    /// [`Event::Warned`] says so. To replace a password, [delete](Self::delete_registry) the credential first. Calls for
    /// one name through one `RunPod` and its clones take turns.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), Box<dyn std::error::Error>> {
    /// use runpod_lifecycle::PodSpec;
    ///
    /// let token = std::env::var("GHCR_TOKEN")?;
    /// let login = runpod.ensure_registry("ghcr", "me", token).await?;
    /// let spec = PodSpec::any_gpu("private", "ghcr.io/me/image:1").registry(&login.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if several have the name, with their ids, or if another call for it does not end. After an
    /// unclear create (5xx, lost answer) lists are searched for 15 s, no second create is sent, and the error says
    /// what may exist. [`ErrorKind::Unsupported`] on REST v1.
    ///
    /// # Cancellation
    /// If the future is dropped after the create was sent, the credential may exist. A further call through this `RunPod` reads
    /// lists for 15 s before it takes it that there is none.
    pub async fn ensure_registry(
        &self,
        name: &str,
        user: &str,
        password: impl Into<Secret>,
    ) -> Result<Registry, Error> {
        let (call, password) = (Call::mutation(Operation::CreateRegistry, name), password.into());
        self.operation(call, self.ensured_registry(call, name, user, &password)).await
    }

    async fn ensured_registry(
        &self,
        call: Call<'_>,
        name: &str,
        user: &str,
        password: &Secret,
    ) -> Result<Registry, Error> {
        self.require(Feature::Registries, call)?;
        for (what, text) in [("name", name), ("user", user), ("password", password.expose())] {
            if text.trim().is_empty() {
                return Err(call.refused(ErrorKind::Rejected, format!("not sent: the {what} is empty")));
            }
        }
        let (names, recent) = (&self.lookups().registry_names, &self.lookups().registries);
        let Some(mut taken) = names.take(name).await else {
            return Err(call.refused(ErrorKind::Conflict, names::busy()));
        };
        let listed = known(name, names, || self.read_registries()).await?;
        if let Some(known) = only(listed.named(name, call)?, call)? {
            let warning = Warning::RegistryNotCompared { name: name.to_owned(), id: known.id.clone() };
            self.notify(&Event::Warned { warning });
            return Ok(known);
        }
        taken.is_creating = true;
        let made = self.make_registry(name, user, password, &listed.items).await;
        taken.is_creating = false;
        let mut made = made?;
        made.name.get_or_insert_with(|| name.to_owned());
        recent.made(&made);
        Ok(made)
    }

    async fn make_registry(
        &self,
        name: &str,
        user: &str,
        password: &Secret,
        before: &[Registry],
    ) -> Result<Registry, Error> {
        let is_it = |one: &Registry| one.name.as_ref().map(|own| own == name);
        let call = Call::mutation(Operation::CreateRegistry, name);
        let creation = Creation { call, what: "registry credential", name, before, is_it: &is_it };
        let send = || async { self.backend().v2()?.create_registry(name, user, password).await };
        creation.run(self, send, || self.read_registries()).await.map_err(|error| match error {
            CreateError::Refused(error) => error,
            CreateError::Unclear { error, found, lookup } => error.with_note(&format!(
                "it may exist ({}): look at list_registries before ensuring it again",
                shown(&found, lookup.as_ref())
            )),
        })
    }

    /// Deletes a registry credential by its id. One that is gone already is fine.
    ///
    /// Templates that name it lose it without notice.
    ///
    /// # Errors
    /// [`ErrorKind::InUse`] while a pod pulls with it; [`ErrorKind::Unsupported`] on REST v1.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the credential may be gone.
    pub async fn delete_registry(&self, id: &str) -> Result<(), Error> {
        let call = Call::mutation(Operation::DeleteRegistry, id);
        self.require(Feature::Registries, call)?;
        let delete = || async { self.backend().v2()?.delete_registry(id).await };
        let deleted = self.delete_stored(id, call, &self.lookups().registries, delete);
        self.operation(call, deleted).await.map(drop)
    }

    async fn read_registries(&self) -> Result<Items<Registry>, Error> {
        let call = Call::read(Operation::ListRegistries, None);
        let read = || async { self.backend().v2()?.registries().await };
        self.read_stored(Feature::Registries, call, &self.lookups().registries, read).await
    }
}
