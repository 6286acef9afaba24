//! What a reviewer would otherwise have to remember: who may know whom, where SQL may stand, what a file may be called,
//! what a dependency may cost. Plain Rust over the files of the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The crates of the workspace, each with those of ours that it may know, in tests too.
const LAYERS: [(&str, &[&str]); 6] = [
    ("domain", &[]),
    ("storage", &["domain"]),
    ("connectors", &["domain"]),
    ("sandbox", &[]),
    ("hub", &["storage", "connectors", "domain", "sandbox"]),
    // It measures the program as a whole, and the storage under it; never a part of the hub.
    ("bench", &["storage", "domain", "sandbox"]),
];
/// HTTP ends above these.
const WITHOUT_HTTP_SERVER: [&str; 3] = ["domain", "storage", "connectors"];
const HTTP_SERVERS: [&str; 6] = ["axum", "axum-server", "tower", "tower-http", "hyper", "http"];
/// Only storage opens a database; the bench measures it against a bare loop, the hub's tests make databases.
const DATABASES: [&str; 4] = ["rusqlite", "tokio-postgres", "deadpool-postgres", "refinery"];
/// What of the hub may name the sandbox: what plays it on purpose.
const HUB_MAY_NAME_SANDBOX: [&str; 2] = ["cli", "demo"];

/// What tells SQL from prose.
const STATEMENTS: [&str; 8] = [
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "ON CONFLICT ",
    "FOR NO KEY UPDATE",
];
/// Words that one of the two engines does not have, or has with another meaning (style, "Portable SQL").
const NOT_PORTABLE: [&str; 10] = [
    "NOW()",
    "CURRENT_TIMESTAMP",
    "FOR UPDATE",
    "FOR NO KEY UPDATE",
    "SKIP LOCKED",
    "= ANY(",
    "ILIKE",
    "LIKE",
    "STRING_AGG",
    "ADD COLUMN IF NOT EXISTS",
];
/// The two files that know their engine.
const DIALECTS: [&str; 2] = ["postgres.rs", "sqlite.rs"];

/// Names that say nothing (glossary, last paragraph).
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "helper", "helpers", "manager", "managers", "service", "services", "common", "misc"];
const EMPTY_ENDINGS: [&str; 6] = ["Manager", "Helper", "Util", "Utils", "Impl", "Info"];

/// Licences that ask for no more than to be named.
const LICENCES: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];
/// Packages in the lock file; a comparable switch has 1,091.
const PACKAGES_MAX: usize = 450;
/// Crates that are built in more than one version. Each costs build time; the list is printed when it grows.
const DUPLICATES_MAX: usize = 15;

/// What long runs write: not there before the first.
const WRITTEN_BY_RUNS: [&str; 2] = ["docs/proof.md", "bench/RESULTS.md"];

/// A file that is in the repository, or would be with the next commit.
struct File {
    path: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All text files.
fn files() -> Vec<File> {
    let listing = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output()
        .expect("git is there");
    assert!(listing.status.success(), "{}", String::from_utf8_lossy(&listing.stderr));
    let listing = String::from_utf8(listing.stdout).unwrap();
    let paths = listing.split('\0').filter(|path| !path.is_empty());
    // A file that was deleted and not committed is listed, and one that is no text is not read.
    let read =
        |path: &str| Some(File { path: path.to_owned(), text: std::fs::read_to_string(root().join(path)).ok()? });
    let files: Vec<File> = paths.filter_map(read).collect();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "no repository at {}", root().display());
    files
}

