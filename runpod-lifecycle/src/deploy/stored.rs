//! Names of the account's own things in a spec: secrets that its environment refers to, and a template by its name.

use crate::{
    AccountSecret, DeployError, Error, PodSpec, Problem, RunPod, Template, Warning,
    account::known::ids,
    backend::Items,
    client::call::Call,
    deploy::{
        nearest::missing,
        placement::{add, forbids_more_than_a_read, unread},
    },
    error::operation::Operation,
    version::Feature,
};

impl RunPod {
    /// Adds to `problems` each secret that the environment refers to and the account does not have. Returns a warning if
    /// that cannot be told.
    pub(crate) async fn check_secrets(
        &self,
        spec: &PodSpec,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Warning>, DeployError> {
        if spec.account_secrets().next().is_none() || !self.supports(Feature::AccountSecrets) {
            return Ok(None);
        }
        let lookups = self.lookups();
        match lookups.secret_list.get((), lookups.oldest(), self.read_secrets(None)).await {
            Ok(mut listed) => {
                lookups.secrets.amend(&mut listed.items);
                add(unknown_secrets(spec, &listed), problems);
                Ok(None)
            }
            Err(error) if forbids_more_than_a_read(&error) => Err(DeployError::Lookup(error)),
            Err(error) => {
                let names = spec.account_secrets().map(str::to_owned).collect();
                let reason = unread("the account's secrets", &error);
                Ok(Some(Warning::SecretsUnchecked { names, reason }))
            }
        }
    }

    /// The id of the template that the spec names; `None` if it names none. What is wrong with the name is added to
    /// `problems`.
    pub(crate) async fn template_id(
        &self,
        spec: &PodSpec,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<String>, DeployError> {
        let Some(name) = &spec.template_name else { return Ok(None) };
        let lookups = self.lookups();
        let listed = lookups.template_list.get((), lookups.oldest(), self.read_templates()).await;
        match listed.and_then(|listed| chosen(name, &listed)).map_err(DeployError::Lookup)? {
            Ok(id) => Ok(Some(id)),
            Err(problem) => {
                add(vec![Problem::new("template_named", name, problem)], problems);
                Ok(None)
            }
        }
    }
}

fn unknown_secrets(spec: &PodSpec, listed: &Items<AccountSecret>) -> Vec<Problem> {
    let known = || listed.items.iter().filter_map(|secret| secret.name.as_deref());
    // One that cannot be read, or shows no name, may be any.
    let is_hidden = |name: &str| {
        listed.items.iter().any(|secret| secret.name.is_none())
            || listed.unreadable.iter().any(|entry| entry.may_be(name))
    };
    let is_missing = |name: &&str| !known().any(|known| known == *name) && !is_hidden(name);
    let problem =
        |name| Problem::new("account_secret", name, missing("the account", "secret", name, known()));
    spec.account_secrets().filter(is_missing).map(problem).collect()
}

/// The id of the one template of a name that pods can use, or what is wrong with the name.
fn chosen(name: &str, listed: &Items<Template>) -> Result<Result<String, String>, Error> {
    let named = listed.named(name, Call::read(Operation::ListTemplates, Some(name)))?;
    Ok(match named.as_slice() {
        [] => {
            let usable = listed.items.iter().filter(|template| template.is_serverless != Some(true));
            let known = usable.filter_map(|template| template.name.as_deref());
            Err(missing("the account", "template", name, known))
        }
        [one] if one.is_serverless == Some(true) => {
            Err("it is a template of serverless endpoints, which no pod can use".to_owned())
        }
        [one] => Ok(one.id.clone()),
        several => {
            Err(format!("several templates have this name: {}; use template with an id", ids(several)))
        }
    })
}
