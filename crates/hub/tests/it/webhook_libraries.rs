//! What the hub signs, verified by the libraries of Standard Webhooks for Python and JavaScript. `scripts/standardwebhooks`
//! installs them into the folder that `TILLBRIDGE_TEST_STANDARDWEBHOOKS` names.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hub::clock::Clock;
use serde_json::{Value, json};

use crate::support::hub::NOON;
use crate::support::receiver::Message;
use crate::support::{On, Receiver, TestHub};
use crate::webhook_endpoint::{path_of, subscribe};

const FOLDER: &str = "TILLBRIDGE_TEST_STANDARDWEBHOOKS";

const PYTHON: &str = "
import json, sys
from standardwebhooks import Webhook
message = json.load(sys.stdin)
Webhook(message['secret']).verify(message['body'], message['headers'])
";

const JAVASCRIPT: &str = "
const { Webhook } = require('standardwebhooks');
const message = JSON.parse(require('fs').readFileSync(0, 'utf8'));
new Webhook(message.secret).verify(message.body, message.headers);
";

/// Whether each library takes the message.
fn verdicts(folder: &Path, secret: &str, message: &Message, body: &str) -> [bool; 2] {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers: serde_json::Map<String, Value> =
        names.into_iter().map(|name| (name.to_owned(), json!(message.header(name)))).collect();
    let input = json!({ "secret": secret, "headers": headers, "body": body }).to_string();
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON]).env("PYTHONPATH", folder.join("python"));
    let mut node = Command::new("node");
    node.args(["-e", JAVASCRIPT]).env("NODE_PATH", folder.join("node_modules"));
    [python, node].map(|mut command| {
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let outcome = child.wait_with_output().unwrap();
        let words = String::from_utf8_lossy(&outcome.stderr).into_owned();
        // What is refused has to be refused for its signature, and not because a library is missing.
        assert!(outcome.status.success() || words.contains("WebhookVerificationError"), "{words}");
        outcome.status.success()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_libraries_of_the_standard_take_our_messages() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        println!("skipped: {FOLDER} names no folder with the libraries");
        return;
    };
    let hub = TestHub::start(On::Sqlite).await;
    // They refuse what is older than five minutes.
    hub.hand.jump(Clock::system().now().ms_since(NOON));
    let receiver = Receiver::start().await;
    let made = subscribe(&hub, &receiver, json!(["sale.completed"])).await;
    let test = format!("{}/test", path_of(&made));
    hub.post(&hub.shop.manager, &test, json!({})).await.expect(201);
    let first = receiver.wait_for(1).await.remove(0);
    let rotate = format!("{}/rotate-secret", path_of(&made));
    let rotated = hub.post(&hub.shop.manager, &rotate, json!({})).await.expect(200);
    hub.post(&hub.shop.manager, &test, json!({})).await.expect(201);
    let second = receiver.wait_for(2).await.remove(1);

    let (old, new) = (made["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    let text = |message: &Message| String::from_utf8(message.body.clone()).unwrap();
    for (secret, message, is_taken) in
        [(old, &first, true), (new, &first, false), (old, &second, true), (new, &second, true)]
    {
        assert_eq!(verdicts(&folder, secret, message, &text(message)), [is_taken; 2]);
    }
    let forged = text(&first).replace("webhook_endpoint.test", "webhook_endpoint.toast");
    assert_eq!(verdicts(&folder, old, &first, &forged), [false; 2]);
    hub.stop().await;
}
