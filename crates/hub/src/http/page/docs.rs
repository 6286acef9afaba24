//! `/docs`: the API for people, made from the embedded `openapi.yaml` when somebody first asks for it. What stands there is
//! what the tests hold the hub to.

use std::fmt::Write;

use domain::text::escape_html;
use serde_yaml_ng::Value;

/// The methods of a path, in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What the page shows of a document.
pub fn content(document: &Value) -> String {
    let docs = Docs { document };
    let mut html = String::new();
    html.push_str(&docs.contents());
    let _ = write!(html, "<div class=\"text\"><h1>{} API</h1>", escape_html(text(&document["info"]["title"])));
    html.push_str(&prose(text(&document["info"]["summary"])));
    html.push_str(&prose(text(&document["info"]["description"])));
    html.push_str(&prose(text(&document["components"]["securitySchemes"]["apiKey"]["description"])));
    for tag in list(&document["tags"]) {
        html.push_str(&docs.group(tag));
    }
    html.push_str(&docs.schemas());
    html.push_str(&docs.errors());
    html.push_str("</div>");
    html
}

struct Docs<'a> {
    document: &'a Value,
}

impl<'a> Docs<'a> {
    /// Each operation of a tag, with its path, its method and what the document says of it.
    fn operations(&self, tag: &'a str) -> impl Iterator<Item = (&'a str, &'static str, &'a Value)> {
        let all = entries(&self.document["paths"]).flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| Some((path, method, item.get(method)?)))
        });
        all.filter(move |(_, _, operation)| text(&operation["tags"][0]) == tag)
    }

    /// Where a reference leads, or the value itself.
    fn resolve(&self, value: &'a Value) -> &'a Value {
        let Some(reference) = value["$ref"].as_str() else { return value };
        reference.trim_start_matches("#/").split('/').fold(self.document, |value, name| &value[name])
    }

    fn contents(&self) -> String {
        let mut html = String::from("<nav class=\"contents\" aria-label=\"Contents\"><ul>");
        for tag in list(&self.document["tags"]) {
            let name = text(&tag["name"]);
            let _ = write!(html, "<li><a href=\"#{name}\">{}</a><ul>", capital(name));
            for (path, method, operation) in self.operations(name) {
                let id = text(&operation["operationId"]);
                let _ = write!(html, "<li><a href=\"#{id}\">{} {}</a></li>", method.to_uppercase(), escape_html(path));
            }
            html.push_str("</ul></li>");
        }
        html.push_str("<li><a href=\"#forms\">Forms</a></li><li><a href=\"#errors\">Errors</a></li></ul></nav>");
        html
    }

    fn group(&self, tag: &'a Value) -> String {
        let name = text(&tag["name"]);
        let mut html = format!("<section id=\"{name}\"><h2>{}</h2>", capital(name));
        html.push_str(&prose(text(&tag["description"])));
        for (path, method, operation) in self.operations(name) {
            html.push_str(&self.operation(path, method, operation));
        }
        html.push_str("</section>");
        html
    }

    fn operation(&self, path: &str, method: &str, operation: &'a Value) -> String {
        let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
        let mut html = format!(
            "<article class=\"card\" id=\"{id}\"><h3><span class=\"method\">{}</span> <code>{}</code></h3>\
             <p class=\"summary\">{}</p>",
            method.to_uppercase(),
            escape_html(path),
            inline(summary),
        );
        if operation["deprecated"].as_bool().unwrap_or_default() {
            html.push_str(
                "<p><b>Deprecated.</b> It is going; the head of each answer says when, and what to use instead.</p>",
            );
        }
        html.push_str(&prose(text(&operation["description"])));
        html.push_str(&self.parameters(&operation["parameters"]));
        let body = &operation["requestBody"];
        if !body.is_null() {
            html.push_str("<h4>Body</h4>");
            html.push_str(&prose(text(&body["description"])));
            html.push_str(&self.media(&body["content"]));
            // JSON, or a form in the words of another gateway.
            if let Some(media) = body["content"].as_mapping().and_then(|content| content.values().next()) {
                html.push_str(&self.fields(self.resolve(&media["schema"])));
            }
        }
        html.push_str("<h4>Answers</h4>");
        html.push_str(&self.answers(&operation["responses"]));
        html.push_str("</article>");
        html
    }

    fn parameters(&self, parameters: &'a Value) -> String {
        let rows: Vec<[String; 3]> = list(parameters)
            .iter()
            .map(|parameter| {
                let parameter = self.resolve(parameter);
                let (place, schema) = (text(&parameter["in"]), &parameter["schema"]);
                let is_required = parameter["required"].as_bool().unwrap_or_default();
                [
                    name(text(&parameter["name"]), is_required),
                    format!("{}, in the {place}", self.form(schema)),
                    inline(text(&parameter["description"])),
                ]
            })
            .collect();
        if rows.is_empty() {
            String::new()
        } else {
            format!("<h4>Parameters</h4>{}", table(["name", "form", "what"], &rows))
        }
    }

    fn answers(&self, responses: &'a Value) -> String {
        let mut html = String::from("<ul class=\"answers\">");
        for (status, response) in entries(responses) {
            let response = self.resolve(response);
            let _ = write!(html, "<li><b>{status}</b> {}", inline(text(&response["description"])));
            if status.starts_with('2') {
                html.push_str(&self.media(&response["content"]));
            }
            html.push_str("</li>");
        }
        html.push_str("</ul>");
        html
    }

    /// What is sent or answered: its form, and examples where there are some.
    fn media(&self, content: &'a Value) -> String {
        let mut html = String::new();
        for (media, body) in entries(content) {
            let _ = write!(html, "<p class=\"quiet\">{}: {}</p>", escape_html(media), self.form(&body["schema"]));
            for (_, example) in entries(&body["examples"]) {
                let summary = text(&example["summary"]);
                let value = serde_json::to_string_pretty(&example["value"]).unwrap_or_default();
                let _ = write!(
                    html,
                    "<details><summary>Example: {}</summary><pre tabindex=\"0\">{}</pre></details>",
                    inline(summary),
                    escape_html(&value)
                );
            }
        }
        html
    }

    fn schemas(&self) -> String {
        let mut html = String::from("<section id=\"forms\"><h2>Forms</h2>");
        for (schema_name, schema) in entries(&self.document["components"]["schemas"]) {
            if schema_name == "ErrorCode" {
                continue;
            }
            let _ = write!(html, "<article class=\"card\" id=\"form-{schema_name}\"><h3>{schema_name}</h3>");
            html.push_str(&prose(text(&schema["description"])));
            if schema["properties"].is_null() {
                let _ = write!(html, "<p>{}</p>", self.form(schema));
            }
            html.push_str(&self.fields(schema));
            html.push_str("</article>");
        }
        html.push_str("</section>");
        html
    }

    fn fields(&self, schema: &'a Value) -> String {
        let required: Vec<&str> = list(&schema["required"]).iter().map(text).collect();
        let rows: Vec<[String; 3]> = entries(&schema["properties"])
            .map(|(field, schema)| {
                let what = inline(text(&schema["description"]));
                let inner = if schema["type"].as_str() == Some("array") { &schema["items"] } else { schema };
                [name(field, required.contains(&field)), self.form(schema), what + &self.fields(inner)]
            })
            .collect();
        if rows.is_empty() { String::new() } else { table(["field", "form", "what"], &rows) }
    }

    /// What a value looks like, in a few words.
    fn form(&self, schema: &'a Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            let form = reference.rsplit('/').next().unwrap_or_default();
            let place = if form == "ErrorCode" { "errors".to_owned() } else { format!("form-{form}") };
            return format!("<a href=\"#{place}\">{form}</a>");
        }
        if !schema["const"].is_null() {
            return format!("<code>{}</code>", escape_html(&scalar(&schema["const"])));
        }
        let joined = |values: &'a Value, one: &dyn Fn(&'a Value) -> String| {
            list(values).iter().map(one).collect::<Vec<_>>().join(" or ")
        };
        if !schema["enum"].is_null() {
            return joined(&schema["enum"], &|value| format!("<code>{}</code>", escape_html(&scalar(value))));
        }
        if !schema["oneOf"].is_null() {
            return joined(&schema["oneOf"], &|schema| self.form(schema));
        }
        match &schema["type"] {
            Value::Sequence(_) => joined(&schema["type"], &|form| form_name(text(form), schema, self)),
            form => form_name(text(form), schema, self),
        }
    }

    fn errors(&self) -> String {
        let rows: Vec<[String; 3]> = entries(&self.document["x-errors"])
            .map(|(code, error)| {
                let code = format!("<code id=\"error-{code}\">{code}</code>");
                [code, inline(text(&error["cause"])), inline(text(&error["remedy"]))]
            })
            .collect();
        format!(
            "<section id=\"errors\"><h2>Errors</h2><p>Every problem has the form <a href=\"#form-Problem\">Problem</a> and \
             one of these codes.</p><div class=\"card\">{}</div></section>",
            table(["code", "cause", "remedy"], &rows)
        )
    }
}

