//! `pgbench` with a function of the server that writes the rows of a payment: no client language, no round trip but one.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;

use crate::process::run;
use crate::store::Cluster;
use crate::template::{Cell, Row, Template};
use crate::world::World;

/// The call that each client repeats.
const SCRIPT: &str = "\\set shop :client_id % :merchants\nSELECT bench_payment(:shop);\n";

/// What came of a run.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Payments per second.
    pub rate: f64,
    /// The mean latency, in milliseconds; pgbench gives no percentile.
    pub mean_ms: f64,
}

/// Makes the function in a database.
pub fn prepare(cluster: &Cluster, database: &str, world: &World, template: &Template) -> anyhow::Result<()> {
    let mut sql = "CREATE TABLE bench_shop (number BIGINT PRIMARY KEY, merchant TEXT, location TEXT, register TEXT, connection TEXT);\n"
        .to_owned();
    for (number, shop) in world.shops.iter().enumerate() {
        let (merchant, location, register, manual) = (shop.merchant, shop.location, shop.registers[0], shop.manual);
        writeln!(
            sql,
            "INSERT INTO bench_shop VALUES ({number}, '{merchant}', '{location}', '{register}', '{manual}');"
        )?;
    }
    sql.push_str(&function(template)?);
    sql.push_str("ANALYZE bench_shop;\n");
    cluster.execute(database, &sql)?;
    Ok(())
}

/// Runs so many clients over so many merchants.
pub fn measure(
    cluster: &Cluster,
    database: &str,
    folder: &Path,
    clients: usize,
    merchants: usize,
    time: Duration,
) -> anyhow::Result<Outcome> {
    let script = folder.join("pgbench.sql");
    std::fs::write(&script, SCRIPT)?;
    let mut command = Command::new("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1"]);
    command.args([format!("--client={clients}"), format!("--time={}", time.as_secs().max(1))]);
    command.arg(format!("--define=merchants={merchants}")).arg("--file").arg(&script).arg(cluster.url(database));
    let said = run(&mut command)?;
    let number = |before: &str| {
        let rest = said.split_once(before)?.1.trim_start();
        rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?.parse::<f64>().ok()
    };
    Ok(Outcome {
        rate: number("\ntps =").with_context(|| format!("pgbench said: {said}"))?,
        mean_ms: number("latency average =").with_context(|| format!("pgbench said: {said}"))?,
    })
}

/// The same rows under the same constraints and indexes, the merchant's counter last.
fn function(template: &Template) -> anyhow::Result<String> {
    let payment = template.payment();
    let key = template.row("idempotency").map_or("", |row| row.text("key"));
    let words = [
        (payment.text("id"), "new_payment"),
        (payment.text("merchant_id"), "shop.merchant"),
        (payment.text("location_id"), "shop.location"),
        (payment.text("register_id"), "shop.register"),
        (payment.text("connection_id"), "shop.connection"),
        (key, "new_key"),
    ];
    let mut sql = "CREATE FUNCTION bench_payment(n BIGINT) RETURNS TEXT LANGUAGE plpgsql AS $body$\n\
         DECLARE shop bench_shop; new_payment TEXT; new_key TEXT; stamp TEXT; head merchant_counter; at_event BIGINT;\n\
         BEGIN\n\
         SELECT * INTO STRICT shop FROM bench_shop WHERE number = n;\n\
         stamp := lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::BIGINT), 12, '0');\n\
         new_payment := 'pay_' || stamp || substr(replace(gen_random_uuid()::TEXT, '-', ''), 13);\n\
         new_key := substr(stamp, 1, 8) || '-' || substr(stamp, 9) || substr(gen_random_uuid()::TEXT, 14);\n"
        .to_owned();
    for row in template.rows.iter().filter(|row| row.table != "event" && row.table != "audit") {
        insert(&mut sql, row, &words)?;
    }
    writeln!(
        sql,
        "UPDATE merchant_counter SET event_number = event_number + {}, audit_number = audit_number + 1, \
         audit_hash = decode('{}', 'hex'), version = version + 1 WHERE merchant_id = shop.merchant RETURNING * INTO STRICT head;",
        template.events(),
        "07".repeat(32),
    )?;
    writeln!(sql, "at_event := head.event_number - {};", template.events())?;
    for row in template.rows.iter().filter(|row| row.table == "event" || row.table == "audit") {
        if row.table == "event" {
            sql.push_str("at_event := at_event + 1;\n");
        }
        insert(&mut sql, row, &words)?;
    }
    sql.push_str("RETURN new_payment;\nEND $body$;\n");
    Ok(sql)
}

fn insert(sql: &mut String, row: &Row, words: &[(&str, &str)]) -> anyhow::Result<()> {
    let names: Vec<&str> = row.cells.iter().map(|(name, _)| name.as_str()).collect();
    let cells = row.cells.iter().map(|(column, cell)| match (row.table, column.as_str()) {
        ("event", "number") => "at_event".to_owned(),
        ("event", "id") => "'evt_' || stamp || substr(replace(gen_random_uuid()::TEXT, '-', ''), 13)".to_owned(),
        ("audit", "number") => "head.audit_number".to_owned(),
        ("audit", "last_event") => "head.event_number".to_owned(),
        _ => expression(cell, words),
    });
    let cells: Vec<String> = cells.collect();
    Ok(writeln!(sql, "INSERT INTO {} ({}) VALUES ({});", row.table, names.join(", "), cells.join(", "))?)
}

/// The cell as SQL, with the variables in the place of the template's words.
fn expression(cell: &Cell, words: &[(&str, &str)]) -> String {
    match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Int(value) => value.to_string(),
        Cell::Bool(value) => value.to_string(),
        Cell::Text(text) => spliced(text, words),
        Cell::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if words.iter().any(|(old, _)| text.contains(old)) => {
                format!("convert_to({}, 'UTF8')", spliced(text, words))
            }
            _ => format!("decode('{}', 'hex')", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        },
    }
}

fn spliced(text: &str, words: &[(&str, &str)]) -> String {
    let next =
        words.iter().filter(|(old, _)| !old.is_empty()).filter_map(|(old, new)| Some((text.find(old)?, old, new)));
    match next.min() {
        None => format!("'{}'", text.replace('\'', "''")),
        Some((at, old, new)) => {
            let (before, after) = (&text[..at], &text[at + old.len()..]);
            let head = if before.is_empty() {
                (*new).to_owned()
            } else {
                format!("'{}' || {new}", before.replace('\'', "''"))
            };
            if after.is_empty() { head } else { format!("{head} || {}", spliced(after, words)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_spliced_around_its_ids() {
        let words = [("pay_1", "payment"), ("", "nothing"), ("mer_1", "shop.merchant")];
        assert_eq!(spliced("pay_1", &words), "payment");
        assert_eq!(spliced("pay_1-1", &words), "payment || '-1'");
        assert_eq!(spliced("it's mer_1, pay_1", &words), "'it''s ' || shop.merchant || ', ' || payment");
        assert_eq!(spliced("none", &words), "'none'");
        assert_eq!(expression(&Cell::Bytes(vec![0, 255]), &words), "decode('00ff', 'hex')");
        assert_eq!(expression(&Cell::Bytes(b"{pay_1}".to_vec()), &words), "convert_to('{' || payment || '}', 'UTF8')");
    }
}
