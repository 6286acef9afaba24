//! Requests made from `openapi.yaml`: each operation with what it needs, and with each part in which an id may stand. What
//! stands in them is taken from the records of a merchant.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::contract::{document, resolve};

/// What stands in a field that is no id, where the document does not say enough. A new field that is refused as it is made
/// up needs a line here.
const WORDS: [(&str, &str); 20] = [
    ("badge", "B-7"),
    ("barcode", "4006381333931"),
    ("barcodes", "4006381333931"),
    ("code", "77"),
    ("date", "2025-11-22"),
    ("email", "aiko@example.jp"),
    ("external_system", "web-shop"),
    ("login", "counter"),
    ("name", "Things"),
    ("phone", "03-1234-5678"),
    ("pin", "2580"),
    ("provider", "sandbox"),
    ("receipt_number", "T1-1"),
    ("registration_number", "T7000012050002"),
    ("sku", "things"),
    ("system", "web-shop"),
    ("tax_class", "standard"),
    ("unit_price", "1"),
    ("url", "https://example.jp/"),
    ("valid_from", "2026-01-01T00:00:00Z"),
];
/// Text that fits where nothing is said.
const TEXT: &str = "as agreed";

/// The records of one merchant, by the prefix of their ids; `key` stands before idempotency keys.
#[derive(Debug, Default)]
pub struct Belongings {
    ids: BTreeMap<String, Vec<String>>,
}

impl Belongings {
    /// Keeps a record; gives its id.
    pub fn add(&mut self, id: impl ToString) -> String {
        let id = id.to_string();
        self.ids.entry(prefix(&id).to_owned()).or_default().push(id.clone());
        id
    }

    /// The ids with a prefix. Without one a request that needs it could never be tried.
    pub fn of(&self, prefix: &str) -> &[String] {
        let found = self.ids.get(prefix).map(Vec::as_slice).unwrap_or_default();
        assert!(!found.is_empty(), "openapi.yaml wants an id `{prefix}_…`: let `furnish` make such a record");
        found
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.ids.values().flatten()
    }
}

/// What an id begins with.
pub fn prefix(id: &str) -> &str {
    id.split('_').next().unwrap_or_default()
}

/// One method of one path of the document.
pub struct Operation {
    pub method: String,
    pub path: String,
    what: &'static Value,
}

/// What a request is made of: `path`, `query` and, where there is one, `body`.
pub type Parts = Value;

impl Operation {
    /// Each of them.
    pub fn all() -> Vec<Self> {
        let paths = document()["paths"].as_object().expect("paths is a map");
        let mut all = Vec::new();
        for (path, item) in paths {
            for (method, what) in item.as_object().expect("a path is a map") {
                all.push(Self { method: method.to_uppercase(), path: path.clone(), what });
            }
        }
        all
    }

    /// Whether it asks everybody who is calling.
    pub fn is_guarded(&self) -> bool {
        let is_open = |way: &Value| way.as_object().is_some_and(Map::is_empty);
        self.what["security"].as_array().is_none_or(|ways| !ways.is_empty() && !ways.iter().any(is_open))
    }

    /// Whether its answer never ends.
    pub fn is_stream(&self) -> bool {
        self.what["responses"]["200"]["content"]["text/event-stream"].is_object()
    }

    /// Requests with what is needed, each record of `own` in its turn in the path, and one after the other with each
    /// further part that may hold an id.
    pub fn requests(&self, own: &Belongings) -> Vec<Parts> {
        let paths = objects(self.parameters("path"), true, own);
        let queries = objects(self.parameters("query"), false, own);
        let schema = &self.what["requestBody"]["content"]["application/json"]["schema"];
        let bodies = if schema.is_null() { vec![Value::Null] } else { values("", schema, own) };
        let mut requests = Vec::new();
        for path in &paths {
            for query in &queries {
                requests.extend(bodies.iter().map(|body| json!({ "path": path, "query": query, "body": body })));
            }
        }
        requests
    }

    /// The fields of the body that take any text, as JSON pointers, and whether each takes a list of texts.
    pub fn free_texts(&self) -> Vec<(String, bool)> {
        let body = resolve(&self.what["requestBody"]["content"]["application/json"]["schema"]);
        let properties = body["properties"].as_object().into_iter().flatten();
        let is_text = |schema: &Value| {
            let is_string = schema["type"] == "string" || schema["type"] == json!(["string", "null"]);
            is_string && schema["pattern"].is_null() && schema["enum"].is_null()
        };
        let texts = properties.filter_map(|(name, schema)| {
            let schema = resolve(schema);
            let is_list = is_text(resolve(&schema["items"]));
            (is_list || is_text(schema)).then(|| (format!("/body/{name}"), is_list))
        });
        texts.collect()
    }

    /// Whether its body may have metadata.
    pub fn takes_metadata(&self) -> bool {
        let body = resolve(&self.what["requestBody"]["content"]["application/json"]["schema"]);
        !body["properties"]["metadata"].is_null()
    }

    fn parameters(&self, place: &str) -> Vec<(String, &'static Value, bool)> {
        let listed = self.what["parameters"].as_array().into_iter().flatten().map(resolve);
        let wanted = listed.filter(|parameter| parameter["in"] == place);
        let taken = wanted.map(|parameter| {
            let name = parameter["name"].as_str().expect("a parameter has a name");
            (name.to_owned(), &parameter["schema"], parameter["required"] == true)
        });
        taken.collect()
    }

