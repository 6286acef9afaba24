//! `/v1/printers`, `/v1/print-jobs` and the drawer, against printers that listen on a real port: one that takes everything, one
//! that answers when it is asked for its status, one that dies midway, and one that is not there.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{Answer, On, TestHub};
use crate::world::text;

on_each_engine! {
    a_receipt_is_printed_and_the_next_print_is_a_copy,
    a_printer_that_dies_midway_is_a_doubt_and_nothing_is_repeated,
    a_printer_that_is_off_is_tried_again_and_then_calls_a_person,
    an_agent_claims_prints_and_acknowledges,
    what_an_agent_does_not_acknowledge_is_a_doubt,
    a_drawer_is_opened_audited_and_counted,
    what_breaks_a_rule_is_refused,
    printers_and_jobs_of_another_merchant_are_not_there,
}

/// Above everything that these tests wait for, on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);
/// GS r 1, with which the hub asks a printer how far it is.
const ASK_STATUS: [u8; 3] = [0x1D, b'r', 1];

/// What a printer of these tests does with a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Reads slowly to the question, and answers it.
    Answers,
    /// Reads a few bytes and hangs up on the rest.
    DiesMidway,
}

/// A printer that listens; each connection's bytes come out of the channel.
struct PaperTrail {
    port: u16,
    printed: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl PaperTrail {
    async fn new(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, printed) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut taken = Vec::new();
                match manner {
                    Manner::Answers => {
                        while !taken.ends_with(&ASK_STATUS) {
                            let Ok(byte) = stream.read_u8().await else { break };
                            taken.push(byte);
                        }
                        let _ = stream.write_all(&[0]).await;
                    }
                    Manner::DiesMidway => {
                        taken.push(stream.read_u8().await.unwrap());
                        // What it has not read makes the end a reset.
                        drop(stream);
                    }
                }
                if sender.send(taken).is_err() {
                    return;
                }
            }
        });
        Self { port, printed }
    }

    async fn next(&mut self) -> Vec<u8> {
        tokio::time::timeout(PATIENCE, self.printed.recv()).await.expect("something is printed").unwrap()
    }
}

async fn a_receipt(hub: &TestHub) -> String {
    let sale = text(&hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(2, 500)).await.expect(201)["id"]);
    let path = format!("/v1/sales/{sale}/receipts");
    text(&hub.post(&hub.shop.cashier, &path, json!({ "kind": "receipt" })).await.expect(201)["id"])
}

async fn a_printer(hub: &TestHub, way: Value) -> String {
    let mut printer = json!({
        "location_id": hub.shop.location.to_string(), "name": "Counter", "columns": 32,
        "drawer_register_id": hub.shop.registers[0].to_string(),
    });
    printer.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
    text(&hub.post(&hub.shop.manager, "/v1/printers", printer).await.expect(201)["id"])
}

fn at(port: u16) -> Value {
    json!({ "kind": "network", "host": "127.0.0.1", "port": port })
}

fn pull() -> Value {
    json!({ "kind": "pull" })
}

async fn print(hub: &TestHub, receipt: &str, printer: &str) -> Answer {
    let path = format!("/v1/receipts/{receipt}/print");
    hub.post(&hub.shop.cashier, &path, json!({ "printer_id": printer })).await
}

async fn read(hub: &TestHub, job: &str) -> Value {
    hub.get(&hub.shop.viewer, &format!("/v1/print-jobs/{job}")).await.expect(200)
}

