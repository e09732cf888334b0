//! A contract document: routes requests, and validates requests and answers.

use std::{
    collections::BTreeSet,
    sync::{LazyLock, OnceLock},
};

use axum::http::Method;
use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::{Map, Value, json};

use super::schema::{Reading, json_schema};

static V2: LazyLock<Result<Contract, String>> =
    LazyLock::new(|| Contract::read(include_str!("../../openapi/v2.json"), Api::V2));
static V1: LazyLock<Result<Contract, String>> =
    LazyLock::new(|| Contract::read(include_str!("../../openapi/v1.json"), Api::V1));

/// The contract's words for a create without `disk`. RunPod refuses one later, with a 400.
pub(crate) const NO_DISK: &str = "$: missing property 'disk'";

/// One of RunPod's two REST APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    V1,
    V2,
}

/// A RunPod contract document, ready to route and to validate by.
pub(crate) struct Contract {
    pub(crate) api: Api,
    operations: Vec<Operation>,
    components: Value,
}

/// One operation of the contract. Validators are compiled on first use.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    path: Vec<String>,
    body: Option<Value>,
    query: Vec<(String, Value)>,
    statuses: Vec<String>,
    responses: Map<String, Value>,
    /// True if its success is a stream of events.
    pub(crate) streams: bool,
    body_validator: OnceLock<Result<Validator, String>>,
    query_validator: OnceLock<Result<Validator, String>>,
    response_validators: OnceLock<Vec<(String, Result<Validator, String>)>>,
}

