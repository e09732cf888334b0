//! The words of a refusal, and what they prove.

/// Texts with which RunPod says "no capacity" (observed), as [`plain`] writes them.
const NO_CAPACITY: [&str; 7] = [
    "no longer any instances available",
    "no instances currently available",
    "no instances available",
    "does not have the resources to deploy your pod",
    "could not find any pods with required specifications",
    "not enough free gpus on the host machine",
    "not enough free memory on the host machine",
];
/// Texts of a server that failed at what it was asked, whatever it may have done of it (the first two observed).
const FAILED: [&str; 10] = [
    "something went wrong",
    "internal server error",
    "internal error",
    "unexpected error",
    "unknown error",
    "timed out",
    "deadline exceeded",
    "upstream connect error",
    "context canceled",
    "socket hang up",
];
/// Words that any failure of a create may have: a text without others names no cause.
const EMPTY_WORDS: &str = "
    a an the this that it its is are was were wasn be been has have had did didn do does to of for in on at by with
    while when and or if so as we re you your our us t s please sorry oops again later try retry retrying refresh soon
    few some moment moments minute minutes time times now not no none null nil na undefined object could couldn can
    cannot unable fail fails failed failure failing error errors err problem issue issues fault exception occurred
    occurs happened happen encountered went wrong broke unexpected unknown unspecified general generic internal server
    servers service api runpod http https io com status code message detail details reason cause request requests
    requested operation action call process processed processing handle handled handling complete completed execute
    perform performed create creates created creating creation make made making start started starting launch deploy
    deployed deploying deployment instance new bad invalid unauthorized payment required forbidden found
    conflict gone unprocessable entity content temporarily unavailable busy contact support team help persists
    continues id ref reference trace nginx cloudflare openresty html head body title center hr h1";
/// Texts of a delete that is refused because of what uses the thing.
const IN_USE: [&str; 5] = ["in use", "used by", "is attached", "is mounted", "attached to"];
/// Words of a 404 about a thing, beside its id and what it is called.
const ABSENCE_WORDS: &str = "
    a an the this that with of id not no none such found find exist exists does doesn t is was could couldn be any
    longer known unknown error";

/// The words for a thing that a 404 may be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    /// Each of its names: one of them, or its id, must be there.
    pub(crate) names: &'static str,
    /// Words that may stand beside a name, and are the names of other things.
    pub(crate) beside: &'static str,
}

impl Subject {
    fn has(self, word: &str) -> bool {
        is_one_of(word, self.names) || is_one_of(word, self.beside)
    }
}

/// Returns true if RunPod says that it has no machine.
pub(crate) fn lacks_capacity(text: &str) -> bool {
    says_any(text, &NO_CAPACITY)
}

/// Returns true if the server says that it failed, which proves nothing of what it was asked to do.
pub(crate) fn says_it_failed(text: &str) -> bool {
    says_any(text, &FAILED)
}

/// Returns true if a text says no more than that the create of a product was refused, so that it proves nothing: RunPod
/// was seen to create pods and to answer so.
pub(crate) fn names_no_cause(text: &str, product: &str) -> bool {
    let is_empty = |word| is_one_of(word, EMPTY_WORDS) || is_one_of(word, product) || is_number(word);
    says_it_failed(text) || !is_of_the_edge(text) && plain(text).split(' ').all(is_empty)
}

/// Returns true for what the edge before RunPod says of a client that it does not let through: `error code: 1010`.
fn is_of_the_edge(text: &str) -> bool {
    text.trim().strip_prefix("error code: ").is_some_and(|code| code.len() == 4 && is_number(code))
}

/// Returns true if a 429 is a rate limit's own by its words.
pub(crate) fn names_a_limit(text: &str) -> bool {
    plain(text).split(' ').any(|word| {
        matches!(word, "many" | "limit" | "limits" | "limited" | "limiter" | "quota" | "rate" | "throttled")
    })
}

/// Returns true if a delete was refused because of what uses the thing.
pub(crate) fn says_in_use(text: &str) -> bool {
    says_any(text, &IN_USE)
}

/// Returns true if a 404 says of a thing by its id or by its name, and of nothing else, that it does not exist:
/// `pod not found` (observed), with or without its id. `network not found` is about no network volume.
pub(crate) fn says_it_is_gone(text: &str, id: &str, subject: Subject) -> bool {
    let (words, names_id) = beside_the_id(text, id);
    let is_it = |word: &str| is_one_of(word, subject.names);
    says_there_is_none(text, id, subject) && (names_id || words.split_whitespace().any(is_it))
}

