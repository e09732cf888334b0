//! Makes calls that the facade lacks: a template is made, found page by page, and deleted.

use std::error::Error;

use futures_util::TryStreamExt;
use runpod_lifecycle::{
    RunPod,
    api::v2::types::{CreateTemplateRequest, CreateTemplateRequestName, ListTemplatesOptions},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let runpod = RunPod::from_env()?;
    let name: CreateTemplateRequestName = "my-template".parse()?;
    let new = CreateTemplateRequest::new("debian:13", name);
    let made = runpod.raw("create template", |api| api.create_template(&new)).await?;

    let mut pages = runpod.template_pages(ListTemplatesOptions::new());
    while let Some(page) = pages.try_next().await? {
        for template in page.templates.iter() {
            println!("{} {}", template.id, template.name.as_deref().unwrap_or_default());
        }
    }

    let id = made.id.as_str();
    runpod.raw("delete template", |api| api.delete_template(id)).await?;
    let gone = runpod.raw("get template", |api| api.get_template(id)).await;
    println!("{}", gone.err().ok_or("it is still there")?.with_target(id));
    Ok(())
}