/// The job once it stands so.
async fn wait_for(hub: &TestHub, job: &str, state: &str) -> Value {
    let waiting = async {
        loop {
            let found = read(hub, job).await;
            if found["state"] == state {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{job} does not become {state}"))
}

async fn open_exceptions(hub: &TestHub) -> Vec<Value> {
    let list = hub.get(&hub.shop.viewer, "/v1/exceptions").await.expect(200);
    list["data"].as_array().unwrap().clone()
}

async fn a_receipt_is_printed_and_the_next_print_is_a_copy(on: On) {
    let hub = TestHub::start(on).await;
    let mut paper = PaperTrail::new(Manner::Answers).await;
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, at(paper.port)).await);
    let first = print(&hub, &receipt, &printer).await.expect(201);
    let expected = json!({
        "id": first["id"], "object": "print_job", "printer_id": printer, "content": "receipt", "receipt_id": receipt,
        "is_copy": false, "register_id": null, "drawer_reason": null, "sale_id": null, "state": "queued",
        "due_at": first["due_at"], "reason": null, "attempts": 0, "asked_by": hub.shop.cashier_key.to_string(),
        "created_at": first["created_at"], "updated_at": first["updated_at"],
    });
    assert_eq!(first, expected);
    let bytes = paper.next().await;
    let path = format!("/v1/receipts/{receipt}/document?format=escpos&columns=32");
    let document = hub.get(&hub.shop.viewer, &path).await.body;
    assert_eq!(bytes, [document.as_slice(), &ASK_STATUS].concat());
    let done = wait_for(&hub, &text(&first["id"]), "printed").await;
    assert_eq!((&done["attempts"], &done["due_at"]), (&json!(1), &Value::Null));
    // The same document once more says that it is a copy, on the paper and in the record.
    let second = print(&hub, &receipt, &printer).await.expect(201);
    assert_eq!(second["is_copy"], true);
    let copy = paper.next().await;
    assert!(copy.len() > bytes.len(), "it has a row more");
    wait_for(&hub, &text(&second["id"]), "printed").await;
    let list =
        hub.get(&hub.shop.viewer, &format!("/v1/print-jobs?printer_id={printer}&state=printed")).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert!(open_exceptions(&hub).await.is_empty());
    hub.stop().await;
}

async fn a_printer_that_dies_midway_is_a_doubt_and_nothing_is_repeated(on: On) {
    let hub = TestHub::start(on).await;
    let mut paper = PaperTrail::new(Manner::DiesMidway).await;
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, at(paper.port)).await);
    let job = text(&print(&hub, &receipt, &printer).await.expect(201)["id"]);
    let doubt = wait_for(&hub, &job, "unknown").await;
    assert_eq!((&doubt["reason"], &doubt["attempts"]), (&json!("broken_off"), &json!(1)));
    assert_eq!(paper.next().await.len(), 1);
    let [exception] = open_exceptions(&hub).await.try_into().unwrap();
    assert_eq!((&exception["kind"], &exception["subject"]), (&json!("print_failed"), &json!(job)));
    // Time alone brings nothing out of the printer.
    hub.let_pass(Duration::from_secs(3_600)).await;
    let retry = hub.post(&hub.shop.cashier, &format!("/v1/print-jobs/{job}/retry"), json!({})).await;
    retry.expect_problem(409, "print_job_not_retryable");
    assert_eq!(read(&hub, &job).await["attempts"], 1);
    assert!(paper.printed.try_recv().is_err());
    // A person prints again, and that is a copy. The sale has stood all the while.
    assert_eq!(print(&hub, &receipt, &printer).await.expect(201)["is_copy"], true);
    let resolve = format!("/v1/exceptions/{}/resolve", text(&exception["id"]));
    hub.post(&hub.shop.manager, &resolve, json!({ "reason": "Half of it came out." })).await.expect(200);
    hub.stop().await;
}

