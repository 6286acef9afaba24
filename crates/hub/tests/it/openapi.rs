//! `openapi.yaml` says what the hub does, all of it and nothing else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hub::http::error::{Kind, NOUNS};

use crate::support::contract::{document, operations};

#[test]
fn the_document_has_the_routes_of_the_hub_and_no_other() {
    let mut routes: Vec<(String, String)> =
        hub::http::routes().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    routes.sort();
    assert_eq!(operations(), routes);
}

#[test]
fn the_document_has_the_codes_of_the_hub_and_no_other() {
    let listed: BTreeSet<String> = document()["components"]["schemas"]["ErrorCode"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect();
    let mut used: BTreeSet<String> = Kind::ALL.iter().map(|kind| kind.code().into_owned()).collect();
    used.extend(NOUNS.iter().map(|noun| format!("{noun}_not_found")));
    used.insert("version_stale".to_owned());
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for file in sources(&crates.join("domain/src")).into_iter().chain(sources(&crates.join("hub/src"))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        used.extend(codes_of_refusals(code));
        used.extend(nouns(code).map(|noun| format!("{noun}_not_found")));
    }
    assert_eq!(listed, used);
}

#[test]
fn each_code_has_its_cause_and_its_remedy() {
    let errors = document()["x-errors"].as_object().unwrap();
    let codes = document()["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let told: Vec<&str> = errors.keys().map(String::as_str).collect();
    let mut listed: Vec<&str> = codes.iter().map(|code| code.as_str().unwrap()).collect();
    listed.sort_unstable();
    assert_eq!(told, listed);
    for (code, error) in errors {
        for part in ["cause", "remedy"] {
            assert!(error[part].as_str().is_some_and(|text| text.ends_with('.')), "{code} has no {part}");
        }
    }
}

#[test]
fn the_mapping_names_fields_that_are_there() {
    let mapping = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/mapping.md")).unwrap();
    let quoted = mapping.split('`').skip(1).step_by(2).filter_map(|text| text.split_once('.'));
    let fields = quoted.filter(|(schema, _)| schema.starts_with(|letter: char| letter.is_ascii_uppercase()));
    let mut count = 0;
    for (schema, field) in fields {
        let properties = &document()["components"]["schemas"][schema]["properties"];
        assert!(!properties[field].is_null(), "openapi.yaml has no `{schema}.{field}`");
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn the_guide_has_the_kinds_of_events_and_no_other() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let guide = std::fs::read_to_string(crates.parent().unwrap().join("docs/guides/events.md")).unwrap();
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `"));
    let listed: BTreeSet<String> = rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect();
    let is_kind =
        |text: &&str| text.contains('.') && text.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b));
    let mut told = BTreeSet::new();
    for file in sources(&crates.join("domain/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let quoted = quoted_after(code, "emit(", ";").chain(quoted_after(code, "_event(", "\n}\n"));
        told.extend(quoted.filter(is_kind).map(str::to_owned));
    }
    assert_eq!(listed, told);
}

/// The texts in quotes behind each `head`, up to the next `end`.
fn quoted_after<'a>(code: &'a str, head: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = code.split(head).skip(1).map(move |part| part.split(end).next().unwrap_or_default());
    parts.flat_map(|part| part.split('"').skip(1).step_by(2))
}

/// What stands behind the arrows of each `fn code` of a refusal.
fn codes_of_refusals(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for part in text.split("pub const fn code(&self)").skip(1) {
        let body = part.split("\n    }\n").next().unwrap_or_default();
        codes.extend(body.split("=> \"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    codes
}

/// The nouns of what is said not to be there.
fn nouns(text: &str) -> impl Iterator<Item = &str> {
    let asked = ["not_found(\"", ".id(0, \"", ".id(1, \""];
    asked.into_iter().flat_map(|head| text.split(head).skip(1)).filter_map(|rest| rest.split('"').next())
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn walk(value: &serde_json::Value) {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(document().pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        match value {
            serde_json::Value::Object(map) => map.values().for_each(walk),
            serde_json::Value::Array(items) => items.iter().for_each(walk),
            _ => {}
        }
    }
    walk(document());
}