    /// The path and the query of a request.
    pub fn url(&self, parts: &Parts) -> String {
        let mut url = self.path.clone();
        for (name, value) in parts["path"].as_object().into_iter().flatten() {
            url = url.replace(&format!("{{{name}}}"), &plain(value));
        }
        let query = parts["query"].as_object().into_iter().flatten();
        let query: Vec<String> = query.map(|(name, value)| format!("{name}={}", plain(value))).collect();
        if query.is_empty() { url } else { format!("{url}?{}", query.join("&")) }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The places in a request, as JSON pointers, where an id of `own` stands.
pub fn places(parts: &Parts, own: &Belongings) -> Vec<String> {
    fn walk(value: &Value, place: &str, own: &Belongings, found: &mut Vec<String>) {
        match value {
            Value::String(text) if own.all().any(|id| id == text) => found.push(place.to_owned()),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, item)| walk(item, &format!("{place}/{at}"), own, found));
            }
            Value::Object(map) => {
                map.iter().for_each(|(name, item)| walk(item, &format!("{place}/{name}"), own, found))
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(parts, "", own, &mut found);
    found
}

/// Objects of these properties: with what is required, and one after the other with each other value that is worth a try.
fn objects(properties: Vec<(String, &'static Value, bool)>, is_each: bool, own: &Belongings) -> Vec<Value> {
    let mut base = Map::new();
    for (name, schema, _) in properties.iter().filter(|(_, _, is_required)| *is_required) {
        let value = values(name, schema, own).into_iter().next().expect("a schema has a value");
        base.insert(name.clone(), value);
    }
    let mut made = vec![Value::Object(base.clone())];
    for (name, schema, is_required) in properties {
        let is_word = WORDS.iter().any(|(word, _)| *word == name);
        for value in values(&name, schema, own) {
            let is_id = !places(&value, own).is_empty();
            if base.get(&name) != Some(&value) && (is_id || (is_required && is_each) || (!is_required && is_word)) {
                let mut object = base.clone();
                object.insert(name.clone(), value);
                made.push(Value::Object(object));
            }
        }
    }
    made
}

/// Objects that a schema allows. Its `oneOf` says what is required besides, and of an `anyOf` the first is taken.
fn of_object(schema: &'static Value, own: &Belongings) -> Vec<Value> {
    let names = |of: &'static Value| of["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let choices: Vec<Vec<&str>> = match schema["oneOf"].as_array() {
        None => vec![Vec::new()],
        Some(choices) => choices.iter().map(|choice| names(choice).collect()).collect(),
    };
    let of_choice = |choice: &Vec<&str>| {
        let of_any = &schema["anyOf"][0];
        let wanted =
            |name: &str| choice.contains(&name) || names(schema).chain(names(of_any)).any(|required| required == name);
        // What another choice requires has no place beside this one.
        let others: Vec<&str> = choices.iter().flatten().copied().filter(|name| !wanted(name)).collect();
        let properties = schema["properties"].as_object().into_iter().flatten();
        let fitting = properties.filter(|(name, _)| !others.contains(&name.as_str()));
        objects(fitting.map(|(name, of)| (name.clone(), of, wanted(name))).collect(), false, own)
    };
    choices.iter().flat_map(of_choice).collect()
}

/// Values that a schema allows, the plainest first.
fn values(name: &str, schema: &'static Value, own: &Belongings) -> Vec<Value> {
    let schema = resolve(schema);
    let is_of = |wanted: &str| match &schema["type"] {
        Value::Array(types) => types.iter().any(|of| of == wanted),
        of => of == wanted,
    };
    if let Some(only) = schema.get("const") {
        return vec![only.clone()];
    }
    if let Some(choices) = schema["enum"].as_array() {
        return choices[..1].to_vec();
    }
    if is_of("object") {
        return of_object(schema, own);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let wanted = choices.iter().filter(|choice| choice["type"] != "null");
        return wanted.flat_map(|choice| values(name, choice, own)).collect();
    }
    if is_of("array") {
        let count = schema["minItems"].as_u64().unwrap_or(1).max(1) as usize;
        return values(name, &schema["items"], own).into_iter().map(|item| json!(vec![item; count])).collect();
    }
    if is_of("integer") {
        return vec![json!(schema["minimum"].as_i64().unwrap_or(1).max(1))];
    }
    if is_of("boolean") {
        return vec![json!(false)];
    }
    let pattern = schema["pattern"].as_str().unwrap_or_default();
    match pattern.strip_prefix('^').and_then(|rest| rest.split_once('_')) {
        Some((prefix, _)) if prefix.len() == 3 && prefix.bytes().all(|byte| byte.is_ascii_lowercase()) => {
            own.of(prefix).iter().map(|id| json!(id)).collect()
        }
        // The id of a request is the key that it was sent under.
        _ if pattern == "^[!-~]{1,255}$" => own.of("key").iter().map(|key| json!(key)).collect(),
        _ if pattern.contains("[0-9]{1,15}") => vec![json!("1")],
        _ if pattern == "^[A-Z]{3}$" => vec![json!("JPY")],
        _ => vec![json!(WORDS.iter().find(|(word, _)| *word == name).map_or(TEXT, |(_, text)| *text))],
    }
}