/// Returns true if a 404 says that what was asked for does not exist, and speaks of nothing else.
pub(crate) fn says_there_is_none(text: &str, id: &str, subject: Subject) -> bool {
    let (text, _) = beside_the_id(text, id);
    let mut words = text.split_whitespace();
    let denies_it = words.clone().any(|word| matches!(word, "not" | "no" | "doesn" | "couldn" | "unknown"));
    denies_it && words.all(|word| is_one_of(word, ABSENCE_WORDS) || subject.has(word))
}

/// The words of a text without an id, and whether that was among them: all of it, since a part of one may be anything.
fn beside_the_id(text: &str, id: &str) -> (String, bool) {
    let (text, id) = (format!(" {} ", plain(text)), format!(" {} ", plain(id)));
    match !id.trim().is_empty() && text.contains(&id) {
        true => (text.replace(&id, " "), true),
        false => (text, false),
    }
}

fn says_any(text: &str, phrases: &[&str]) -> bool {
    let text = plain(text);
    phrases.iter().any(|phrase| text.contains(phrase))
}

/// The words of a text in lower case with one blank between, without markup and punctuation: `BadRequest`,
/// `BAD_REQUEST` and `<h1>Bad request!</h1>` are one.
fn plain(text: &str) -> String {
    let (mut words, mut was_lower, mut is_markup) = (String::new(), false, false);
    for c in text.chars() {
        is_markup = c == '<' || is_markup && c != '>';
        let is_word = c.is_alphanumeric() && !is_markup;
        if (!is_word || was_lower && c.is_uppercase()) && !words.ends_with(' ') {
            words.push(' ');
        }
        if is_word {
            words.extend(c.to_lowercase());
        }
        was_lower = is_word && c.is_lowercase();
    }
    words.trim().to_owned()
}

fn is_one_of(word: &str, words: &str) -> bool {
    word.is_empty() || words.split_whitespace().any(|one| one == word)
}

