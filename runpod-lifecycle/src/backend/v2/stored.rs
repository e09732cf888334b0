//! Things that an account stores beside its pods, on REST v2.

use runpod_api::{Failure, Int, Integer, LenientList, Secret, http::StatusCode, v2::types};

use crate::{
    AccountSecret, Registry, Template, Volume,
    backend::{Answer, Items, answer, pages::NextPage, printable, status, unreadable, unsendable},
    knowledge::listing::Unreadable,
    stored::Stored,
};

use super::{PAGE, V2, next_page};

impl V2 {
    pub(crate) async fn volumes(&self) -> Result<Answer<Items<Volume>>, Failure> {
        let response = self.client.list_network_volumes().await?;
        Ok(answer(response, |list| {
            let volumes = items(list.network_volumes, "a network volume", volume);
            unless_cut(volumes, list.pagination)
        }))
    }

    pub(crate) async fn volume(&self, id: &str) -> Result<Answer<Volume>, Failure> {
        self.client.get_network_volume(id).await.map(|response| answer(response, volume))
    }

    pub(crate) async fn create_volume(
        &self,
        name: &str,
        size_gb: u32,
        data_center: &str,
    ) -> Result<Answer<Volume>, Failure> {
        const OPERATION: &str = "create_network_volume";
        let data_center: types::CreateNetworkVolumeRequestDataCenter =
            data_center.parse().map_err(|_| unsendable(OPERATION, "the data center is empty"))?;
        let name: types::CreateNetworkVolumeRequestName =
            name.parse().map_err(|_| unsendable(OPERATION, "the name is empty"))?;
        let size = Int::try_from(size_gb).map_err(|error| unsendable(OPERATION, error))?;
        let body = types::CreateNetworkVolumeRequest::new(data_center, name, size);
        self.client.create_network_volume(&body).await.map(|response| answer(response, volume))
    }

    pub(crate) async fn resize_volume(&self, id: &str, size_gb: u32) -> Result<Answer<Volume>, Failure> {
        let size = Int::try_from(size_gb).map_err(|error| unsendable("update_network_volume", error))?;
        let body = types::UpdateNetworkVolumeRequest::new().size(size);
        self.client.update_network_volume(id, &body).await.map(|response| answer(response, volume))
    }

    pub(crate) async fn delete_volume(&self, id: &str) -> Result<Answer<StatusCode>, Failure> {
        self.client.delete_network_volume(id).await.map(status)
    }

    pub(crate) async fn registries(&self) -> Result<Answer<Items<Registry>>, Failure> {
        let response = self.client.list_registries().await?;
        Ok(answer(response, |list| {
            let registries = items(list.registries, "a registry credential", registry);
            unless_cut(registries, list.pagination)
        }))
    }

    pub(crate) async fn create_registry(
        &self,
        name: &str,
        user: &str,
        password: &Secret,
    ) -> Result<Answer<Registry>, Failure> {
        const OPERATION: &str = "create_registry";
        let name: types::CreateRegistryRequestName =
            name.parse().map_err(|_| unsendable(OPERATION, "the name is empty"))?;
        let user: types::CreateRegistryRequestUsername =
            user.parse().map_err(|_| unsendable(OPERATION, "the user is empty"))?;
        let password =
            password.expose().parse().map_err(|_| unsendable(OPERATION, "the password is empty"))?;
        let body = types::CreateRegistryRequest::new(name, password, user);
        self.client.create_registry(&body).await.map(|response| answer(response, registry))
    }

    pub(crate) async fn delete_registry(&self, id: &str) -> Result<Answer<StatusCode>, Failure> {
        self.client.delete_registry(id).await.map(status)
    }

    /// The secrets of the account, or the one of a name: a server may disregard the name.
    pub(crate) async fn secrets(&self, name: Option<&str>) -> Result<Answer<Items<AccountSecret>>, Failure> {
        let mut options = types::ListSecretsOptions::new();
        options.name = name.map(str::to_owned);
        let response = self.client.list_secrets_with(&options).await?;
        Ok(answer(response, |list| unless_cut(items(list.secrets, "a secret", secret), list.pagination)))
    }