fn form_name<'a>(form: &str, schema: &'a Value, docs: &Docs<'a>) -> String {
    match form {
        "array" => format!("list of {}", docs.form(&schema["items"])),
        "string" if schema["format"].as_str() == Some("date") => "date".to_owned(),
        other => escape_html(other),
    }
}

fn table(heads: [&str; 3], rows: &[[String; 3]]) -> String {
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr>");
    for head in heads {
        let _ = write!(html, "<th scope=\"col\">{head}</th>");
    }
    html.push_str("</tr></thead><tbody>");
    for [first, second, third] in rows {
        let _ = write!(html, "<tr><th scope=\"row\">{first}</th><td>{second}</td><td>{third}</td></tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

fn name(name: &str, is_required: bool) -> String {
    let mark = if is_required { "" } else { " <span class=\"quiet\">optional</span>" };
    format!("<code>{}</code>{mark}", escape_html(name))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn scalar(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default().trim_matches('"').to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_sequence().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_mapping().into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?, value)))
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// One line of text; what stands in backticks is code.
fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let shown = parts.map(|(place, part)| match place % 2 {
        0 => escape_html(part),
        _ => format!("<code>{}</code>", escape_html(part)),
    });
    shown.collect()
}

/// Paragraphs and lists.
fn prose(text: &str) -> String {
    let mut html = String::new();
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        match block.strip_prefix("- ") {
            Some(items) => {
                let items = items.split("\n- ").map(|item| format!("<li>{}</li>", inline(item)));
                let _ = write!(html, "<ul>{}</ul>", items.collect::<String>());
            }
            None => {
                let _ = write!(html, "<p>{}</p>", inline(block));
            }
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        serde_yaml_ng::from_str(crate::cli::OPENAPI).unwrap()
    }

    #[test]
    fn every_operation_form_and_error_is_told_and_every_link_leads_somewhere() {
        let document = document();
        let html = content(&document);
        let has = |id: &str| html.contains(&format!("id=\"{id}\""));
        for (path, item) in entries(&document["paths"]) {
            for (method, operation) in entries(item) {
                assert!(METHODS.contains(&method) && has(text(&operation["operationId"])), "{method} {path}");
            }
        }
        assert!(entries(&document["x-errors"]).all(|(code, _)| has(&format!("error-{code}"))));
        let links: Vec<&str> = html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let ids: Vec<&str> = html.split("id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let different: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), different.len(), "an id stands twice");
        assert!(links.iter().all(|link| has(link)), "{:?}", links.iter().find(|link| !has(link)));
    }

    #[test]
    fn text_is_never_read_as_html() {
        assert_eq!(inline("a <b> `x < y` & \"c\""), "a &lt;b&gt; <code>x &lt; y</code> &amp; &quot;c&quot;");
        assert_eq!(prose("One\ntwo.\n\n- a\n- b\n  c\n"), "<p>One\ntwo.</p><ul><li>a</li><li>b\n  c</li></ul>");
    }
}