async fn a_printer_that_is_off_is_tried_again_and_then_calls_a_person(on: On) {
    let hub = TestHub::start(on).await;
    // A port on which nobody listens any more.
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, at(port)).await);
    let job = text(&print(&hub, &receipt, &printer).await.expect(201)["id"]);
    let waiting = async {
        let mut attempts = 0;
        loop {
            let found = read(&hub, &job).await;
            let made = found["attempts"].as_i64().unwrap();
            match found["state"].as_str().unwrap() {
                "failed" => return found,
                // Past the pause before the next attempt, once.
                "queued" if made > attempts => {
                    attempts = made;
                    hub.let_pass(Duration::from_secs(60)).await;
                }
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let failed = tokio::time::timeout(PATIENCE, waiting).await.expect("it is given up");
    assert_eq!(failed["reason"], "not_reached");
    assert_eq!(open_exceptions(&hub).await.len(), 1);
    // Somebody moves the printer; the job comes out there, as the original that it is.
    let mut paper = PaperTrail::new(Manner::Answers).await;
    let path = format!("/v1/printers/{printer}");
    hub.request(reqwest::Method::PATCH, &path).auth(&hub.shop.manager).json(&at(paper.port)).send().await.expect(200);
    hub.post(&hub.shop.cashier, &format!("/v1/print-jobs/{job}/retry"), json!({})).await.expect(200);
    paper.next().await;
    assert_eq!(wait_for(&hub, &job, "printed").await["is_copy"], false);
    assert!(open_exceptions(&hub).await.is_empty());
    hub.stop().await;
}

async fn claim(hub: &TestHub, printer: &str) -> Value {
    hub.post(&hub.shop.cashier, "/v1/print-jobs/claim", json!({ "printer_id": printer })).await.expect(200)["print_job"]
        .clone()
}

async fn acknowledge(hub: &TestHub, job: &Value, attempt: i64, outcome: &str) -> Answer {
    let path = format!("/v1/print-jobs/{}/acknowledge", text(&job["id"]));
    hub.post(&hub.shop.cashier, &path, json!({ "attempt": attempt, "outcome": outcome })).await
}

async fn an_agent_claims_prints_and_acknowledges(on: On) {
    let hub = TestHub::start(on).await;
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, pull()).await);
    assert_eq!(claim(&hub, &printer).await, Value::Null);
    let asked = print(&hub, &receipt, &printer).await.expect(201);
    // Two agents, by mistake: one of them gets it.
    let claims = futures::future::join_all((0..4).map(|_| claim(&hub, &printer))).await;
    let [job] = claims.iter().filter(|job| !job.is_null()).collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((&job["id"], &job["state"], &job["attempts"]), (&asked["id"], &json!("sending"), &json!(1)));
    let document = hub.get(&hub.shop.cashier, &format!("/v1/print-jobs/{}/document", text(&job["id"]))).await;
    assert_eq!(document.header("content-type"), "application/octet-stream");
    assert!(document.body.starts_with(b"\x1b@") && document.body.ends_with(b"\x1dV\x42\x00"));
    acknowledge(&hub, job, 2, "printed").await.expect_problem(409, "print_job_claim_lost");
    // No paper: it waits for its next attempt, and another claim.
    assert_eq!(acknowledge(&hub, job, 1, "not_printed").await.expect(200)["state"], "queued");
    hub.let_pass(Duration::from_secs(3)).await;
    let again = claim(&hub, &printer).await;
    assert_eq!(again["attempts"], 2);
    assert_eq!(acknowledge(&hub, &again, 2, "printed").await.expect(200)["state"], "printed");
    acknowledge(&hub, &again, 2, "printed").await.expect_problem(409, "print_job_claim_lost");
    hub.stop().await;
}

async fn what_an_agent_does_not_acknowledge_is_a_doubt(on: On) {
    let hub = TestHub::start(on).await;
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, pull()).await);
    print(&hub, &receipt, &printer).await.expect(201);
    let job = claim(&hub, &printer).await;
    hub.let_pass(Duration::from_secs(61)).await;
    let doubt = wait_for(&hub, &text(&job["id"]), "unknown").await;
    assert_eq!(doubt["reason"], "not_acknowledged");
    assert_eq!(claim(&hub, &printer).await, Value::Null);
    assert_eq!(open_exceptions(&hub).await.len(), 1);
    // It comes late, and certain.
    assert_eq!(acknowledge(&hub, &job, 1, "printed").await.expect(200)["state"], "printed");
    assert!(open_exceptions(&hub).await.is_empty());
    hub.stop().await;
}

async fn a_drawer_is_opened_audited_and_counted(on: On) {
    let hub = TestHub::start(on).await;
    let mut paper = PaperTrail::new(Manner::Answers).await;
    let path = format!("/v1/registers/{}/drawer/open", hub.shop.registers[0]);
    let no_sale = json!({ "reason": "no_sale" });
    hub.post(&hub.shop.cashier, &path, no_sale.clone()).await.expect_problem(409, "drawer_missing");
    a_printer(&hub, at(paper.port)).await;
    let job = hub.post(&hub.shop.cashier, &path, no_sale).await.expect(201);
    assert_eq!((&job["content"], &job["drawer_reason"]), (&json!("drawer"), &json!("no_sale")));
    assert_eq!(paper.next().await, [&[0x1B, b'p', 0, 25, 250][..], &ASK_STATUS].concat());
    wait_for(&hub, &text(&job["id"]), "printed").await;
    let sale = text(&hub.post(&hub.shop.cashier, "/v1/sales", hub.a_sale(1, 500)).await.expect(201)["id"]);
    hub.post(&hub.shop.cashier, &path, json!({ "reason": "sale", "sale_id": sale })).await.expect(201);
    let report = hub.get(&hub.shop.viewer, "/v1/reports/day").await.expect(200);
    assert_eq!(report["drawer"], json!({ "opened": 2, "opened_without_sale": 1 }));
    let events = hub.get(&hub.shop.viewer, "/v1/events?limit=100").await.expect(200);
    let opened: Vec<&Value> =
        events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "drawer.opened").collect();
    assert_eq!(opened.len(), 2);
    assert_eq!(opened[0]["data"]["by"], hub.shop.cashier_key.to_string());
    hub.post(&hub.shop.cashier, &path, json!({ "reason": "sale" })).await.expect_problem(400, "body_invalid");
    hub.post(&hub.shop.viewer, &path, json!({ "reason": "change" })).await.expect_problem(403, "role_too_low");
    let bare = hub.request(reqwest::Method::POST, &path).auth(&hub.shop.cashier).json(&json!({ "reason": "change" }));
    bare.send().await.expect_problem(400, "idempotency_key_missing");
    hub.stop().await;
}

