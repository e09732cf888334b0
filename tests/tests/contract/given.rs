//! The arguments of a call, as JSON until the generated method says what it takes.

use std::{collections::BTreeMap, sync::Mutex};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Arguments by name.
#[derive(Debug, Default)]
pub(crate) struct Given {
    arguments: BTreeMap<String, Value>,
    /// Those that may be left out, by the names of the options' properties.
    options: Map<String, Value>,
    body: Value,
    refused: Mutex<Vec<String>>,
}

impl Given {
    /// Arguments that live as long as the test program, as those of a call must here.
    pub(crate) fn new(arguments: BTreeMap<String, Value>, optional: &[Value], body: Value) -> &'static Self {
        let option = |parameter: &Value| {
            let name = parameter["name"].as_str()?;
            let key = if parameter["in"] == "header" { format!(":{name}") } else { name.to_owned() };
            Some((key, arguments.get(name)?.clone()))
        };
        let options =
            optional.iter().filter(|parameter| parameter["required"] != true).filter_map(option).collect();
        Box::leak(Box::new(Self { arguments, options, body, refused: Mutex::default() }))
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

    pub(crate) fn by_reference<T: DeserializeOwned>(&self, name: &str) -> Option<&'static T> {
        self.copied(name).map(|value| &*Box::leak(Box::new(value)))
    }

    /// What may be left out of the call; what is refused counts once, by its error.
    pub(crate) fn options<T: DeserializeOwned + Default>(&self) -> &'static T {
        let value = serde_json::from_value(self.options.clone().into()).map_err(|error| error.to_string());
        Box::leak(Box::new(self.kept("options", value).unwrap_or_default()))
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
