//! Secrets of the account, which RunPod fills in when a container starts.

use runpod_api::Secret;
use tokio::time::sleep;

use crate::{
    AccountSecret, Error, ErrorKind, RunPod,
    account::{delete::Deleted, known::all_named},
    backend::Items,
    client::call::Call,
    error::operation::Operation,
    knowledge::evidence::lag_pauses,
    spec::secret::name_problem,
    version::Feature,
};

impl RunPod {
    /// The account's secrets, in RunPod's order. Values are never shown.
    ///
    /// # Errors
    /// If they cannot be read, each of them; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn list_account_secrets(&self) -> Result<Vec<AccountSecret>, Error> {
        self.read_secrets(None).await?.whole(Call::read(Operation::ListSecrets, None))
    }

    /// Stores a secret under a name, or replaces the value of the one that has it.
    ///
    /// Pods take it by [`PodSpec::account_secret`](crate::PodSpec::account_secret). RunPod never gives the value out again,
    /// and fills it in when a container starts: a pod that runs keeps the old one until its next start. Names are unique on RunPod, so
    /// that a lost answer leads to no second one.
    ///
    /// ```no_run
    /// # async fn example(runpod: runpod_lifecycle::RunPod) -> Result<(), Box<dyn std::error::Error>> {
    /// use runpod_lifecycle::PodSpec;
    ///
    /// runpod.set_account_secret("hf", std::env::var("HF_TOKEN")?).await?;
    /// let spec = PodSpec::any_gpu("trainer", "image").account_secret("HF_TOKEN", "hf");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] for a name of none or more than 191 characters, or one that no reference can name, and for an empty
    /// value, before anything is sent. [`ErrorKind::Conflict`] if RunPod says that the name is taken, and its list does not show by
    /// whom for 15 s; [`ErrorKind::NotFound`] if the list shows it for as long, and RunPod does not know it. [`ErrorKind::Unsupported`] on REST v1.
    ///
    /// # Cancellation
    /// If the future is dropped after a request was sent, the value may have been stored.
    pub async fn set_account_secret(
        &self,
        name: &str,
        value: impl Into<Secret>,
    ) -> Result<AccountSecret, Error> {
        let (call, value) = (Call::mutation(Operation::SetSecret, name), value.into());
        self.require(Feature::AccountSecrets, call)?;
        let empty = Some("the value is empty").filter(|_| value.expose().is_empty());
        if let Some(problem) = name_problem(name).or(empty) {
            return Err(call.refused(ErrorKind::Rejected, format!("not sent: {problem}")));
        }
        let mut stored = self.operation(call, self.store_secret(name, &value)).await?;
        stored.name.get_or_insert_with(|| name.to_owned());
        self.lookups().secrets.made(&stored);
        Ok(stored)
    }

    /// Creates the secret, or replaces its value, by what the list shows: as often as RunPod's answer says that the list is
    /// behind, for 15 s. Names are unique, so that a create is harmless where one has the name, and proves by its success
    /// that another is gone.
    async fn store_secret(&self, name: &str, value: &Secret) -> Result<AccountSecret, Error> {
        let call = Call::mutation(Operation::SetSecret, name);
        let (mut pauses, mut unknown) = (lag_pauses().skip(1), None);
        loop {
            let named = self.secret_named(name).await?;
            let refusal = match named.filter(|known| unknown.as_ref() != Some(&known.id)) {
                Some(known) => match self.replace_secret(&known.id, name, value).await {
                    // It is gone, or too new to be known by its id.
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        unknown = Some(known.id);
                        error
                    }
                    outcome => return outcome,
                },
                None => {
                    let create = || async { self.backend().v2()?.create_secret(name, value).await };
                    match self.repeatedly(call, create).await {
                        // Taken a moment ago, by an attempt without an answer or by somebody else.
                        Err(error) if error.kind() == ErrorKind::Conflict => {
                            unknown = None;
                            error
                        }
                        outcome => {
                            let stored = checked(outcome?, None, name)?;
                            if let Some(gone) = unknown {
                                self.lookups().secrets.deleted(&gone);
                            }
                            return Ok(stored);
                        }
                    }
                }
            };
            let Some(pause) = pauses.next() else {
                return Err(
                    refusal.with_note("RunPod's list said otherwise for 15 s, so the value was not stored")
                );
            };
            sleep(pause).await;
        }
    }

    /// Deletes a secret of the account by its name or id. One that is gone already is fine, which takes lists over 15 s to tell.
    ///
    /// A pod whose environment names it keeps its value until its next start.
    ///
    /// # Errors
    /// If the list cannot be read, or shows no name for a secret that may be this one, or the call fails; [`ErrorKind::Unsupported`] on
    /// REST v1.
    ///
    /// # Cancellation
    /// If the future is dropped after the request was sent, the secret may be gone.
    pub async fn delete_account_secret(&self, name_or_id: &str) -> Result<(), Error> {
        let call = Call::mutation(Operation::DeleteSecret, name_or_id);
        self.operation(call, self.end_secret(name_or_id)).await
    }

    async fn end_secret(&self, name_or_id: &str) -> Result<(), Error> {
        // One list that lacks it proves nothing: it may have been stored a moment ago.
        let (mut pauses_left, mut gone) = (lag_pauses(), Vec::new());
        while let Some(pause) = pauses_left.next() {
            sleep(pause).await;
            let mut all = self.list_account_secrets().await?;
            all.retain(|secret| !gone.contains(&secret.id));
            let by_name = || all.iter().find(|secret| secret.name.as_deref() == Some(name_or_id));
            let Some(known) = all.iter().find(|secret| secret.id == name_or_id).or_else(by_name) else {
                let call = Call::read(Operation::ListSecrets, Some(name_or_id));
                all_named(&all, call)?;
                continue;
            };
            let call = Call::mutation(Operation::DeleteSecret, known.id.as_str());
            let delete = || async { self.backend().v2()?.delete_secret(&known.id).await };
            let deleted = self.delete_stored(&known.id, call, &self.lookups().secrets, delete).await?;
            if deleted == Deleted::Now || known.id == name_or_id {
                return Ok(());
            }
            // Another may have taken its name.
            gone.push(known.id.clone());
            pauses_left = lag_pauses();
        }
        Ok(())
    }

    async fn replace_secret(&self, id: &str, name: &str, value: &Secret) -> Result<AccountSecret, Error> {
        let call = Call::mutation(Operation::SetSecret, name);
        let update = || async { self.backend().v2()?.update_secret(id, value).await };
        checked(self.repeatedly(call, update).await?, Some(id), name)
    }

    async fn secret_named(&self, name: &str) -> Result<Option<AccountSecret>, Error> {
        let named = self
            .read_secrets(Some(name))
            .await?
            .named(name, Call::read(Operation::ListSecrets, Some(name)))?;
        Ok(named.into_iter().next())
    }

    pub(crate) async fn read_secrets(&self, name: Option<&str>) -> Result<Items<AccountSecret>, Error> {
        let call = Call::read(Operation::ListSecrets, name);
        let read = || async { self.backend().v2()?.secrets(name).await };
        self.read_stored(Feature::AccountSecrets, call, &self.lookups().secrets, read).await
    }
}

/// An answer about another secret is none about this one. `id` is `None` for a new one.
fn checked(stored: AccountSecret, id: Option<&str>, name: &str) -> Result<AccountSecret, Error> {
    let is_it = !stored.id.is_empty()
        && id.is_none_or(|id| stored.id == id)
        && stored.name.as_deref().is_none_or(|own| own == name);
    match is_it {
        true => Ok(stored),
        false => {
            let message = format!("the answer is about another secret, {:?}", stored.id);
            Err(Call::mutation(Operation::SetSecret, name).refused(ErrorKind::Unreadable, message))
        }
    }
}
