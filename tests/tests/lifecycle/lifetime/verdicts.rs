//! The verdict of a reap on one pod, by what RunPod shows of it.

use runpod_lifecycle::End;
use serde_json::{Value, json};

use crate::lifetime::{DATE, MARKER, mortal, pod, reaped};

#[test]
fn a_lifetime_ends_by_runpods_clock_as_its_spec_says_and_never_with_data() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    let network = json!({"network": [{"volumeId": "v", "path": "/workspace"}]});
    let stopped = |mounts: &Value| json!({"status": "EXITED", "mounts": mounts});
    let (over, none) = ("11:00", [""; 0].as_slice());
    type Row<'a> = (&'a str, &'a str, Value, Option<End>, &'a [&'a str]);
    let table: [Row<'_>; 24] = [
        ("30 min are left", "12:30", json!({}), None, none),
        ("it is over", over, json!({}), Some(End::Terminated), &["DELETE"]),
        ("over, with a volume", over, json!({"mounts": volume}), Some(End::Terminated), &["DELETE"]),
        ("started after its end", "09:00", json!({"startedAt": "2026-08-20T11:30:00Z"}), None, none),
        (
            "over again",
            "09:00",
            json!({"startedAt": "2026-08-20T10:30:00Z"}),
            Some(End::Terminated),
            &["DELETE"],
        ),
        (
            "started before its end",
            over,
            json!({"startedAt": "2026-08-20T10:59:00Z"}),
            Some(End::Terminated),
            &["DELETE"],
        ),
        ("stopped, with data", over, stopped(&volume), Some(End::Kept), none),
        (
            "who knows what, with data",
            over,
            json!({"status": "PAUSED", "mounts": volume}),
            Some(End::Kept),
            none,
        ),
        ("who knows what", over, json!({"status": "PAUSED"}), Some(End::Terminated), &["DELETE"]),
        ("stopped, without data", over, stopped(&json!({})), Some(End::Terminated), &["DELETE"]),
        ("stopped, with a network volume", over, stopped(&network), Some(End::Terminated), &["DELETE"]),
        ("to be stopped", over, json!({"atEnd": "stop", "mounts": volume}), Some(End::Stopped), &["POST"]),
        ("stopped already", over, json!({"atEnd": "stop", "status": "EXITED"}), None, none),
        ("gone already", over, json!({"status": "TERMINATED"}), None, none),
        ("failed", over, json!({"status": "ERROR"}), Some(End::Terminated), &["DELETE"]),
        ("failed, with data", over, json!({"status": "ERROR", "mounts": volume}), Some(End::Kept), none),
        (
            "on its way up, with data",
            over,
            json!({"status": "STARTING", "startedAt": null, "mounts": volume}),
            Some(End::Kept),
            none,
        ),
        (
            "on its way up for days, with data",
            over,
            json!({"status": "STARTING", "ends": "2026-08-19T11:00:00Z", "createdAt": "2026-08-19T10:00:00Z", "mounts": volume}),
            Some(End::Stopped),
            &["POST"],
        ),
        (
            "on its way up for days",
            over,
            json!({
                "status": "PROVISIONING", "ends": "2026-08-19T11:00:00Z", "createdAt": "2026-08-19T10:00:00Z",
                "startedAt": "2026-08-19T10:01:00Z",
            }),
            Some(End::Terminated),
            &["DELETE"],
        ),
        ("has run for a moment", over, json!({"runtime": null}), Some(End::Terminated), &["DELETE"]),
        (
            "with a lifetime from long before it was created",
            over,
            json!({"createdAt": "2026-08-20T10:30:00Z"}),
            Some(End::Kept),
            none,
        ),
        (
            "the same, to be stopped",
            over,
            json!({"createdAt": "2026-08-20T10:30:00Z", "atEnd": "stop", "mounts": volume}),
            Some(End::Kept),
            none,
        ),
        ("created at no time", over, json!({"createdAt": null}), Some(End::Terminated), &["DELETE"]),
        (
            "created at no time, with data",
            over,
            json!({"createdAt": null, "mounts": volume}),
            Some(End::Kept),
            none,
        ),
    ];
    for (what, end, members, expected, sent) in table {
        let pod = mortal("subject", end, &members);
        let (done, requests, _) = reaped(DATE, pod.clone(), pod);
        assert_eq!(
            (done, requests.iter().map(String::as_str).collect::<Vec<_>>()),
            (expected, sent.to_vec()),
            "{what}"
        );
    }
}

