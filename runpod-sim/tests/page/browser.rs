//! A real browser, which Debian's packages chromium and chromium-driver bring, led by the few commands of WebDriver that the tests
//! need: JSON over HTTP.

use std::{path::Path, process::Stdio, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

const LONG: Duration = Duration::from_secs(30);

/// The variable that makes a missing browser a failure, as in CI.
const REQUIRED: &str = "RUNPOD_SIM_BROWSER";

/// The key that an element is known by in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The Enter key, as WebDriver writes it.
pub(crate) const ENTER: &str = "\u{e007}";

/// A browser without a window, and its driver.
pub(crate) struct Browser {
    http: Client,
    /// The address of its session.
    session: String,
    /// The driver, which leads a process group of its own.
    child: Child,
}

impl Drop for Browser {
    /// Ends the driver and the browser that it started, also if a test has failed.
    fn drop(&mut self) {
        if let Some(leader) = self.child.id() {
            let mut kill = std::process::Command::new("kill");
            // Nothing else can be done about what does not end.
            let _ = kill.args(["-KILL", "--", &format!("-{leader}")]).status();
        }
    }
}

impl Browser {
    /// Starts one; `None` where there is none and none is required.
    pub(crate) async fn start() -> Option<Self> {
        let mut driver = Command::new("chromedriver");
        #[cfg(unix)]
        driver.process_group(0);
        driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = match driver.spawn() {
            Ok(child) => child,
            Err(error) if std::env::var_os(REQUIRED).is_none() => {
                println!("no browser, so it is not tested: chromedriver: {error}");
                return None;
            }
            Err(error) => panic!("{REQUIRED} is set and there is no browser: chromedriver: {error}"),
        };
        let port = timeout(LONG, port(&mut child)).await.expect("chromedriver tells its port");
        // Other members of the workspace may have switched TLS on, which then wants a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder().no_proxy().timeout(LONG).build().expect("a client needs nothing");
        let mut browser = Self { http, session: format!("http://127.0.0.1:{port}/session"), child };
        let session = browser.send("", options()).await;
        browser.session = format!("{}/{}", browser.session, session["sessionId"].as_str().expect("an id"));
        Some(browser)
    }

    /// Sends a command and returns its value.
    async fn send(&self, command: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}{command}", self.session)).json(&body);
        read(command, request).await
    }

    pub(crate) async fn open(&self, url: &str) {
        self.send("/url", json!({ "url": url })).await;
    }

    pub(crate) async fn size(&self, width: u32, height: u32) {
        self.send("/window/rect", json!({ "width": width, "height": height })).await;
    }

    /// Sends a command about the first element that a selector finds.
    async fn act(&self, selector: &str, command: &str, body: Value) {
        let found = self.send("/element", json!({ "using": "css selector", "value": selector })).await;
        let id = found[ELEMENT].as_str().expect("an element has an id");
        self.send(&format!("/element/{id}/{command}"), body).await;
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.act(selector, "click", json!({})).await;
    }

    pub(crate) async fn clear(&self, selector: &str) {
        self.act(selector, "clear", json!({})).await;
    }

    /// Types on the keyboard, with the focus on an element.
    pub(crate) async fn keys(&self, selector: &str, text: &str) {
        self.act(selector, "value", json!({ "text": text })).await;
    }

    /// The text of an element; empty while there is no such element.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let text = self.value(&format!("document.querySelector({})?.innerText", json!(selector))).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an element shows some words.
    pub(crate) async fn shows(&self, selector: &str, words: &str) {
        let begun = Instant::now();
        loop {
            let text = self.text(selector).await;
            if text.contains(words) {
                return;
            }
            assert!(begun.elapsed() < LONG, "{selector} does not show {words:?}: {text}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.send("/execute/sync", json!({ "script": format!("return {expression}"), "args": [] })).await
    }

    /// Makes the page believe that its reader prefers a theme.
    pub(crate) async fn theme(&self, name: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": name }] });
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": features });
        self.send("/goog/cdp/execute", command).await;
    }

    /// Keeps a picture of what is in the window.
    pub(crate) async fn picture(&self, path: &Path) {
        let command = "/screenshot";
        let picture = read(command, self.http.get(format!("{}{command}", self.session))).await;
        let bytes = BASE64_STANDARD.decode(picture.as_str().expect("a picture is text")).expect("and base64");
        std::fs::write(path, bytes).expect("the picture can be kept");
    }

    pub(crate) async fn close(self) {
        read("", self.http.delete(&self.session)).await;
    }
}

/// Reads the value of an answer, which must be a success.
async fn read(command: &str, request: reqwest::RequestBuilder) -> Value {
    let answer = request.send().await.unwrap_or_else(|error| panic!("{command}: {error}"));
    let status = answer.status();
    let mut body: Value = answer.json().await.unwrap_or_else(|error| panic!("{command}: {error}"));
    assert!(status.is_success(), "{command}: {}", body["value"]["message"]);
    body["value"].take()
}

/// The port that a driver says it listens on.
async fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().expect("its output is piped")).lines();
    while let Some(line) = lines.next_line().await.expect("its output can be read") {
        let port = line
            .rsplit_once("successfully on port ")
            .and_then(|(_, port)| port.trim_end_matches('.').parse().ok());
        if let Some(port) = port {
            return port;
        }
    }
    panic!("chromedriver ended without a port");
}

fn options() -> Value {
    // Root has no sandbox, and a container little shared memory. A proxy of the machine is not asked for loopback.
    let arguments =
        ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"];
    json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": { "args": arguments } } } })
}
