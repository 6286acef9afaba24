//! What a notification tells that is no outcome of an operation of ours, as a connector reads it.

use domain::provider_notice::Kind;
use serde_json::Value;

/// A refund from the provider's portal, a chargeback, a dispute, a settlement, or what nobody knows yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What the provider calls it; told again it has the same.
    pub id: String,
    /// What it is about.
    pub kind: Kind,
    /// The charge that it names, as the provider was given its reference.
    pub charge_reference: Option<String>,
    /// How much money it is about, in minor units, where it says so.
    pub amount_minor: Option<i64>,
    /// Whether the provider has signed it.
    pub is_signed: bool,
    /// What it says, by the provider's own names.
    pub fields: Vec<(String, String)>,
}

/// Parts of the names of fields about the person who paid, and of what the notification was signed or sealed with: they are
/// not kept.
const LEFT_OUT: [&str; 11] =
    ["buyer", "payer", "openid", "open_id", "user", "logon", "phone", "mobile", "mail", "sign", "cipher"];

/// The fields that may be kept.
pub fn kept<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    let is_kept = |name: &str| {
        let name = name.to_ascii_lowercase();
        !LEFT_OUT.iter().any(|part| name.contains(part))
    };
    let kept = fields.into_iter().filter(|(name, value)| is_kept(name) && !value.is_empty());
    kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The same of JSON: what is within something else has the names of both, with a dot between them.
pub fn kept_of_json(json: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    flatten(json, "", &mut fields);
    kept(fields.iter().map(|(name, value)| (&**name, &**value)))
}

fn flatten(json: &Value, name: &str, fields: &mut Vec<(String, String)>) {
    let within = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match json {
        Value::Object(object) => object.iter().for_each(|(part, value)| flatten(value, &within(part), fields)),
        Value::Array(array) => {
            array.iter().enumerate().for_each(|(number, value)| flatten(value, &within(&number.to_string()), fields));
        }
        Value::Null => {}
        Value::String(text) => fields.push((name.to_owned(), text.clone())),
        Value::Bool(_) | Value::Number(_) => fields.push((name.to_owned(), json.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_kept_flat_and_without_the_person() {
        let told = serde_json::json!({
            "refund": { "id": "R1", "amounts": [3, { "value": "4" }] }, "payer": { "openid": "o1" }, "buyer_logon_id": "x",
            "is_final": true, "empty": "", "nothing": null,
        });
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            field("is_final", "true"),
            field("refund.amounts.0", "3"),
            field("refund.amounts.1.value", "4"),
            field("refund.id", "R1"),
        ];
        assert_eq!(kept_of_json(&told), expected);
    }
}
