//! Generates a client from each API version's contract.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

#[path = "build/bindings.rs"]
mod bindings;
#[path = "build/surface.rs"]
mod surface;

fn main() -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=RUNPOD_OPENAPI_DIR");
    println!("cargo::rerun-if-changed=build");
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
    let text = fs::read(contract).map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    write(&out.join(version).with_extension("rs"), &bindings::client(&document)?)?;
    if env::var_os("CARGO_FEATURE_MOCK").is_some() {
        let mock = bindings::mock(&document, &format!("crate::{version}"))?;
        write(&out.join(format!("{version}_mock.rs")), &mock)?;
    }
    Ok(())
}

fn write(path: &Path, code: &str) -> Result<(), String> {
    fs::write(path, code).map_err(|error| format!("{}: {error}", path.display()))
}
