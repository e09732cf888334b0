//! The inside of a pod, as it says itself.

use runpod_jobs::Session;

use crate::plugin::protocol::{Capabilities, Failure, Platform, Profile};

/// Prints what there is, a line each: its kind, a blank, its name.
const ASK: &str = r#"
echo "os $(uname -s)"
echo "arch $(uname -m)"
for name in apt-get dnf yum apk zypper pacman; do
  if command -v "$name" > /dev/null 2>&1; then echo "manager $name"; break; fi
done
if command -v docker > /dev/null 2>&1; then echo docker; fi
if [ "$(id -u)" = 0 ] || command -v sudo > /dev/null 2>&1; then echo sudo; fi
echo "shell $(command -v bash || command -v sh)""#;

/// Asks the pod.
pub(crate) async fn of(session: &Session) -> Result<Profile, Failure> {
    let output = session.shell(ASK).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let named = |kind: &str| {
        let named = |line: &str| line.strip_prefix(kind)?.strip_prefix(' ').map(str::to_owned);
        text.lines().find_map(named).filter(|name| !name.is_empty())
    };
    let (os, arch) = (named("os").unwrap_or_default(), named("arch").unwrap_or_default());
    let platform = platform(&os, &arch).ok_or_else(|| {
        Failure::new(
            "exec-failed",
            format!("the pod says that it is {os:?} on {arch:?}, for which Sindri has no word"),
        )
    })?;
    let has = |word| text.lines().any(|line| line == word);
    let capabilities = Capabilities {
        system_package_manager: named("manager"),
        has_docker: has("docker"),
        has_sudo: has("sudo"),
        shell: named("shell"),
    };
    Ok(Profile { platform, capabilities })
}

/// The platform in Sindri's words; `None` if it has none for it.
fn platform(os: &str, arch: &str) -> Option<Platform> {
    let os = match os {
        "Linux" => "linux",
        "Darwin" => "macos",
        _ => return None,
    };
    let arch = match arch {
        "x86_64" | "amd64" => "x86_64",
        "aarch64" | "arm64" => "aarch64",
        _ => return None,
    };
    Some(Platform { os, arch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_is_one_of_sindris() {
        for (os, arch, expected) in [
            ("Linux", "x86_64", Some(("linux", "x86_64"))),
            ("Linux", "aarch64", Some(("linux", "aarch64"))),
            ("Darwin", "arm64", Some(("macos", "aarch64"))),
            ("Linux", "riscv64", None),
            ("", "", None),
        ] {
            assert_eq!(platform(os, arch).map(|own| (own.os, own.arch)), expected, "{os} {arch}");
        }
    }
}
