//! Generates a client from each API version's contract.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use openapiv3::OpenAPI;
use progenitor::{CrateVers, GenerationSettings, Generator, InterfaceStyle};

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=RUNPOD_OPENAPI_DIR");
    let folder = env::var("RUNPOD_OPENAPI_DIR").unwrap_or_else(|_| "openapi".to_owned());
    let out = PathBuf::from(env::var("OUT_DIR").map_err(|error| error.to_string())?);
    for version in ["v1", "v2"] {
        if env::var_os(format!("CARGO_FEATURE_{}", version.to_uppercase())).is_some() {
            let contract = Path::new(&folder).join(version).with_extension("json");
            println!("cargo::rerun-if-changed={}", contract.display());
            generate(version, &contract, &out).map_err(|error| format!("{}: {error}", contract.display()))?;
        }
    }
    Ok(())
}

fn generate(version: &str, contract: &Path, out: &Path) -> Result<(), String> {
    let text = fs::read_to_string(contract).map_err(|error| error.to_string())?;
    let spec: OpenAPI = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let client = generator()?.generate_tokens(&spec).map_err(|error| error.to_string())?;
    // Our own transport keeps what the server said and never prints a payload.
    let client = pretty(client)?
        .replace("progenitor_client::", "crate::transport::")
        .replace("Error<types::ErrorResponse>", "Error")
        // RunPod adds values and alternatives at any time.
        .replace("\n    pub enum ", "\n    #[non_exhaustive]\n    pub enum ");
    write(&out.join(version).with_extension("rs"), &client)?;
    if env::var_os("CARGO_FEATURE_MOCK").is_some() {
        let mock = generator()?.httpmock(&spec, &format!("crate::{version}"));
        let mock = pretty(mock.map_err(|error| error.to_string())?)?;
        write(&out.join(format!("{version}_mock.rs")), &mock)?;
    }
    Ok(())
}

fn generator() -> Result<Generator, String> {
    let inner = "crate::transport::Settings".parse().map_err(|_| "the settings' path is malformed")?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Positional)
        .with_inner_type(inner)
        .with_crate("runpod-api", CrateVers::Any, None)
        .with_crate("std", CrateVers::Any, None);
    Ok(Generator::new(&settings))
}

fn pretty(tokens: impl ToString) -> Result<String, String> {
    let file = syn::parse_file(&tokens.to_string()).map_err(|error| error.to_string())?;
    Ok(prettyplease::unparse(&file))
}

fn write(path: &Path, code: &str) -> Result<(), String> {
    fs::write(path, code).map_err(|error| format!("{}: {error}", path.display()))
}