fn of_kind<'a>(files: &'a [File], ending: &'a str) -> impl Iterator<Item = &'a File> {
    files.iter().filter(move |file| file.path.ends_with(ending))
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Fails with all that was found, not with the first.
#[track_caller]
fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn manifest(member: &str) -> toml::Table {
    let path = if member == "bench" { "bench/Cargo.toml".to_owned() } else { format!("crates/{member}/Cargo.toml") };
    read(&path).parse().unwrap()
}

/// The names in all dependency tables of a manifest, those for one platform included.
fn dependencies(table: &toml::Table, kinds: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (key, value) in table {
        let Some(value) = value.as_table() else { continue };
        if kinds.contains(&key.as_str()) {
            names.extend(value.keys().cloned());
        } else if key == "target" {
            for platform in value.values().filter_map(toml::Value::as_table) {
                names.extend(dependencies(platform, kinds));
            }
        }
    }
    names
}

const ALL_KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

#[test]
fn crates_know_only_what_lies_below() {
    let ours: BTreeSet<&str> = LAYERS.iter().map(|(name, _)| *name).collect();
    let workspace: toml::Table = read("Cargo.toml").parse().unwrap();
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().map(|member| name(member.as_str().unwrap())).collect();
    assert_eq!(members, ours, "a crate without a place in the layers");
    for (crate_name, allowed) in LAYERS {
        for known in dependencies(&manifest(crate_name), &ALL_KINDS) {
            let is_allowed = !ours.contains(known.as_str()) || allowed.contains(&known.as_str());
            assert!(is_allowed, "{crate_name} must not know {known}");
        }
    }
}

#[test]
fn http_and_databases_stay_where_they_belong() {
    for (crate_name, _) in LAYERS {
        let built = dependencies(&manifest(crate_name), &["dependencies", "build-dependencies"]);
        let has = |names: &[&'static str]| names.iter().find(|name| built.contains(**name)).copied();
        if WITHOUT_HTTP_SERVER.contains(&crate_name) {
            assert_eq!(has(&HTTP_SERVERS), None, "in {crate_name}");
        }
        if !["storage", "bench"].contains(&crate_name) {
            assert_eq!(has(&DATABASES), None, "in {crate_name}");
        }
    }
    let domain = dependencies(&manifest("domain"), &["dependencies"]);
    for name in ["tokio", "futures", "reqwest", "tracing", "getrandom", "rand"] {
        assert!(!domain.contains(name), "domain has no IO, clock or randomness: {name}");
    }
}

#[test]
fn only_what_plays_the_sandbox_names_it() {
    let mut found = Vec::new();
    for file in files().iter().filter(|file| file.path.starts_with("crates/hub/src/") && file.path.ends_with(".rs")) {
        let place = file.path.trim_start_matches("crates/hub/src/").split('/').next().unwrap_or_default();
        if !HUB_MAY_NAME_SANDBOX.contains(&place) && Source::of(&file.text).code.contains("sandbox::") {
            found.push(file.path.clone());
        }
    }
    assert_none("uses the sandbox", &found);
}

/// A Rust file, taken apart far enough.
struct Source {
    /// Without comments and the content of literals.
    code: String,
    /// The content of string literals, with their line.
    literals: Vec<(usize, String)>,
}

impl Source {
    fn of(text: &str) -> Self {
        let (mut code, mut literals) = (String::new(), Vec::new());
        let mut rest = text;
        let line_at = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
        while let Some(first) = rest.chars().next() {
            if rest.starts_with("//") {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
            } else if rest.starts_with("/*") {
                rest = &rest[rest.find("*/").map_or(rest.len(), |end| end + 2)..];
            } else if let Some((literal, after)) = string_literal(rest) {
                literals.push((line_at(rest), literal.to_owned()));
                code.push_str("\"\"");
                rest = after;
            } else if let Some(after) = char_literal(rest) {
                code.push_str("' '");
                rest = after;
            } else {
                code.push(first);
                rest = &rest[first.len_utf8()..];
                // An identifier may end in `r` or `b`: then a quote does not begin a raw literal with it.
                if first.is_alphanumeric() || first == '_' {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                    code.push_str(&rest[..end]);
                    rest = &rest[end..];
                }
            }
        }
        Self { code, literals }
    }
}

/// The literal at the beginning of the text, and what stands after it.
fn string_literal(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix('b').unwrap_or(text);
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let inner = raw[hashes..].strip_prefix('"')?;
        let end_mark = format!("\"{}", "#".repeat(hashes));
        let end = inner.find(&end_mark)?;
        return Some((&inner[..end], &inner[end + end_mark.len()..]));
    }
    let inner = body.strip_prefix('"')?;
    let mut is_escaped = false;
    let end = inner.char_indices().find(|(_, c)| {
        let is_end = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        is_end
    });
    end.map(|(end, _)| (&inner[..end], &inner[end + 1..]))
}

/// What stands after the character at the beginning of the text; a lifetime is none.
fn char_literal(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('\'')?;
    let mut chars = inner.char_indices();
    let (_, first) = chars.next()?;
    if first == '\\' {
        let end = inner[2..].find('\'')? + 2;
        return Some(&inner[end + 1..]);
    }
    let (end, second) = chars.next()?;
    (second == '\'').then(|| &inner[end + 1..])
}

#[test]
fn a_source_is_taken_apart() {
    let text = "let a = \"x \\\" y\"; // \"no\"\nlet b = r#\"raw \" z\"#; let c: &'a str = '\"'; /* \"no\" */ bar\"q\"";
    let source = Source::of(text);
    let literals: Vec<(usize, &str)> = source.literals.iter().map(|(line, text)| (*line, text.as_str())).collect();
    assert_eq!(literals, [(1, "x \\\" y"), (2, "raw \" z"), (2, "q")]);
    assert!(source.code.contains("&'a str") && !source.code.contains("no"));
}

#[test]
fn sql_stands_in_storage_only() {
    let files = files();
    let is_ours = |file: &&File| {
        ["domain", "connectors", "sandbox", "hub"]
            .iter()
            .any(|name| file.path.starts_with(&format!("crates/{name}/src/")))
    };
    let mut found = Vec::new();
    for file in of_kind(&files, ".rs").filter(is_ours) {
        for (line, literal) in Source::of(&file.text).literals {
            if let Some(word) = STATEMENTS.iter().find(|word| literal.contains(**word)) {
                found.push(format!("{}:{line}: {word}", file.path));
            }
        }
    }
    assert_none("SQL outside crates/storage", &found);
    assert!(of_kind(&files, ".sql").all(|file| file.path.starts_with("crates/storage/migrations/")));
}

#[test]
fn sql_is_what_both_engines_take() {
    let files = files();
    let mut found = Vec::new();
    for file in of_kind(&files, ".rs").filter(|file| file.path.starts_with("crates/storage/src/")) {
        if DIALECTS.contains(&name(&file.path)) {
            continue;
        }
        for (line, literal) in Source::of(&file.text).literals {
            found.extend(not_portable(&literal).map(|word| format!("{}:{line}: {word}", file.path)));
        }
    }
    for file in of_kind(&files, ".sql") {
        for (line, text) in file.text.lines().enumerate() {
            let sql = text.split("--").next().unwrap_or_default();
            found.extend(not_portable(sql).map(|word| format!("{}:{}: {word}", file.path, line + 1)));
        }
    }
    assert_none("not portable", &found);
}

/// The words in a text that only one engine understands, and sums that come back in another type.
fn not_portable(text: &str) -> impl Iterator<Item = &'static str> {
    let is_whole = |at: usize, word: &str| {
        let is_letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !is_letter(text[..at].chars().next_back()) && !is_letter(text[at + word.len()..].chars().next())
    };
    let is_sql = STATEMENTS.iter().any(|word| text.contains(word)) || text.contains("WHERE ");
    let folded = if is_sql { text.to_ascii_uppercase() } else { text.to_owned() };
    let found = NOT_PORTABLE.iter().copied();
    let found = found.filter(|word| folded.match_indices(word).any(|(at, _)| is_whole(at, word)));
    let has_bare_sum = folded.match_indices("SUM(").any(|(at, _)| !folded[..at].ends_with("CAST("));
    found.collect::<Vec<_>>().into_iter().chain(has_bare_sum.then_some("SUM without CAST(… AS BIGINT)"))
}

