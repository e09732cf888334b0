//! Why a pod does not come up, as RunPod's system log tells it.

use std::fmt;

use crate::{Pod, word::words};

/// A cause, known from RunPod's system log, that keeps a pod from coming up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The host's driver is too old for the CUDA version the image needs.
    CudaTooOld,
    /// The registry refuses the image to the host that pulls it. May heal: credentials reach a host late.
    PullDenied,
    /// The registry has had too many pulls. May heal.
    PullLimited,
    /// The registry has no such image, tag or layer.
    ImageMissing,
    /// The image or its command is made for another kind of processor.
    WrongPlatform,
    /// The image has no such command, or it cannot be run.
    CommandMissing,
    /// A disk is full.
    NoSpace,
    /// The container used more memory than it has.
    OutOfMemory,
}

words!(
    Cause,
    "cause",
    CudaTooOld => "cuda_too_old",
    PullDenied => "pull_denied",
    PullLimited => "pull_limited",
    ImageMissing => "image_missing",
    WrongPlatform => "wrong_platform",
    CommandMissing => "command_missing",
    NoSpace => "no_space",
    OutOfMemory => "out_of_memory",
);

/// Texts in the log that give a cause away, lower case, the more telling first.
const SIGNS: [(Cause, &[&str]); 8] = [
    (
        Cause::CudaTooOld,
        &[
            "unsatisfied condition: cuda",
            "unsatisfied condition: driver",
            "update your driver",
            "cuda driver version is insufficient",
            "unsupported display driver",
        ],
    ),
    (Cause::PullLimited, &["toomanyrequests", "too many requests", "pull rate limit"]),
    (Cause::NoSpace, &["no space left on device", "disk quota exceeded"]),
    (
        Cause::PullDenied,
        &[
            "pull access denied",
            "requested access to the resource is denied",
            "unauthorized:",
            "401 unauthorized",
            "403 forbidden",
            "authentication required",
            "authorization failed",
            "no basic auth credentials",
            "incorrect username or password",
            "denied: denied",
        ],
    ),
    (
        Cause::WrongPlatform,
        &["exec format error", "no matching manifest for", "does not match the specified platform"],
    ),
    (
        Cause::ImageMissing,
        &[
            "manifest unknown",
            "manifest not found",
            "name unknown",
            "no such image",
            "layer does not exist",
            "blob unknown",
            "unknown blob",
            "failed to register layer",
            "failed to resolve reference",
            "repository name not known",
            "invalid reference format",
        ],
    ),
    (
        Cause::CommandMissing,
        &["executable file not found", "no such file or directory: unknown", "permission denied: unknown"],
    ),
    (
        Cause::OutOfMemory,
        &["oomkilled", "oom-kill", "oom killed", "out of memory", "exit code 137", "exited with code 137"],
    ),
];

/// Texts in the log that show an image arriving, lower case: what was said of pulling it before is over.
const ARRIVALS: [&str; 5] =
    ["pull complete", "downloaded newer image", "image is up to date", "is ready", "start container"];

impl Cause {
    /// Returns true if RunPod's machinery tries again and may succeed without anybody's doing.
    #[must_use]
    pub fn may_heal(self) -> bool {
        matches!(self, Self::PullDenied | Self::PullLimited)
    }

    /// The cause a line gives away; `None` for any other line.
    fn of_line(line: &str) -> Option<Self> {
        let line = line.to_lowercase();
        let is_shown = |signs: &[&str]| signs.iter().any(|sign| line.contains(sign));
        SIGNS.iter().find(|(_, signs)| is_shown(signs)).map(|(cause, _)| *cause)
    }

    /// Returns true if it is about getting the image, rather than about running it.
    fn is_of_pull(self) -> bool {
        matches!(self, Self::PullDenied | Self::PullLimited | Self::ImageMissing)
    }
}