/// Returns true for numbers and what looks like the id of a request.
fn is_number(word: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit();
    word.bytes().all(is_digit)
        || word.len() >= 8 && word.bytes().all(|b| b.is_ascii_hexdigit()) && word.bytes().any(is_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::operation::Operation;

    #[test]
    fn a_text_proves_that_nothing_was_created_only_by_naming_a_cause() {
        for text in [
            "",
            " ",
            "{}",
            "null",
            "Bad Request",
            "bad request.",
            "BAD_REQUEST",
            "BadRequest",
            "400",
            "Error: 400 Bad Request",
            "<html><head><title>400 Bad Request</title></head><body><center>nginx/1.25</center></body></html>",
            "Forbidden",
            "Payment Required",
            "Not Found",
            "pod not found",
            "Conflict",
            "Unprocessable Entity",
            "Unprocessable Content",
            "Something went wrong. Please try again later or contact support.",
            "SOMETHING WENT WRONG",
            "Something went wrong: trace 77",
            "Internal Server Error",
            "internal_error",
            "InternalServerError",
            "Internal error",
            "An error occurred",
            "An error has occurred!",
            "An unexpected error occurred, please try again in a few minutes.",
            "Please try again later",
            "Failed to create pod",
            "failed to create pod: unknown error",
            "Pod creation failed.",
            "We couldn't create your pod. Please contact support@runpod.io",
            "We couldn\u{2019}t process your request",
            "Request failed with status code 400",
            "create pod: context canceled",
            "the request timed out",
            "error 8f3a2b1c9d",
            "Service temporarily unavailable",
        ] {
            assert!(names_no_cause(text, "pod pods"), "{text:?}");
        }
        for text in [
            "You must either provide a template id or pod configuration parameters",
            "There are no longer any instances available with the requested specifications. Please refresh and try again.",
            "Failed to create pod: template not found",
            "An error occurred: insufficient balance",
            "network volume vol1 not found",
            "Unknown GPU type: X",
            "$: additional properties 'X' not allowed",
            "invalid api key",
            "pool not allowed",
            "Access denied",
            "Your account is suspended, contact support",
            "name must not be empty",
            "disk must be at most 20 GB for this flavor",
            "validation failed",
            "error code: 1010",
            "A persistent and a network volume cannot both be mounted",
        ] {
            assert!(!names_no_cause(text, "pod pods"), "{text:?}");
        }
    }

    #[test]
    fn a_404_about_the_address_or_the_server_is_none_about_the_pod() {
        const ID: &str = "k3x9q2m7v1b8z5";
        for (text, is_about_it) in [
            ("pod not found", true),
            ("Pod not found.", true),
            ("Pod \"k3x9q2m7v1b8z5\" not found", true),
            ("pod with id K3X9Q2M7V1B8Z5 does not exist", true),
            ("no such pod", true),
            ("k3x9q2m7v1b8z5 does not exist", true),
            ("no healthy upstream for pods service", false),
            ("no healthy upstream for pod k3x9q2m7v1b8z5", false),
            ("pods service not found", false),
            ("pod store not found", false),
            ("the pod's host was not found", false),
            ("pod template not found", false),
            ("pod bbbbbbbbbbbbbb not found", false),
            ("route not found", false),
            ("Route DELETE:/v2/pods/k3x9q2m7v1b8z5 not found", false),
            ("Cannot DELETE /v2/pods/k3x9q2m7v1b8z5", false),
            ("no Route matched with those values", false),
            ("The requested URL /pods/k3x9q2m7v1b8z5 was not found on this server", false),
            ("no such path", false),
            ("Not Found", false),
            ("template not found", false),
            ("pod", false),
            ("pod found", false),
            ("", false),
        ] {
            let pod = Subject { names: "pod", beside: "" };
            assert_eq!(says_it_is_gone(text, ID, pod), is_about_it, "{text}");
        }
    }

    #[test]
    fn a_404_proves_the_end_of_what_was_asked_for_and_of_nothing_else() {
        use Operation::{
            DeleteNetworkVolume, DeleteRegistry, DeleteSecret, GetNetworkVolume, GrowNetworkVolume,
        };
        for (text, operations, is_about_it) in [
            (
                "network volume not found",
                [DeleteNetworkVolume, GetNetworkVolume, GrowNetworkVolume].as_slice(),
                true,
            ),
            ("Network volume agv6w2qcg7 does not exist.", &[DeleteNetworkVolume], true),
            ("volume not found", &[DeleteNetworkVolume, GetNetworkVolume], true),
            ("agv6w2qcg7 not found", &[DeleteNetworkVolume, DeleteRegistry, DeleteSecret], true),
            ("pod not found", &[DeleteNetworkVolume, GetNetworkVolume, DeleteRegistry, DeleteSecret], false),
            ("route not found", &[DeleteNetworkVolume, GetNetworkVolume, GrowNetworkVolume], false),
            ("not found", &[DeleteNetworkVolume, GetNetworkVolume, DeleteRegistry, DeleteSecret], false),
            ("network not found", &[DeleteNetworkVolume, GetNetworkVolume, GrowNetworkVolume], false),
            ("network unreachable", &[DeleteNetworkVolume], false),
            ("volume service not found", &[DeleteNetworkVolume], false),
            ("registry not found", &[DeleteRegistry], true),
            ("container registry auth not found", &[DeleteRegistry], true),
            ("registry credential agv6w2qcg7 does not exist", &[DeleteRegistry], true),
            ("container not found", &[DeleteRegistry], false),
            ("auth not found", &[DeleteRegistry], false),
            ("secret not found", &[DeleteSecret], true),
            ("no such account secret", &[DeleteSecret], true),
            ("account not found", &[DeleteSecret, DeleteRegistry], false),
        ] {
            for operation in operations {
                let subject = operation.subject().expect("much hangs on it");
                assert_eq!(says_it_is_gone(text, "agv6w2qcg7", subject), is_about_it, "{text} {operation:?}");
            }
        }
    }

    #[test]
    fn part_of_an_id_is_no_id() {
        let volume = Operation::DeleteNetworkVolume.subject().expect("much hangs on it");
        for (text, id, is_about_it) in [
            ("data-1 not found", "data-1", true),
            ("network volume DATA-1 does not exist", "data-1", true),
            ("network volume aB3cD not found", "aB3cD", true),
            ("1 not found", "data-1", false),
            ("data not found", "data-1", false),
            ("network volume data-2 not found", "data-1", false),
            ("network volume data-1-2 not found", "data-1", false),
        ] {
            assert_eq!(says_it_is_gone(text, id, volume), is_about_it, "{text}");
        }
    }

    #[test]
    fn the_name_of_a_product_is_no_cause_of_its_own_refusal_only() {
        let text = "Failed to create network volume";
        assert!(names_no_cause(text, "network volume volumes") && !names_no_cause(text, "pod pods"));
        assert!(!names_no_cause("Data center EU-RO-1 is full", "network volume volumes"));
    }

    #[test]
    fn capacity_is_told_whatever_the_case_and_punctuation() {
        assert!(lacks_capacity("There are NO LONGER any instances available with enough disk space."));
        assert!(lacks_capacity("There are not enough free GPUs on the host machine to start this pod."));
        assert!(!lacks_capacity("no longer available"));
    }
}