#[test]
fn every_migration_is_applied_and_none_is_left_out() {
    let code = read("crates/storage/src/migrate.rs");
    let folder = root().join("crates/storage/migrations");
    let mut numbers = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let stem = file.strip_suffix(".sql").unwrap_or_else(|| panic!("{file} is no migration"));
        let line = format!("(\"{stem}\", include_str!(\"../migrations/{file}\"))");
        assert!(code.contains(&line), "migrate.rs lacks {line}");
        let number = stem.strip_prefix('V').and_then(|rest| rest.split_once("__")).map(|(number, _)| number);
        let number: usize =
            number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{file} has no number"));
        assert!(numbers.insert(number), "two migrations have the number {number}");
    }
    assert_eq!(numbers, (1..=numbers.len()).collect());
}

#[test]
fn names_say_something() {
    let mut found = Vec::new();
    for file in of_kind(&files(), ".rs") {
        let parts = file.path.split('/').map(|part| part.trim_end_matches(".rs"));
        found.extend(parts.filter(|part| EMPTY_NAMES.contains(part)).map(|part| format!("{}: {part}", file.path)));
        let code = Source::of(&file.text).code;
        let words: Vec<&str> = code.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| ["struct", "enum", "trait"].contains(&pair[0])) {
            let type_name: String = pair[1].chars().take_while(|c| c.is_alphanumeric()).collect();
            if EMPTY_ENDINGS.iter().any(|ending| type_name.ends_with(ending)) {
                found.push(format!("{}: {type_name}", file.path));
            }
        }
    }
    assert_none("a name that says nothing", &found);
}

