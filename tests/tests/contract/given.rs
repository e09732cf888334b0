//! The arguments of a call, as JSON until the generated method says what it takes.

use std::{collections::BTreeMap, sync::Mutex};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Arguments by name.
#[derive(Debug, Default)]
pub(crate) struct Given {
    arguments: BTreeMap<String, Value>,
    body: Value,
    refused: Mutex<Vec<String>>,
}

impl Given {
    /// Arguments that live as long as the test program, as those of a call must here.
    pub(crate) fn new(arguments: BTreeMap<String, Value>, body: Value) -> &'static Self {
        Box::leak(Box::new(Self { arguments, body, refused: Mutex::default() }))
    }

    /// The arguments that their types refused.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().expect("not poisoned").clone()
    }

    pub(crate) fn path(&self, name: &str) -> &str {
        self.text(name).expect("an argument of the path")
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str()
    }

    pub(crate) fn copied<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = serde_json::from_value(self.arguments.get(name)?.clone());
        self.kept(name, value.map_err(|error| error.to_string()))
    }

    pub(crate) fn body<B: DeserializeOwned>(&self) -> &'static B {
        let body = serde_json::from_value(self.body.clone());
        Box::leak(Box::new(body.unwrap_or_else(|error| panic!("{}: {error}", self.body))))
    }

    fn kept<T>(&self, name: &str, value: Result<T, String>) -> Option<T> {
        let refused = |error| self.refused.lock().expect("not poisoned").push(format!("{name}: {error}"));
        value.map_err(refused).ok()
    }
}