    pub(crate) async fn create_secret(
        &self,
        name: &str,
        value: &Secret,
    ) -> Result<Answer<AccountSecret>, Failure> {
        let name: types::CreateSecretRequestName =
            name.parse().map_err(|_| unsendable("create_secret", "the name is too long"))?;
        let value = value.expose().parse().map_err(|_| unsendable("create_secret", "the value is empty"))?;
        let body = types::CreateSecretRequest::new(name, value);
        self.client.create_secret(&body).await.map(|response| answer(response, secret))
    }

    pub(crate) async fn update_secret(
        &self,
        id: &str,
        value: &Secret,
    ) -> Result<Answer<AccountSecret>, Failure> {
        let value = value.expose().parse().map_err(|_| unsendable("update_secret", "the value is empty"))?;
        let body = types::UpdateSecretRequest::new().value(value);
        self.client.update_secret(id, &body).await.map(|response| answer(response, secret))
    }

    pub(crate) async fn delete_secret(&self, id: &str) -> Result<Answer<StatusCode>, Failure> {
        self.client.delete_secret(id).await.map(status)
    }

    /// One page of the account's templates, and what follows it.
    pub(crate) async fn templates(
        &self,
        cursor: Option<&str>,
    ) -> Result<Answer<(Items<Template>, NextPage)>, Failure> {
        let unsendable = |problem: &str| unsendable("list_templates", problem);
        let limit = Int::new(PAGE).map_err(|error| unsendable(&error.to_string()))?;
        let cursor = cursor.map(str::parse).transpose();
        let mut options = types::ListTemplatesOptions::new().limit(limit);
        options.cursor = cursor.map_err(|_| unsendable("the cursor of the next page is empty"))?;
        let response = self.client.list_templates_with(&options).await?;
        Ok(answer(response, |list| {
            (items(list.templates, "a template", template), next_page(list.pagination))
        }))
    }
}

/// The entries of a list. One with an empty id is none that anything can be done to.
fn items<T, U: Stored>(list: LenientList<T>, what: &str, read: fn(T) -> U) -> Items<U> {
    let malformed = list.malformed().iter().map(|malformed| unreadable(malformed, what)).collect();
    let mut read = Items { items: list.into_iter().map(read).collect(), unreadable: malformed };
    for nameless in read.items.extract_if(.., |item| item.id().is_empty()) {
        let problem = format!("the list holds {what} with an empty id");
        let name = nameless.name().map(str::to_owned);
        read.unreadable.push(Unreadable { id: None, name, problem });
    }
    read
}

/// The entries of a list that comes in one piece. Where RunPod says that more follows, nobody can ask for it, and anything
/// may be in it.
fn unless_cut<T: Stored>(mut items: Items<T>, pagination: Option<types::Pagination>) -> Items<T> {
    if !matches!(next_page(pagination), NextPage::None) {
        let problem =
            "the list says that a page follows, which cannot be asked for: it is not whole".to_owned();
        items.unreadable.push(Unreadable { id: None, name: None, problem });
    }
    items
}

fn volume(volume: types::NetworkVolume) -> Volume {
    Volume {
        id: printable(volume.id),
        name: volume.name,
        size_gb: volume.size.map(Integer::get),
        data_center: volume.data_center.map(printable),
        usd_per_month: None,
    }
}

fn registry(registry: types::Registry) -> Registry {
    Registry { id: printable(registry.id), name: registry.name }
}

fn secret(secret: types::Secret) -> AccountSecret {
    AccountSecret {
        id: printable(secret.id),
        name: secret.name,
        created_at: secret.created_at,
        updated_at: secret.value_last_updated_at,
    }
}

fn template(template: types::Template) -> Template {
    Template {
        id: printable(template.id),
        name: template.name,
        image: template.image,
        is_serverless: template.serverless,
    }
}
