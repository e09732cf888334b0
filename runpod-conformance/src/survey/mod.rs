//! The survey: every request of a run, in order.

mod account;
mod catalog;
mod creates;
mod life;
mod log;

use crate::{options::Stop, session::Session};

/// Asks everything. What one part finds out, such as the cheapest flavor, the next one uses.
pub(crate) async fn all(session: &Session) -> Result<(), Stop> {
    account::ask(session).await?;
    let flavors = catalog::ask(session).await?;
    creates::ask(session, flavors.first()).await?;
    let template = creates::template(session).await?;
    if let Some(pod) = creates::rent(session, &flavors, template.as_deref()).await? {
        life::watch(session, &pod).await?;
    }
    session.clear().await
}
