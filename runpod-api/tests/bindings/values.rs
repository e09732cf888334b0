use runpod_api::{
    Int, Integer, Joined, Len, LenientList, LenientMap, List, Nullable, Num, Number, Open, Secret, Timestamp,
    v2::types,
};
use serde_json::json;

#[test]
fn a_secret_is_itself_on_the_wire_and_nowhere_else() {
    let secret: Secret = serde_json::from_value(json!("hunter2")).expect("a secret");
    assert_eq!(serde_json::to_value(&secret).expect("json"), json!("hunter2"));
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "Secret(..) Some(Secret(..))");
    assert!(Secret::<1>::new("").is_err());
    assert!(serde_json::from_value::<Secret<1>>(json!("")).is_err());
}

#[test]
fn open_enums_keep_unknown_values_byte_for_byte() {
    for text in ["RUNNING", "", "running", "HIBERNATED ✓", "a\"b\\c"] {
        let open: Open<types::PodStatus> = serde_json::from_value(json!(text)).expect("open");
        assert_eq!(serde_json::to_value(&open).expect("json"), json!(text));
        assert_eq!((open.to_string(), open.as_str().into_owned()), (text.to_owned(), text.to_owned()));
        assert_eq!(open == types::PodStatus::Running, text == "RUNNING");
        assert_eq!(open.known().is_some(), text == "RUNNING");
    }
}

#[test]
fn numbers_are_taken_as_they_come() {
    let integer =
        |value| serde_json::from_value::<Integer>(value).map(|integer| (integer.get(), integer.is_exact()));
    for (value, expected) in [
        (json!(3), (3, true)),
        (json!("3"), (3, true)),
        (json!(3.0), (3, true)),
        (json!(3.7), (3, false)),
        (json!(u64::MAX), (i64::MAX, false)),
        (json!(1e300), (i64::MAX, false)),
        (json!(-5), (-5, true)),
    ] {
        assert_eq!(integer(value.clone()).expect("a number"), expected, "{value}");
    }
    let number = |value| serde_json::from_value::<Number>(value).map(Number::get);
    assert_eq!(number(json!("0.74")).expect("a number"), 0.74);
    assert_eq!(number(json!(2)).expect("a number"), 2.0);
    let error = number(json!("hunter2")).expect_err("not a number").to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn one_odd_item_does_not_hide_the_others() {
    let body = json!({ "pods": [{ "id": "a" }, { "name": "no id" }, null, { "id": "b", "gpu": "what" }, { "id": "c" }] });
    let list: types::ListPodsResponse = serde_json::from_value(body.clone()).expect("a list");
    assert_eq!(list.pods.iter().map(|pod| pod.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    let odd: Vec<String> = list.pods.malformed().iter().map(ToString::to_string).collect();
    assert_eq!(odd[0], "1: at . expected field `id`");
    assert!(odd[1].starts_with("2: at . expected "), "{odd:?}");
    assert!(odd[2].starts_with("3: at gpu expected "), "{odd:?}");
    assert!(!format!("{list:?}").contains("what"), "{list:?}");
    assert_eq!(list.pods.malformed()[0].json(), "{\"name\":\"no id\"}");
    let again = serde_json::to_value(&list).expect("json");
    assert_eq!(again["pods"].as_array().map(Vec::len), Some(5));
}

#[test]
fn one_odd_value_does_not_hide_the_others() {
    let map: LenientMap<Secret> =
        serde_json::from_value(json!({ "A": "hunter2", "B": null, "C": 8080 })).expect("a map");
    assert_eq!(map.len(), 1);
    assert_eq!(map["A"].expose(), "hunter2");
    assert_eq!(map.malformed().iter().map(|odd| odd.position()).collect::<Vec<_>>(), ["B", "C"]);
    assert!(!format!("{map:?}").contains("hunter2"));
    let list: LenientList<i64> = vec![1, 2].into();
    assert_eq!(serde_json::to_value(&list).expect("json"), json!([1, 2]));
}

#[test]
fn limits_of_what_is_sent_are_kept() {
    type Port = Int<1, 65_535>;
    assert_eq!(Port::try_from(22).map(Int::get), Ok(22));
    assert_eq!(
        Port::new(0).expect_err("too small").to_string(),
        "not allowed by RunPod's API: give an integer from 1 to 65535"
    );
    assert!(Port::try_from(u64::MAX).is_err());
    assert!(serde_json::from_value::<Port>(json!(65_536)).is_err());
    assert!(Num::<500, { i64::MAX }>::new(0.49).is_err());
    assert!(Num::<500, { i64::MAX }>::new(f64::INFINITY).is_err());
    assert_eq!(Num::<500, { i64::MAX }>::new(1e17).map(Num::get), Ok(1e17));
    assert!(List::<u8, Len<1, 2, true>>::try_from(vec![]).is_err());
    assert!(List::<u8, Len<1, 2, true>>::try_from(vec![1, 1]).is_err());
    assert!(List::<u8, Len<1, 2, true>>::try_from(vec![1, 2, 3]).is_err());
    assert!(List::<u8, Len<1, 2, true>>::try_from(vec![1, 2]).is_ok());
    assert!(Joined::<String>::try_from(vec!["a,b".to_owned()]).is_err());
}

#[test]
fn moments_are_checked() {
    for text in ["2026-11-15T08:30:00Z", "2026-11-15t08:30:00.123+05:30", "2026-12-31T23:59:60-00:00"] {
        assert!(text.parse::<Timestamp>().is_ok(), "{text}");
    }
    for text in [
        "",
        "2026-11-15",
        "2026-11-15 08:30:00Z",
        "2026-13-15T08:30:00Z",
        "2026-11-15T24:30:00Z",
        "2026-11-15T08:30:00",
        "2026-11-15T08:30:00.Z",
        "2026-11-15T08:30:00+5",
        "2026-11-15T08:30:00Zä",
        "é",
    ] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
}

#[test]
fn an_update_can_say_null() {
    let mut update = types::UpdatePodRequest::default();
    assert_eq!(serde_json::to_value(&update).expect("json"), json!({}));
    update.registry = Some(Nullable::Null);
    update.ports = Some(vec![]);
    assert_eq!(serde_json::to_value(&update).expect("json"), json!({ "registry": null, "ports": [] }));
}

#[test]
fn requests_refuse_what_the_contract_forbids() {
    type Create = types::CreatePodRequest;
    assert!(serde_json::from_value::<Create>(json!({ "name": "a" })).is_ok());
    for body in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a", "colour": "red" }),
        json!({ "name": "a", "cloud": "PRIVATE" }),
        json!({ "name": "a", "disk": 0 }),
        json!({ "name": "a", "gpu": { "id": "x", "count": 0 } }),
        json!({ "name": "a", "gpu": { "id": "x", "vcpuCount": 1 } }),
        json!({ "name": "a", "gpu": { "id": "x", "minCudaVersion": "twelve" } }),
        json!({ "name": "a", "mounts": { "network": [{ "volumeId": "v" }] } }),
        json!({ "name": "a", "mounts": { "persistent": { "size": 9, "path": "/w" } } }),
    ] {
        assert!(serde_json::from_value::<Create>(body.clone()).is_err(), "{body}");
    }
}
