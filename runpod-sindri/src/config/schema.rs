//! The JSON Schema of a config.

use schemars::generate::SchemaSettings;

use crate::SindriConfig;

/// The JSON Schema (draft 2020-12) of the config, with our descriptions, bounds, enums and defaults. Ends with a line
/// break.
///
/// ```
/// assert!(runpod_sindri::schema().contains("\"gpuType\""));
/// ```
#[must_use]
pub fn schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<SindriConfig>();
    format!("{:#}\n", schema.to_value())
}
