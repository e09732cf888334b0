//! The survey: every request of a run, in order.

mod account;
mod catalog;
mod creates;
mod life;
mod log;

use crate::run::{Run, Stop};

/// Asks everything. What one part finds out, such as the cheapest flavor, the next one uses.
pub(crate) async fn all(run: &Run) -> Result<(), Stop> {
    account::ask(run).await?;
    let flavors = catalog::ask(run).await?;
    creates::ask(run, flavors.first()).await?;
    let template = creates::template(run).await?;
    if let Some(pod) = creates::rent(run, &flavors, template.as_deref()).await? {
        life::watch(run, &pod).await?;
    }
    run.clear().await
}
