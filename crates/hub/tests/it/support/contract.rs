//! `openapi.yaml` as a test: finds the operation of a request and holds the answer against its schema. It knows the words
//! of JSON Schema that the document uses and panics at any other, so that no rule is passed over in silence.

use std::sync::OnceLock;

use serde_yaml_ng::Value as Yaml;

type Json = serde_json::Value;

/// The document.
pub fn document() -> &'static Json {
    static DOCUMENT: OnceLock<Json> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let yaml: Yaml = serde_yaml_ng::from_str(hub::cli::OPENAPI).expect("openapi.yaml is YAML");
        serde_json::to_value(yaml).expect("openapi.yaml has text keys only")
    })
}

/// Each method and path of the document.
pub fn operations() -> Vec<(String, String)> {
    let paths = document()["paths"].as_object().expect("paths is a map");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in item.as_object().expect("a path is a map").keys() {
            operations.push((method.to_uppercase(), path.clone()));
        }
    }
    operations.sort();
    operations
}

/// Panics unless the document allows this answer to this request.
pub fn check(method: &str, path: &str, status: u16, content_type: &str, body: &[u8]) {
    let path = path.split('?').next().unwrap_or_default();
    let Some((template, operation)) = find(method, path) else {
        assert!(
            matches!(status, 404 | 405 | 413 | 503),
            "{method} {path} is not in openapi.yaml and was answered {status}"
        );
        return;
    };
    let place = format!("{method} {template} {status}");
    let response = resolve(&operation["responses"][status.to_string()]);
    assert!(response.is_object(), "{place} is not in openapi.yaml: {}", String::from_utf8_lossy(body));
    let media = content_type.split(';').next().unwrap_or_default();
    let schema = &response["content"][media]["schema"];
    assert!(schema.is_object(), "{place} has no {media} in openapi.yaml");
    if media.ends_with("json") {
        let value: Json = serde_json::from_slice(body).unwrap_or_else(|error| panic!("{place}: {error}"));
        if let Err(why) = conforms(schema, &value) {
            panic!("{place}: {why}\n{value:#}");
        }
    }
}

fn find(method: &str, path: &str) -> Option<(&'static str, &'static Json)> {
    let paths = document()["paths"].as_object().expect("paths is a map");
    // A literal segment goes before a variable one.
    let mut fitting: Vec<_> = paths.iter().filter(|(template, _)| fits(template, path)).collect();
    fitting.sort_by_key(|(template, _)| template.matches('{').count());
    let (template, item) = fitting.first()?;
    item.get(method.to_lowercase()).map(|operation| (template.as_str(), operation))
}

fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}

/// What a reference leads to; anything else as it is.
pub fn resolve(value: &'static Json) -> &'static Json {
    match value["$ref"].as_str() {
        Some(reference) => {
            let pointer = reference.strip_prefix('#').expect("references are local");
            resolve(document().pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere")))
        }
        None => value,
    }
}

/// Whether a value is what a schema says.
fn conforms(schema: &'static Json, value: &Json) -> Result<(), String> {
    for (word, rule) in schema.as_object().expect("a schema is a map") {
        match word.as_str() {
            "$ref" => conforms(resolve(schema), value)?,
            "type" => check_type(rule, value)?,
            "enum" => {
                let allowed = rule.as_array().expect("enum is a list");
                require(allowed.contains(value), || format!("{value} is none of {rule}"))?;
            }
            "const" => require(value == rule, || format!("{value} is not {rule}"))?,
            "oneOf" => {
                let allowed = rule.as_array().expect("oneOf is a list");
                let count = allowed.iter().filter(|schema| conforms(schema, value).is_ok()).count();
                require(count == 1, || format!("{value} fits {count} of {rule}"))?;
            }
            "pattern" => check_pattern(rule.as_str().expect("pattern is text"), value)?,
            "required" => check_required(rule, value)?,
            "properties" => check_properties(rule, value)?,
            "additionalProperties" => check_additional(schema, value)?,
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    conforms(rule, item)?;
                }
            }
            // Said to people, or of requests only.
            "description" | "examples" | "format" | "default" | "title" => {}
            "minLength" | "maxLength" | "minimum" | "maximum" | "minItems" | "maxItems" | "maxProperties"
            | "propertyNames" => {}
            other => panic!("the test of the contract does not know `{other}`"),
        }
    }
    Ok(())
}

fn require(holds: bool, why: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why()) }
}

fn check_type(rule: &Json, value: &Json) -> Result<(), String> {
    let is_of = |name: &str| match name {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the test of the contract does not know the type `{other}`"),
    };
    let names: Vec<&str> = match rule {
        Json::String(name) => vec![name],
        other => other.as_array().expect("type is text or a list").iter().filter_map(Json::as_str).collect(),
    };
    require(names.iter().any(|name| is_of(name)), || format!("{value} is not {rule}"))
}

/// The document's patterns are ids, codes and decimal numbers; a prefix is compared, the rest has types of its own.
fn check_pattern(pattern: &str, value: &Json) -> Result<(), String> {
    let Some(text) = value.as_str() else { return Ok(()) };
    let holds = match pattern {
        "^[A-Z]{3}$" => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        decimal if decimal.starts_with("^-?[0-9]{") => {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
        }
        prefix => text.starts_with(prefix.trim_start_matches('^').split('[').next().unwrap_or_default()),
    };
    require(holds, || format!("{text} does not match {pattern}"))
}

fn check_required(rule: &Json, value: &Json) -> Result<(), String> {
    let Some(map) = value.as_object() else { return Ok(()) };
    for name in rule.as_array().into_iter().flatten().filter_map(Json::as_str) {
        require(map.contains_key(name), || format!("`{name}` is missing"))?;
    }
    Ok(())
}

fn check_properties(rule: &'static Json, value: &Json) -> Result<(), String> {
    for (name, schema) in rule.as_object().expect("properties is a map") {
        if let Some(property) = value.get(name) {
            conforms(schema, property).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(())
}

/// No names but the document's own; or, of a map, any name with a value of one form.
fn check_additional(schema: &'static Json, value: &Json) -> Result<(), String> {
    let rule = &schema["additionalProperties"];
    for (name, additional) in value.as_object().into_iter().flatten() {
        if schema["properties"].get(name).is_some() {
            continue;
        }
        require(rule != &Json::Bool(false), || format!("`{name}` is not in the document"))?;
        conforms(rule, additional).map_err(|why| format!("{name}: {why}"))?;
    }
    Ok(())
}
