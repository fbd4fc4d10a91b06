//! Schemas on the page: a type in a few words, members as a table, alternatives one by one.

use serde_json::Value;

use super::{
    example::{example, kind, resolved, shortened},
    html::Html,
};

/// Where a schema stands on the page.
const PLACE: &str = "schema-";

/// A schema with its name, for the list of all.
pub(super) fn section(document: &Value, name: &str, schema: &Value) -> Html {
    let mut html = Html::new();
    html.raw("<section class=\"schema\" id=\"").raw(PLACE).text(name).raw("\">\n<h3>");
    html.text(name).raw("</h3>\n");
    html.prose(schema["description"].as_str().unwrap_or_default());
    html.append(&body(document, schema));
    if kind(schema) == "object" {
        html.append(&json(&example(document, schema)));
    }
    html.raw("</section>\n");
    html
}

/// What a schema says beyond its description.
fn body(document: &Value, schema: &Value) -> Html {
    let mut html = Html::new();
    let alternatives = schema["oneOf"].as_array();
    if let Some(alternatives) = alternatives {
        html.raw("<div class=\"alternatives\">\n");
        for alternative in alternatives {
            html.append(&one_of(document, alternative));
        }
        html.raw("</div>\n");
    } else if schema["properties"].is_object() {
        html.append(&members(document, schema));
    } else {
        html.raw("<p class=\"type\">").append(&in_words(schema)).raw("</p>\n");
        if let Some(first) = schema["examples"].as_array().and_then(|all| all.first()) {
            html.append(&json(&shortened(first.clone())));
        }
    }
    html
}

/// One of several: named by the value of its `type` or `enum`, if it has such.
fn one_of(document: &Value, alternative: &Value) -> Html {
    let mut html = Html::new();
    let parts: Vec<&Value> = match alternative["allOf"].as_array() {
        Some(parts) => parts.iter().collect(),
        None => vec![alternative],
    };
    let tag = parts.iter().find_map(|part| part["properties"]["type"]["enum"][0].as_str());
    html.raw("<div class=\"alternative\">\n");
    if let Some(tag) = tag {
        html.inside("<h4><code>", tag, "</code></h4>\n");
    }
    html.prose(alternative["description"].as_str().unwrap_or_default());
    if tag.is_some() {
        for part in parts {
            let part = resolved(document, part);
            if part["properties"].is_object() {
                html.append(&members(document, part));
            }
        }
        html.append(&json(&example(document, alternative)));
    } else {
        html.raw("<p class=\"type\">").append(&in_words(alternative)).raw("</p>\n");
    }
    html.raw("</div>\n");
    html
}

/// The members of an object.
fn members(document: &Value, schema: &Value) -> Html {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut html = Html::new();
    html.raw("<div class=\"wide\"><table>\n<thead><tr><th>member</th><th>type</th><th></th></tr></thead>\n<tbody>\n");
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        html.raw("<tr><td><code>").text(name).raw("</code>");
        if !required.contains(&name.as_str()) {
            html.raw(" <span class=\"optional\">optional</span>");
        }
        html.raw("</td><td>").append(&in_words(member)).raw("</td><td>");
        html.line(description(document, member));
        html.raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n");
    html
}

/// A member's own description, or that of its type.
fn description<'a>(document: &'a Value, member: &'a Value) -> &'a str {
    let own = member["description"].as_str();
    own.or_else(|| resolved(document, member)["description"].as_str()).unwrap_or_default()
}

/// A type in a few words, with a link where it has a name.
pub(super) fn in_words(schema: &Value) -> Html {
    let mut html = Html::new();
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        html.link(PLACE, name);
        return html;
    }
    for list in ["oneOf", "anyOf"] {
        if let Some(all) = schema[list].as_array() {
            join(&mut html, all.iter().filter(|one| one["type"] != "null"), " or ");
            return html;
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let named = parts.iter().filter(|part| part["$ref"].is_string());
        join(&mut html, named, " with ");
        return html;
    }
    if let Some(values) = schema["enum"].as_array() {
        for (index, value) in values.iter().enumerate() {
            html.raw(if index > 0 { " or " } else { "" });
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            html.inside("<code>", &text, "</code>");
        }
        return html;
    }
    match kind(schema) {
        "array" => {
            html.raw("list of ").append(&in_words(&schema["items"]));
        }
        "" => {
            html.raw("any JSON");
        }
        other => {
            html.text(other);
        }
    }
    html.append(&bounds(schema));
    html
}

fn join<'a>(html: &mut Html, all: impl Iterator<Item = &'a Value>, between: &'static str) {
    for (index, one) in all.enumerate() {
        html.raw(if index > 0 { between } else { "" });
        html.append(&in_words(one));
    }
}

/// What limits it.
fn bounds(schema: &Value) -> Html {
    let mut html = Html::new();
    let number = |name: &str| schema.get(name).filter(|bound| bound.is_number());
    for (least, most, unit) in [
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " items"),
    ] {
        let text = match (number(least), number(most)) {
            (Some(least), Some(most)) if least == most => format!("{least}{unit}"),
            (Some(least), Some(most)) => format!("{least} to {most}{unit}"),
            (Some(least), None) => format!("at least {least}{unit}"),
            (None, Some(most)) => format!("at most {most}{unit}"),
            (None, None) => continue,
        };
        html.raw(", ").text(&text);
    }
    if let Some(format) = schema["format"].as_str().filter(|format| !format.starts_with("int")) {
        html.raw(", ").text(format);
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        html.raw(", <code class=\"pattern\">").text(pattern).raw("</code>");
    }
    html
}

/// A value as it is sent.
pub(super) fn json(value: &Value) -> Html {
    let mut html = Html::new();
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    html.inside("<pre><code>", &text, "</code></pre>\n");
    html
}