/// The reason why a pod does not come up, and the line of RunPod's system log that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Diagnosis {
    /// The cause.
    pub cause: Cause,
    /// RunPod's words.
    pub line: String,
    /// The image that was to run; `None` if RunPod did not name it.
    pub image: Option<String>,
    /// Id of the login that pulls it; `None` if RunPod shows none.
    pub registry: Option<String>,
}

impl Diagnosis {
    /// Reads the lines of a system log, oldest first, for why a pod does not come up.
    ///
    /// The last word counts: an image that arrived after all denies what was said of pulling it.
    pub(crate) fn of<S: AsRef<str>>(lines: &[S], pod: Option<&Pod>) -> Option<Self> {
        let mut has_arrived = false;
        for line in lines.iter().rev().map(AsRef::as_ref) {
            match Cause::of_line(line) {
                Some(cause) if !(has_arrived && cause.is_of_pull()) => {
                    let image = pod.and_then(|pod| pod.image.clone());
                    let registry = pod.and_then(|pod| pod.registry.clone());
                    return Some(Self { cause, line: line.to_owned(), image, registry });
                }
                Some(_) => {}
                None => {
                    let line = line.to_lowercase();
                    has_arrived |= ARRIVALS.iter().any(|arrival| line.contains(arrival));
                }
            }
        }
        None
    }
}

impl fmt::Display for Diagnosis {
    /// The cause, what to do about it, and RunPod's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image =
            self.image.as_deref().map_or_else(|| "its image".to_owned(), |image| format!("image {image:?}"));
        match self.cause {
            Cause::CudaTooOld => write!(
                f,
                "the host's driver is too old for the CUDA version of {image}: ask for hosts with min_cuda_version, or use an image for an older CUDA"
            ),
            Cause::PullDenied => match &self.registry {
                Some(id) => write!(
                    f,
                    "the registry denies {image} to credential {id}, which is wrong or may not pull it: check the image's name, and replace the credential; RunPod goes on trying"
                ),
                None => write!(
                    f,
                    "the registry denies {image}, and RunPod shows no credential for it: check the image's name, and that registry names a credential that may pull it; RunPod goes on trying"
                ),
            },
            Cause::PullLimited => match &self.registry {
                Some(id) => write!(
                    f,
                    "the registry limits pulls of {image}, also with credential {id}; RunPod goes on trying"
                ),
                None => write!(
                    f,
                    "the registry limits pulls of {image}: a credential in registry raises the limit; RunPod goes on trying"
                ),
            },
            Cause::ImageMissing => write!(f, "{image} or a layer of it cannot be had: check name and tag"),
            Cause::WrongPlatform => {
                write!(f, "{image} or its command is not made for this processor: build it for linux/amd64")
            }
            Cause::CommandMissing => {
                write!(f, "the command of {image} cannot be run: check entrypoint, cmd and args")
            }
            Cause::NoSpace => write!(f, "a disk is full: ask for a larger container_disk_gb for {image}"),
            Cause::OutOfMemory => {
                write!(f, "the container of {image} ran out of memory: ask for more with min_ram_gb_per_gpu")
            }
        }?;
        write!(f, " (RunPod's log: {:?})", shortened(&self.line))
    }
}