async fn what_breaks_a_rule_is_refused(on: On) {
    let hub = TestHub::start(on).await;
    let location = hub.shop.location.to_string();
    let with = |way: Value| {
        let mut body = json!({ "location_id": location, "name": "x" });
        body.as_object_mut().unwrap().extend(way.as_object().unwrap().clone());
        body
    };
    for (status, code, body) in [
        (422, "printer_address_refused", with(json!({ "kind": "network", "host": "169.254.169.254" }))),
        (422, "printer_address_refused", with(json!({ "kind": "network", "host": "8.8.8.8", "port": 80 }))),
        (422, "printer_address_invalid", with(json!({ "kind": "network", "host": "a b" }))),
        (400, "body_invalid", with(json!({ "kind": "network" }))),
        (400, "body_invalid", with(json!({ "kind": "pull", "host": "127.0.0.1" }))),
        (400, "body_invalid", with(json!({ "kind": "pull", "columns": 40 }))),
        (422, "printer_name_invalid", with(json!({ "kind": "pull", "name": " " }))),
    ] {
        hub.post(&hub.shop.manager, "/v1/printers", body).await.expect_problem(status, code);
    }
    hub.post(&hub.shop.cashier, "/v1/printers", with(pull())).await.expect_problem(403, "role_too_low");
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, pull()).await);
    let nobody = format!("prn_{:032x}", 1);
    print(&hub, &receipt, &nobody).await.expect_problem(404, "printer_not_found");
    print(&hub, &format!("rcp_{:032x}", 1), &printer).await.expect_problem(404, "receipt_not_found");
    let path = format!("/v1/printers/{printer}");
    let off = json!({ "is_active": false });
    hub.request(reqwest::Method::PATCH, &path).auth(&hub.shop.manager).json(&off).send().await.expect(200);
    print(&hub, &receipt, &printer).await.expect_problem(409, "printer_inactive");
    assert_eq!(hub.get(&hub.shop.viewer, &path).await.expect(200)["is_active"], false);
    hub.get(&hub.shop.viewer, "/v1/print-jobs?state=x").await.expect_problem(400, "query_invalid");
    for _ in 1..200 {
        a_printer(&hub, pull()).await;
    }
    hub.post(&hub.shop.manager, "/v1/printers", with(pull())).await.expect_problem(422, "printer_limit_reached");
    hub.stop().await;
}

async fn printers_and_jobs_of_another_merchant_are_not_there(on: On) {
    let hub = TestHub::start(on).await;
    let (receipt, printer) = (a_receipt(&hub).await, a_printer(&hub, pull()).await);
    let job = text(&print(&hub, &receipt, &printer).await.expect(201)["id"]);
    let key = &hub.other.manager;
    for list in ["/v1/printers", "/v1/print-jobs"] {
        assert_eq!(hub.get(key, list).await.expect(200)["data"], json!([]));
    }
    hub.get(key, &format!("/v1/printers/{printer}")).await.expect_problem(404, "printer_not_found");
    for path in [format!("/v1/print-jobs/{job}"), format!("/v1/print-jobs/{job}/document")] {
        hub.get(key, &path).await.expect_problem(404, "print_job_not_found");
    }
    for (path, body, code) in [
        (format!("/v1/receipts/{receipt}/print"), json!({ "printer_id": printer }), "receipt_not_found"),
        ("/v1/print-jobs/claim".to_owned(), json!({ "printer_id": printer }), "printer_not_found"),
        (format!("/v1/print-jobs/{job}/retry"), json!({}), "print_job_not_found"),
        (
            format!("/v1/print-jobs/{job}/acknowledge"),
            json!({ "attempt": 1, "outcome": "printed" }),
            "print_job_not_found",
        ),
        (
            format!("/v1/registers/{}/drawer/open", hub.shop.registers[0]),
            json!({ "reason": "no_sale" }),
            "register_not_found",
        ),
    ] {
        hub.post(key, &path, body).await.expect_problem(404, code);
    }
    assert_eq!(read(&hub, &job).await["state"], "queued");
    hub.stop().await;
}
