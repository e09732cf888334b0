//! Templates of the account.

use crate::{
    Error, ErrorKind, RunPod, Template,
    account::known::only,
    backend::{Items, pages::Pages},
    client::call::Call,
    error::operation::Operation,
    version::Feature,
};

impl RunPod {
    /// The account's templates, all pages, in RunPod's order. Public templates are not among them.
    ///
    /// # Errors
    /// If they cannot be read, each of them; [`ErrorKind::Unsupported`] on REST v1.
    pub async fn list_templates(&self) -> Result<Vec<Template>, Error> {
        let call = Call::read(Operation::ListTemplates, None);
        self.part(call, self.read_templates()).await?.whole(call)
    }

    /// The account's template of this name; `None` only if every page of the list was read and shows none.
    ///
    /// # Errors
    /// [`ErrorKind::Conflict`] if several have the name, with their ids; as [`list_templates`](Self::list_templates) else.
    pub async fn find_template(&self, name: &str) -> Result<Option<Template>, Error> {
        let call = Call::read(Operation::ListTemplates, Some(name));
        only(self.part(call, self.read_templates()).await?.named(name, call)?, call)
    }

    pub(crate) async fn read_templates(&self) -> Result<Items<Template>, Error> {
        let call = Call::read(Operation::ListTemplates, None);
        self.require(Feature::Templates, call)?;
        let mut all = Items { items: Vec::new(), unreadable: Vec::new() };
        let mut pages = Pages::default();
        loop {
            let at = pages.cursor();
            let page = self.repeatedly(call, || async { self.backend().v2()?.templates(at).await });
            let (page, next) = page.await?;
            all.items.extend(page.items);
            all.unreadable.extend(page.unreadable);
            if !pages.follow(next).map_err(|why| call.refused(ErrorKind::Unreadable, why))? {
                return Ok(all.unique());
            }
        }
    }
}