/// The match of a method and a path in the contract.
pub(crate) enum Route<'a> {
    /// An operation and the values of its path parameters.
    Operation(&'a Operation, Vec<String>),
    /// The path exists with these methods only.
    OtherMethods(Vec<&'a Method>),
    /// No such path.
    Unknown,
}

impl Contract {
    /// RunPod's REST v2.
    pub(crate) fn v2() -> Result<&'static Self, &'static str> {
        V2.as_ref().map_err(String::as_str)
    }

    /// RunPod's REST v1.
    pub(crate) fn v1() -> Result<&'static Self, &'static str> {
        V1.as_ref().map_err(String::as_str)
    }

    /// Returns true if there is an operation of this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.operations.iter().any(|operation| operation.id == id)
    }

    /// The ids of its operations.
    #[cfg(feature = "page")]
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.operations.iter().map(|operation| operation.id.as_str())
    }

    fn read(text: &str, api: Api) -> Result<Self, String> {
        let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let paths = document["paths"].as_object().ok_or("the document has no paths")?;
        let mut operations = Vec::new();
        for (path, item) in paths {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                let name = method.as_str().to_lowercase();
                if let Some(operation) = item.get(&name) {
                    operations.push(Operation::read(&document, path, method, item, operation)?);
                }
            }
        }
        Ok(Self { api, operations, components: document["components"].clone() })
    }

    /// Finds the operation for a request; a literal path segment wins over a parameter.
    pub(crate) fn route(&self, method: &Method, path: &str) -> Route<'_> {
        let segments: Vec<&str> = path.split('/').collect();
        let mut matching: Vec<_> =
            self.operations.iter().filter_map(|op| Some((op, op.parameters(&segments)?))).collect();
        let literal = matching.iter().map(|(_, values)| values.len()).min();
        matching.retain(|(_, values)| Some(values.len()) == literal);
        match matching.iter().position(|(op, _)| op.method == *method) {
            Some(index) => {
                let (operation, values) = matching.swap_remove(index);
                Route::Operation(operation, values)
            }
            None if matching.is_empty() => Route::Unknown,
            None => Route::OtherMethods(matching.iter().map(|(op, _)| &op.method).collect()),
        }
    }

    /// Lists the violations in a request body; empty when it is valid.
    pub(crate) fn body_errors(
        &self,
        operation: &Operation,
        body: Option<&Value>,
    ) -> Result<Vec<String>, String> {
        match (&operation.body, body) {
            (None, _) => Ok(Vec::new()),
            (Some(_), None) => Ok(vec!["$: a JSON request body is required".into()]),
            (Some(schema), Some(body)) => {
                let validator = operation
                    .body_validator
                    .get_or_init(|| self.compile(schema, Reading::Request))
                    .as_ref()?;
                let mut found = errors(validator, body);
                if self.api == Api::V1 {
                    found.extend(self.unknown_keys(schema, body));
                }
                Ok(found)
            }
        }
    }

    /// Lists the violations in the body of a create; empty when it is valid. A missing `disk` is left to the rules.
    pub(crate) fn create_errors(&self, body: &Value) -> Result<Vec<String>, String> {
        let create = self.operations.iter().find(|operation| operation.id == "createPod");
        let create = create.ok_or("the contract has no createPod")?;
        let mut errors = self.body_errors(create, Some(body))?;
        errors.retain(|error| error != NO_DISK);
        Ok(errors)
    }

    /// Keys that v1 refuses although its document does not say so.
    fn unknown_keys(&self, schema: &Value, body: &Value) -> Vec<String> {
        let name = references(schema).pop_first().unwrap_or_default();
        let known = &self.components["schemas"][&name]["properties"];
        let keys = body.as_object().into_iter().flat_map(Map::keys);
        keys.filter(|key| known.get(key.as_str()).is_none())
            .map(|key| format!("$: additional properties '{key}' not allowed"))
            .collect()
    }

    /// Lists the violations in query parameters. Those the contract does not know are ignored, as RunPod does.
    pub(crate) fn query_errors(
        &self,
        operation: &Operation,
        query: &[(String, String)],
    ) -> Result<Vec<String>, String> {
        if operation.query.is_empty() || query.is_empty() {
            return Ok(Vec::new());
        }
        let validator = operation
            .query_validator
            .get_or_init(|| {
                let properties: Map<String, Value> = operation.query.iter().cloned().collect();
                self.compile(&json!({ "type": "object", "properties": properties }), Reading::Request)
            })
            .as_ref()?;
        let known = query.iter().filter_map(|(name, text)| {
            let (_, schema) = operation.query.iter().find(|(known, _)| known == name)?;
            Some((name.clone(), query_value(schema, text)))
        });
        Ok(errors(validator, &Value::Object(known.collect())))
    }

    /// Lists the violations in an answer of ours; empty when it is valid.
    pub(crate) fn response_errors(
        &self,
        operation: &Operation,
        status: u16,
        body: Option<&Value>,
    ) -> Result<Vec<String>, String> {
        // v1's document leaves out most of what v1 answers.
        if self.api == Api::V2 && !operation.documents(status) {
            return Ok(vec![format!("status {status} is not documented")]);
        }
        let validators = operation.response_validators.get_or_init(|| self.response_validators(operation));
        let keys = [status.to_string(), format!("{}XX", status / 100), "default".to_owned()];
        let validator = keys.iter().find_map(|key| validators.iter().find(|(known, _)| known == key));
        match (validator, body) {
            (_, None) if status == 204 => Ok(Vec::new()),
            (_, Some(_)) if status == 204 => Ok(vec!["status 204 must not have a body".into()]),
            (Some((_, validator)), Some(body)) => Ok(errors(validator.as_ref()?, body)),
            // A log has a body that is no JSON.
            (None, None) if operation.streams => Ok(Vec::new()),
            (Some(_), None) => Ok(vec![format!("status {status} needs a body")]),
            (None, Some(_)) => Ok(vec![format!("status {status} must not have a body")]),
            (None, None) => Ok(Vec::new()),
        }
    }

    fn response_validators(&self, operation: &Operation) -> Vec<(String, Result<Validator, String>)> {
        let schemas = operation.responses.iter().filter_map(|(status, response)| {
            let content = response.get("content")?.as_object()?;
            let schema = content.iter().find(|(kind, _)| kind.contains("json"))?.1.get("schema")?;
            Some((status.clone(), self.compile(schema, Reading::Response)))
        });
        schemas.collect()
    }

    fn compile(&self, schema: &Value, reading: Reading) -> Result<Validator, String> {
        let mut root = json_schema(schema, reading);
        let mut components = Map::new();
        let mut open: BTreeSet<String> = references(schema);
        while let Some(name) = open.pop_first() {
            if components.contains_key(&name) {
                continue;
            }
            let component = &self.components["schemas"][&name];
            open.extend(references(component));
            components.insert(name, json_schema(component, reading));
        }
        root["components"] = json!({ "schemas": components });
        jsonschema::draft202012::new(&root).map_err(|error| error.to_string())
    }
}