#[test]
fn what_is_left_to_do_has_an_issue() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    let mut found = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            for mark in marks {
                let Some((_, after)) = line.split_once(mark) else { continue };
                // `TODO(#123): …`
                let issue = after.strip_prefix("(#").and_then(|rest| rest.split(')').next());
                if !issue.is_some_and(|issue| !issue.is_empty() && issue.bytes().all(|byte| byte.is_ascii_digit())) {
                    found.push(format!("{}:{}", file.path, number + 1));
                }
            }
        }
    }
    found.retain(|place| !place.starts_with("crates/hub/tests/it/tidy.rs:"));
    assert_none("no issue number", &found);
}

#[test]
fn links_lead_somewhere() {
    let files = files();
    let mut found = Vec::new();
    for file in of_kind(&files, ".md") {
        let folder = Path::new(&file.path).parent().unwrap();
        for target in links(&file.text) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let place = if path.is_empty() { PathBuf::from(&file.path) } else { folder.join(path) };
            let whole = root().join(&place);
            if WRITTEN_BY_RUNS.iter().any(|written| place == Path::new(written)) {
                continue;
            }
            if !whole.exists() {
                found.push(format!("{}: {target}", file.path));
            } else if !anchor.is_empty() && !anchors(&std::fs::read_to_string(whole).unwrap()).contains(anchor) {
                found.push(format!("{}: {target}: no such heading", file.path));
            }
        }
    }
    assert_none("leads nowhere", &found);
}

/// The targets of `[text](target)` outside of code, without those of other sites.
fn links(text: &str) -> Vec<&str> {
    let mut is_code = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        // Every second part stands between back quotes.
        let prose: Vec<&str> = line.split('`').step_by(2).collect();
        for part in prose.iter().flat_map(|part| part.split("](").skip(1)) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                targets.push(target);
            }
        }
    }
    targets
}

/// The headings of a document as a browser addresses them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let paths = [
        concat!("/ro", "ot/"),
        concat!("/wo", "rk/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/tmp/", "tgt"),
    ];
    let mut found = Vec::new();
    for file in files() {
        for (number, line) in file.text.lines().enumerate() {
            if paths.iter().any(|path| line.contains(path)) {
                found.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none("a path of one machine", &found);
}

#[test]
fn amounts_are_integers() {
    let mut found = Vec::new();
    for file in of_kind(&files(), ".rs").filter(|file| file.path.starts_with("crates/domain/src/")) {
        let code = Source::of(&file.text).code;
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) = words.find(|word| ["f32", "f64"].contains(word)) {
            found.push(format!("{}: {word}", file.path));
        }
    }
    assert_none("a floating point number", &found);
}

#[test]
fn every_file_of_this_test_is_compiled() {
    let main = read("crates/hub/tests/it/main.rs");
    for entry in std::fs::read_dir(root().join("crates/hub/tests/it")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let module = file.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "main.rs lacks mod {module}");
    }
}

