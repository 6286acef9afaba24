//! The operator's guides say what the program says: each metric, each alert, each command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use reqwest::Method;

use crate::support::{On, Program, TestHub};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of metrics in a text. What Prometheus puts behind a histogram's name belongs to it.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
    let names = words.filter(|word| word.starts_with("tillbridge_") && !word.ends_with('_'));
    let bare = |name: &str| {
        let ends = ["_bucket", "_count", "_sum"];
        ends.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    names.map(bare).collect()
}

/// The metrics that the program records, by its own source.
fn recorded() -> BTreeSet<String> {
    fn sources(folder: &Path, found: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    for name in ["connectors", "domain", "hub", "storage"] {
        sources(&root().join("crates").join(name).join("src"), &mut text);
    }
    let quoted = text.split('"').filter(|word| word.starts_with("tillbridge_") && !word.contains(char::is_whitespace));
    quoted.flat_map(metrics).collect()
}

/// What stands in the first column of a guide's tables, in backquotes.
fn first_column(guide: &str, head: &str) -> BTreeSet<String> {
    let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.map(|(name, _)| name.to_owned()).filter(|name| name.starts_with(head)).collect()
}

#[test]
fn the_guide_tells_of_each_metric_and_of_no_other() {
    let (guide, recorded) = (read("docs/guides/metrics-and-alerts.md"), recorded());
    assert!(recorded.len() > 10, "{recorded:?}");
    assert_eq!(first_column(&guide, "tillbridge_"), recorded);
    for file in ["deploy/prometheus-rules.yml", "docs/guides/metrics-and-alerts.md", "docs/guides/disk.md"] {
        let unknown: Vec<String> = metrics(&read(file)).difference(&recorded).cloned().collect();
        assert!(unknown.is_empty(), "{file} names what nobody records: {unknown:?}");
    }
}

#[test]
fn the_guide_tells_of_each_alert_and_of_no_other() {
    let rules = read("deploy/prometheus-rules.yml");
    let alerts: BTreeSet<String> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect();
    assert_eq!(first_column(&read("docs/guides/metrics-and-alerts.md"), "Tillbridge"), alerts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_scraped_is_in_the_guide() {
    let hub = TestHub::start(On::Sqlite).await;
    hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 150)).await.expect(201);
    let scraped = metrics(&hub.request(Method::GET, "/metrics").send().await.text());
    let told = first_column(&read("docs/guides/metrics-and-alerts.md"), "tillbridge_");
    assert!(scraped.contains("tillbridge_disk_free_bytes") && scraped.is_subset(&told), "{scraped:?}");
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_guide_has_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::with(&hub::config::Config::for_test(folder.path()));
    let help = program.run("--help").await.expect(0);
    let listed = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    let commands: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10, "{commands:?}");
    let guide = read("docs/guides/operate.md");
    let missing: Vec<&&str> =
        commands.iter().filter(|name| **name != "help" && !guide.contains(&format!("`{name}"))).collect();
    assert!(missing.is_empty(), "docs/guides/operate.md does not have {missing:?}");
}
