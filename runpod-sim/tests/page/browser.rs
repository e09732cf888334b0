//! A real browser, which Debian's packages chromium and chromium-driver bring.

use std::{process::Stdio, time::Duration};

use serde_json::json;
use thirtyfour::{ChromeCapabilities, prelude::*};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

const LONG: Duration = Duration::from_secs(30);

/// The variable that makes a missing browser a failure, as in CI.
const REQUIRED: &str = "RUNPOD_SIM_BROWSER";

/// A browser without a window, and its driver.
pub(crate) struct Browser {
    pub(crate) driver: WebDriver,
    /// Killed when dropped.
    _driver: Child,
}

impl Browser {
    /// Starts one; `None` where there is none and none is required.
    pub(crate) async fn start() -> Option<Self> {
        let mut driver = Command::new("chromedriver");
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
        let driver =
            WebDriver::new(format!("http://127.0.0.1:{port}"), options()).await.expect("chromium starts");
        Some(Self { driver, _driver: child })
    }

    pub(crate) async fn open(&self, url: &str) {
        self.driver.goto(url).await.expect("the page opens");
    }

    pub(crate) async fn find(&self, selector: &str) -> WebElement {
        self.driver.find(By::Css(selector)).await.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    pub(crate) async fn text(&self, selector: &str) -> String {
        self.find(selector).await.text().await.expect("an element has a text")
    }

    /// Waits until an element shows some words, and returns how long that took.
    pub(crate) async fn shows(&self, selector: &str, words: &str) -> Duration {
        let begun = Instant::now();
        loop {
            let text = self.text(selector).await;
            if text.contains(words) {
                return begun.elapsed();
            }
            assert!(begun.elapsed() < LONG, "{selector} does not show {words:?}: {text}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> serde_json::Value {
        let found = self.driver.execute(format!("return {expression}"), Vec::new()).await;
        found.expect("the expression has a value").json().clone()
    }

    /// Makes the page believe that its reader prefers a theme.
    pub(crate) async fn theme(&self, name: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": name }] });
        self.driver
            .cdp()
            .send_raw("Emulation.setEmulatedMedia", features)
            .await
            .expect("a theme can be chosen");
    }

    pub(crate) async fn close(self) {
        self.driver.quit().await.expect("the browser ends");
    }
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

fn options() -> ChromeCapabilities {
    let mut options = DesiredCapabilities::chrome();
    // Root has no sandbox, and a container little shared memory. A proxy of the machine is not asked for loopback.
    for argument in
        ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]
    {
        options.add_arg(argument).expect("an argument can be added");
    }
    options
}
