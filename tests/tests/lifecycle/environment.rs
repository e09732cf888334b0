//! Environment variables are taken or refused, never overlooked.

use std::ffi::OsString;

use runpod_lifecycle::RunPod;

/// Runs in a process of its own, since the environment is set.
#[test]
fn a_variable_that_is_not_unicode_is_named_and_its_value_is_not() {
    const TOLD: &str = "RUNPOD_TEST_NOT_UNICODE";
    const NAME: &str = "environment::a_variable_that_is_not_unicode_is_named_and_its_value_is_not";
    if let Ok(variable) = std::env::var(TOLD) {
        let error = RunPod::from_env().expect_err("it cannot be read");
        let text = format!("{error} {error:?}");
        assert!(text.contains(&variable) && text.contains("Unicode"), "{text}");
        assert!(!text.contains("sentinel"), "{text}");
        return;
    }
    let fine = [
        ("RUNPOD_API_KEY", "rpa_key"),
        ("RUNPOD_API_URL", "http://127.0.0.1:9"),
        ("RUNPOD_API_VERSION", "v2"),
    ];
    for (variable, _) in fine {
        let mut child = std::process::Command::new(std::env::current_exe().expect("it has a path"));
        child.args(["--exact", NAME]).envs(fine).env(variable, broken()).env(TOLD, variable);
        let output = child.output().expect("it runs");
        assert!(output.status.success(), "{variable}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[cfg(unix)]
fn broken() -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(b"sentinel\xff".to_vec())
}

#[cfg(windows)]
fn broken() -> OsString {
    let sentinel = "sentinel".encode_utf16().chain([0xd800]).collect::<Vec<_>>();
    std::os::windows::ffi::OsStringExt::from_wide(&sentinel)
}
