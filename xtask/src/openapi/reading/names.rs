//! Meaning of a property's name for its value.

/// Property names whose values RunPod's catalog decides, so that new ones appear any day.
pub(crate) fn is_catalog(property: &str) -> bool {
    let plain = catalog_noun(property).to_ascii_lowercase();
    [
        "countrycode",
        "cpuflavorid",
        "cpuflavor",
        "cputypeid",
        "cudaversion",
        "datacenter",
        "datacenterid",
        "gpuid",
        "gpupool",
        "gputypeid",
        "instanceid",
        "pool",
    ]
    .contains(&plain.as_str())
}

/// One value of a catalog property, as in `cudaVersion` for `allowedCudaVersions`.
pub(crate) fn catalog_noun(property: &str) -> &str {
    let noun = property.strip_prefix("allowed").or(property.strip_prefix("min")).unwrap_or(property);
    noun.strip_suffix('s').unwrap_or(noun)
}

/// Property names whose text must not be printed.
pub(crate) fn is_secret(property: &str) -> bool {
    let plain: String =
        property.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    [
        "accesskey",
        "apikey",
        "credential",
        "jwt",
        "passphrase",
        "password",
        "privatekey",
        "secret",
        "secretkey",
        "token",
    ]
    .iter()
    .any(|end| plain.ends_with(end))
}

/// Returns true if a property is the value of a thing that is called a secret.
pub(crate) fn is_value_of_secret(component: &str, property: &str) -> bool {
    property == "value" && component.contains("Secret")
}

/// Property names below which every text is secret.
pub(crate) fn holds_secrets(property: &str) -> bool {
    property.eq_ignore_ascii_case("env")
}

/// The upstream name of a component that was split by direction.
pub(crate) fn upstream_name(name: &str) -> &str {
    ["Request", "Input", "Body"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