#[test]
fn a_pod_of_ours_whose_lifetime_is_nowhere_shown_is_warned_of() {
    for (value, warns) in [("********", true), ("soon", true), ("", false), ("2100-01-01T00:00:00Z", false)] {
        for marker in ["********", MARKER] {
            let env = json!({"RUNPOD_LIFECYCLE_DEPLOYMENT": marker, "RUNPOD_LIFECYCLE_EXPIRES_AT": value});
            let pod = pod("subject", &env);
            let (done, sent, heard) = reaped(DATE, pod.clone(), pod);
            assert_eq!((done, sent), (None, Vec::new()), "{value} {marker}");
            let is_warned = heard.contains("pod subject may have outlived its lifetime, and bill");
            assert_eq!(is_warned, warns, "{value} {marker}: {heard}");
        }
    }
}

/// A volume that an answer does not tell of may be there all the same.
#[test]
fn a_stopped_pod_is_ended_only_if_an_answer_shows_that_it_has_no_volume() {
    let path = "/workspace";
    let untold = [
        Value::Null,
        json!("none"),
        json!([]),
        json!({"persistent": {}}),
        json!({"persistent": {"path": path, "size": null}}),
        json!({"persistent": {"path": path, "size": "some"}}),
        json!({"persistent": [path]}),
    ];
    for (mounts, status) in untold.iter().flat_map(|mounts| [(mounts, "EXITED"), (mounts, "ERROR")]) {
        let pod = mortal("subject", "11:00", &json!({"status": status, "mounts": mounts}));
        let (done, sent, heard) = reaped(DATE, pod.clone(), pod.clone());
        assert!(done == Some(End::Kept) || heard.contains("cannot be read"), "{status} {mounts}: {done:?}");
        assert!(sent.is_empty(), "{status} {mounts}");
        let told = mortal("subject", "11:00", &json!({"status": status, "mounts": {}}));
        if done.is_some() {
            let (done, sent, _) = reaped(DATE, pod, told);
            assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "{status} {mounts}");
        }
    }
    let mut pod = mortal("subject", "11:00", &json!({"status": "EXITED"}));
    pod.as_object_mut().expect("members").remove("mounts");
    let (done, sent, _) = reaped(DATE, pod.clone(), pod);
    assert_eq!((done, sent), (Some(End::Kept), Vec::new()), "not a word of mounts");
}

#[test]
fn a_pod_that_was_started_since_the_list_was_made_is_left_alone() {
    let listed = mortal("subject", "11:00", &json!({"status": "EXITED"}));
    let now = mortal("subject", "11:00", &json!({"startedAt": "2026-08-20T11:59:58Z"}));
    let (done, sent, _) = reaped(DATE, listed, now);
    assert_eq!((done, sent), (None, Vec::new()));
}

#[test]
fn a_pod_with_data_that_was_stopped_since_the_list_was_made_is_kept() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    let listed = mortal("subject", "11:00", &json!({"mounts": volume}));
    let now = mortal("subject", "11:00", &json!({"status": "EXITED", "mounts": volume}));
    let (done, sent, _) = reaped(DATE, listed, now);
    assert_eq!((done, sent), (Some(End::Kept), Vec::new()));
}

#[test]
fn a_pod_that_is_being_started_again_is_not_ended_by_its_old_start() {
    let volume = json!({"persistent": {"size": 20, "path": "/workspace"}});
    for word in ["PROVISIONING", "STARTING"] {
        let starts = json!({"status": word, "startedAt": "2026-08-20T10:01:00Z", "mounts": volume});
        let pod = mortal("subject", "11:00", &starts);
        let (done, sent, _) = reaped(DATE, pod.clone(), pod);
        assert_eq!((done, sent), (Some(End::Kept), Vec::new()), "{word}");
    }
    let stuck = mortal("subject", "11:00", &json!({"status": "STARTING"}));
    let (done, sent, _) = reaped(DATE, stuck.clone(), stuck);
    assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "it has never run");
}

#[test]
fn without_a_date_this_machines_clock_is_taken_and_that_is_said() {
    let pod = mortal("subject", "11:00", &json!({}));
    let (done, sent, heard) = reaped("some day", pod.clone(), pod.clone());
    assert_eq!((done, sent), (Some(End::Terminated), vec!["DELETE".to_owned()]), "by this machine's clock");
    assert!(heard.contains("warning") && heard.contains("this machine's clock"), "{heard}");
    let (_, _, heard) = reaped(DATE, pod.clone(), pod);
    assert!(!heard.contains("this machine's clock"), "{heard}");
}
