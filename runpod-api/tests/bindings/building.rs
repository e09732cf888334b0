use runpod_api::{BuildError, ClientBuilder};

use crate::KEY;

fn refused(builder: ClientBuilder) -> BuildError {
    builder.v2().expect_err("refused")
}

#[test]
fn keys_that_cannot_be_sent_are_refused_without_being_shown() {
    assert_eq!(
        refused(ClientBuilder::new("")).to_string(),
        "the RunPod API key is empty: give one from the RunPod console, for example in RUNPOD_API_KEY"
    );
    for key in ["  ", "\n"] {
        assert!(matches!(refused(ClientBuilder::new(key)), BuildError::EmptyKey), "{key:?}");
    }
    for key in [format!("{KEY}\n"), format!("{KEY}\r\nX-Evil: 1"), format!("a {KEY}"), format!("ä{KEY}")] {
        let error = refused(ClientBuilder::new(key));
        assert!(matches!(error, BuildError::MalformedKey));
        assert!(!format!("{error} {error:?}").contains(KEY));
    }
}

#[test]
fn base_urls_that_are_wrong_or_unsafe_are_refused() {
    let on = |url: &str| refused(ClientBuilder::new(KEY).base_url(url));
    for (url, problem) in [
        ("api.runpod.io", "has no scheme"),
        ("", "has no scheme"),
        ("localhost:8080", "has no http or https scheme"),
        ("ftp://api.runpod.io", "has no http or https scheme"),
        ("https://", "is not a URL"),
        ("https://user:hunter2@api.runpod.io", "holds a user or password"),
        ("https://api.runpod.io?key=hunter2", "holds a query or fragment"),
    ] {
        let error = on(url);
        let text = format!("{error} {error:?}");
        assert!(text.contains(problem), "{url}: {text}");
        assert!(text.contains("give one such as https://api.runpod.io"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    for url in ["http://api.runpod.io", "http://10.0.0.1:80", "http://localhost.example.com"] {
        assert!(matches!(on(url), BuildError::Insecure { .. }), "{url}");
    }
    for url in ["http://127.0.0.1:1", "http://[::1]:1/", "http://localhost:1", "https://example.com/base"] {
        assert!(ClientBuilder::new(KEY).base_url(url).v2().is_ok(), "{url}");
    }
}

#[test]
fn a_user_agent_that_cannot_be_sent_is_refused() {
    assert!(matches!(refused(ClientBuilder::new(KEY).user_agent("a\nb")), BuildError::UserAgent));
}

#[test]
fn nothing_prints_the_key() {
    let builder = ClientBuilder::new(KEY);
    assert!(!format!("{builder:?}").contains("SENTINEL"));
    let client = builder.v2().expect("a client");
    assert!(!format!("{client:?} {client:#?}").contains("SENTINEL"));
}