#[test]
fn each_dependency_says_why() {
    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("[workspace.dependencies]").unwrap();
    let mut is_explained = false;
    for line in rest.lines().skip(1).take_while(|line| !line.starts_with('[')) {
        // A comment speaks for all that stands under it without a gap.
        if line.is_empty() {
            is_explained = false;
        } else if line.starts_with('#') {
            is_explained = true;
        } else if !line.contains("path = ") {
            assert!(is_explained, "no reason for: {line}");
        }
    }
    // A dependency that no manifest takes is dead weight.
    let workspace: toml::Table = manifest.parse().unwrap();
    let offered = workspace["workspace"]["dependencies"].as_table().unwrap();
    let used: BTreeSet<String> =
        LAYERS.iter().flat_map(|(name, _)| dependencies(&self::manifest(name), &ALL_KINDS)).collect();
    let unused: Vec<String> = offered.keys().filter(|name| !used.contains(*name)).cloned().collect();
    assert_none("nobody uses", &unused);
}

#[test]
fn the_lock_file_stays_small() {
    let packages = read("Cargo.lock").matches("[[package]]").count();
    assert!(packages < PACKAGES_MAX, "{packages} packages");
}

/// What `cargo metadata` knows of the packages that are built here.
fn packages() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
    // Only what this machine builds is sure to be here.
    command.args(["--filter-platform", &host()]).current_dir(root());
    let outcome = command.output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stderr));
    let metadata: Value = serde_json::from_slice(&outcome.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > LAYERS.len());
    packages
}

fn host() -> String {
    let told = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

#[test]
fn licences_allow_what_we_do() {
    let mut found = Vec::new();
    for package in packages() {
        let licence = package["license"].as_str().unwrap_or_default();
        if !is_allowed(licence) {
            found.push(format!("{} {}: {licence:?}", package["name"], package["version"]));
        }
    }
    assert_none("a licence that nobody looked at", &found);
}

/// Whether an SPDX expression leaves a choice of licences that are all on the list.
fn is_allowed(expression: &str) -> bool {
    // The old spelling of OR.
    let expression = expression.replace('/', " OR ");
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace(" WITH ", "_WITH_");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any_of(&mut rest) && rest.is_empty()
}

fn any_of(words: &mut &[&str]) -> bool {
    let mut is_any = all_of(words);
    while let ["OR", rest @ ..] = words {
        *words = rest;
        is_any |= all_of(words);
    }
    is_any
}

fn all_of(words: &mut &[&str]) -> bool {
    let mut are_all = one(words);
    while let ["AND", rest @ ..] = words {
        *words = rest;
        are_all &= one(words);
    }
    are_all
}

fn one(words: &mut &[&str]) -> bool {
    match words {
        ["(", rest @ ..] => {
            *words = rest;
            let is_allowed = any_of(words);
            *words = words.strip_prefix(&[")"]).unwrap_or(&["unbalanced"]);
            is_allowed
        }
        [licence, rest @ ..] => {
            *words = rest;
            LICENCES.contains(&licence.replace("_WITH_", " WITH ").as_str())
        }
        [] => false,
    }
}

#[test]
fn licence_expressions_are_read() {
    for allowed in
        ["MIT", "MIT/Apache-2.0", "GPL-3.0 OR MIT", "(MIT OR GPL-3.0) AND ISC", "Apache-2.0 WITH LLVM-exception"]
    {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT GPL-3.0", "GPL-3.0 OR (MIT AND AGPL-3.0)"] {
        assert!(!is_allowed(refused), "{refused}");
    }
}

#[test]
fn few_crates_are_built_twice() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in packages() {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        versions.entry(name.to_owned()).or_default().insert(version.to_owned());
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(
        versions.len() <= DUPLICATES_MAX,
        "{} crates are built in more than one version: {versions:#?}",
        versions.len()
    );
}