/// A line at a length that fits into an error, its end kept: that is where the cause is.
fn shortened(line: &str) -> String {
    const SHOWN: usize = 300;
    match line.char_indices().rev().nth(SHOWN) {
        Some((cut, _)) => format!("...{}", line.get(cut..).unwrap_or_default()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_system_log_gives_its_cause_away() {
        use Cause::{
            CommandMissing, CudaTooOld, ImageMissing, NoSpace, OutOfMemory, PullDenied, PullLimited,
            WrongPlatform,
        };
        let task =
            "error starting container: Error response from daemon: failed to create task for container: ";
        let pull = "error creating container: Error response from daemon: ";
        for (prefix, line, cause) in [
            (
                task,
                "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.8, please update your driver to a newer version, or use an earlier cuda container: unknown",
                CudaTooOld,
            ),
            (
                task,
                "nvidia-container-cli: requirement error: unsatisfied condition: driver >= 410",
                CudaTooOld,
            ),
            (task, "exec: \"/start.sh\": permission denied: unknown", CommandMissing),
            (task, "exec: \"python9\": executable file not found in $PATH: unknown", CommandMissing),
            (task, "exec /start.sh: exec format error", WrongPlatform),
            (pull, "no matching manifest for linux/amd64 in the manifest list entries", WrongPlatform),
            (
                pull,
                "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
                PullDenied,
            ),
            (
                pull,
                "Head \"https://ghcr.io/v2/a/b/manifests/1\": unauthorized: authentication required",
                PullDenied,
            ),
            (pull, "Head \"https://ghcr.io/v2/a/b/manifests/1\": denied: denied", PullDenied),
            (pull, "toomanyrequests: You have reached your unauthenticated pull rate limit.", PullLimited),
            (pull, "manifest for a/b:9 not found: manifest unknown: manifest unknown", ImageMissing),
            ("", "error creating container: failed to register layer: layer does not exist", ImageMissing),
            ("", "failed to register layer: write /usr/lib/x.so: no space left on device", NoSpace),
            ("", "Container was OOMKilled", OutOfMemory),
            ("", "container was killed: out of memory (OOMKilled), exit code 137", OutOfMemory),
        ] {
            let line = format!("{prefix}{line}");
            assert_eq!(Cause::of_line(&line), Some(cause), "{line}");
            let lines = [
                "start container for a/b: begin".to_owned(),
                line.clone(),
                "start container for a/b: begin".into(),
            ];
            let lines = if cause.is_of_pull() { &lines[..2] } else { &lines[..] };
            assert_eq!(Diagnosis::of(lines, None).map(|found| found.line), Some(line));
        }
        for line in [
            "",
            "pulling image a/b",
            "1.1 Pulling from a/b",
            "image layer 3 of 6 complete",
            "7197a8f60f79 Extracting [=====>] 1.17kB/1.17kB",
            "Status: Downloaded newer image for a/b",
            "start container for a/b: begin",
            "container in the boom room zoomed",
        ] {
            assert_eq!(Cause::of_line(line), None, "{line}");
        }
    }

    #[test]
    fn an_image_that_arrives_after_all_clears_what_was_said_of_pulling_it() {
        let denied = "error: pull access denied for a/b";
        for arrival in ["Status: Downloaded newer image for a/b", "image a/b is ready", "7197 Pull complete"]
        {
            assert_eq!(Diagnosis::of(&[denied, arrival], None), None, "{arrival}");
            let again = Diagnosis::of(&[arrival, denied], None).expect("the last word counts");
            assert!(again.cause.may_heal());
        }
        assert_eq!(Diagnosis::of::<&str>(&[], None), None);
    }

    #[test]
    fn a_denied_pull_names_the_image_and_its_credential_or_that_there_is_none() {
        for (registry, line, told) in [
            (None, "pull access denied for a/b", "RunPod shows no credential for it"),
            (Some("login1"), "pull access denied for a/b", "to credential login1, which is wrong"),
            (None, "toomanyrequests: limit", "a credential in registry raises"),
            (Some("login1"), "toomanyrequests: limit", "also with credential login1"),
        ] {
            let mut pod = Pod::scripted("a", "STARTING", false);
            (pod.image, pod.registry) = (Some("ghcr.io/a/b:1".to_owned()), registry.map(str::to_owned));
            let text = Diagnosis::of(&[line], Some(&pod)).expect("it is known").to_string();
            assert!(text.contains("\"ghcr.io/a/b:1\"") && text.contains(told), "{text}");
        }
        let long = format!("{}no space left on device\u{1b}[2J", "x".repeat(10_000));
        let text = Diagnosis::of(&[long], None).unwrap().to_string();
        assert!(text.len() < 500 && text.contains("no space left") && !text.contains('\u{1b}'), "{text}");
    }
}