impl Operation {
    /// Returns true if its path names a pod.
    pub(crate) fn is_about_a_pod(&self) -> bool {
        matches!(self.path.as_slice(), [.., pods, id] | [.., pods, id, _] if pods == "pods" && id.starts_with('{'))
    }

    fn read(
        document: &Value,
        path: &str,
        method: Method,
        item: &Value,
        operation: &Value,
    ) -> Result<Self, String> {
        let id = operation["operationId"].as_str().ok_or_else(|| format!("{method} {path} has no id"))?;
        let shared = item["parameters"].as_array().into_iter().flatten();
        let own = operation["parameters"].as_array().into_iter().flatten();
        let query = shared.chain(own).map(|parameter| resolve(document, parameter)).filter_map(|parameter| {
            (parameter["in"] == "query")
                .then(|| Some((parameter["name"].as_str()?.to_owned(), parameter["schema"].clone())))?
        });
        let responses = operation["responses"].as_object().into_iter().flatten();
        Ok(Self {
            id: id.to_owned(),
            method,
            path: path.split('/').map(str::to_owned).collect(),
            body: operation
                .get("requestBody")
                .map(|body| resolve(document, body)["content"]["application/json"]["schema"].clone()),
            query: query.collect(),
            statuses: strings(&operation["x-statuses"]),
            responses: responses
                .map(|(status, response)| (status.clone(), resolve(document, response).clone()))
                .collect(),
            streams: operation["responses"]["2XX"]["content"]["text/event-stream"].is_object(),
            body_validator: OnceLock::new(),
            query_validator: OnceLock::new(),
            response_validators: OnceLock::new(),
        })
    }

    pub(crate) fn reads_body(&self) -> bool {
        self.body.is_some()
    }

    /// Returns true if RunPod's document names the status: a success exactly, a failure at least by its default.
    fn documents(&self, status: u16) -> bool {
        let named = |name: &str| self.statuses.iter().any(|known| known == name);
        self.statuses.is_empty() || named(&status.to_string()) || (status >= 400 && named("default"))
    }

    /// The values of the path parameters, percent-decoded; `None` when the path is another one.
    fn parameters(&self, segments: &[&str]) -> Option<Vec<String>> {
        if segments.len() != self.path.len() {
            return None;
        }
        let mut values = Vec::new();
        for (pattern, segment) in self.path.iter().zip(segments) {
            if pattern.starts_with('{') {
                values.push(percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned());
            } else if pattern != segment {
                return None;
            }
        }
        values.iter().all(|value| !value.is_empty()).then_some(values)
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// The value a query parameter's text stands for; arrays are sent as one comma-joined text.
fn query_value(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("array") => text.split(',').map(Value::from).collect(),
        Some("number") => text.parse::<f64>().map_or_else(|_| text.into(), Value::from),
        Some("integer") => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| text.into(), Value::from),
        _ => text.into(),
    }
}

fn references(schema: &Value) -> BTreeSet<String> {
    match schema {
        Value::Object(map) => {
            let own =
                map.get("$ref").and_then(Value::as_str).and_then(|reference| reference.rsplit('/').next());
            own.map(str::to_owned).into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    }
}

/// Every violation, missing fields first, without ever repeating a value that was sent.
fn errors(validator: &Validator, instance: &Value) -> Vec<String> {
    let mut found: Vec<_> = validator.iter_errors(instance).collect();
    found.sort_by_key(|error| !matches!(error.kind(), ValidationErrorKind::Required { .. }));
    found.iter().map(describe).collect()
}

/// A violation in RunPod's words.
fn describe(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let at = format!("${}", path.replace('/', "."));
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            format!("{at}: additional properties {} not allowed", quoted(unexpected))
        }
        ValidationErrorKind::Required { property } => {
            format!("{at}: missing property '{}'", property.as_str().unwrap_or_default())
        }
        ValidationErrorKind::Enum { options } => {
            format!("{at}: value must be one of {}", quoted(&strings(options)))
        }
        ValidationErrorKind::Type { kind } => {
            format!("{at}: got {}, want {}", name(error.instance()), wanted(kind))
        }
        _ => format!("{at}: {}", error.masked()),
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
}

/// The JSON name of a value's type.
fn name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn wanted(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => kind.to_string(),
        TypeKind::Multiple(kinds) => {
            kinds.into_iter().map(|kind| kind.to_string()).collect::<Vec<_>>().join(" or ")
        }
    }
}
