//! One call on the page.

use serde_json::Value;

use super::{
    example::{example, resolved},
    html::Html,
    schema::{in_words, json},
};

/// Where a call stands on the page.
pub(super) const PLACE: &str = "call-";

/// A call with its path and method.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) entry: &'a Value,
}

impl Operation<'_> {
    pub(super) fn id(&self) -> &str {
        self.entry["operationId"].as_str().unwrap_or_default()
    }

    /// Method and path.
    pub(super) fn signature(&self) -> Html {
        let mut html = Html::new();
        html.inside("<span class=\"method\">", &self.method.to_uppercase(), "</span> ");
        html.raw("<code>");
        // A long path may break behind each of its parts.
        for (index, part) in self.path.split('/').enumerate() {
            html.raw(if index > 0 { "/<wbr>" } else { "" }).text(part);
        }
        html.raw("</code>");
        html
    }

    pub(super) fn section(&self, document: &Value) -> Html {
        let mut html = Html::new();
        html.raw("<section class=\"call\" id=\"").raw(PLACE).text(self.id()).raw("\">\n<h3>");
        html.append(&self.signature()).raw("</h3>\n<p class=\"summary\">");
        html.text(self.entry["summary"].as_str().unwrap_or_default().trim_end_matches('.'));
        html.raw("</p>\n");
        html.prose(self.entry["description"].as_str().unwrap_or_default());
        html.append(&self.security()).append(&self.parameters());
        let body = &self.entry["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            html.raw("<h4>Request: ").append(&in_words(body)).raw("</h4>\n");
            html.append(&json(&example(document, body)));
        }
        html.append(&self.responses(document));
        html.raw("</section>\n");
        html
    }

    fn security(&self) -> Html {
        let mut html = Html::new();
        let schemes: Vec<&str> = self.entry["security"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one.as_object()?.keys().next().map(String::as_str))
            .collect();
        html.raw(match schemes.as_slice() {
            [] => "<p class=\"who\">Anybody may ask.</p>\n",
            ["operator"] => "<p class=\"who\">From the relay's own machine, or with the operator's token.</p>\n",
            _ => "<p class=\"who\">With the device's token: <code>Authorization: Bearer …</code></p>\n",
        });
        html
    }

    fn parameters(&self) -> Html {
        let mut html = Html::new();
        let Some(all) = self.entry["parameters"].as_array().filter(|all| !all.is_empty()) else {
            return html;
        };
        html.raw("<h4>Parameters</h4>\n<div class=\"wide\"><table>\n<thead><tr><th>name</th><th>type</th><th></th></tr></thead>\n<tbody>\n");
        for one in all {
            html.inside("<tr><td><code>", one["name"].as_str().unwrap_or_default(), "</code>");
            html.inside(" <span class=\"optional\">", one["in"].as_str().unwrap_or_default(), "");
            html.raw(if one["required"] == true { "</span>" } else { ", optional</span>" });
            html.raw("</td><td>").append(&in_words(&one["schema"])).raw("</td><td>");
            html.line(one["description"].as_str().unwrap_or_default()).raw("</td></tr>\n");
        }
        html.raw("</tbody></table></div>\n");
        html
    }

    fn responses(&self, document: &Value) -> Html {
        let mut html = Html::new();
        let all = self.entry["responses"].as_object().into_iter().flatten();
        let all: Vec<_> =
            all.map(|(status, response)| (status.as_str(), resolved(document, response))).collect();
        let is_good = |status: &str| status < "400";
        for (status, response) in all.iter().filter(|(status, _)| is_good(status)) {
            html.inside("<h4>Answer ", status, "");
            let content = response["content"].as_object().and_then(|all| all.iter().next());
            if let Some((kind, content)) = content {
                if content["schema"]["$ref"].is_string() {
                    html.raw(": ").append(&in_words(&content["schema"]));
                } else {
                    html.inside(": <code>", kind, "</code>");
                }
            }
            html.raw("</h4>\n").prose(response["description"].as_str().unwrap_or_default());
            html.append(&headers(response));
            if let Some((_, content)) = content
                && content["schema"]["$ref"].is_string()
            {
                html.append(&json(&example(document, &content["schema"])));
            }
        }
        html.raw("<h4>Problems</h4>\n<div class=\"wide\"><table class=\"problems\">\n<tbody>\n");
        for (status, response) in all.iter().filter(|(status, _)| !is_good(status)) {
            html.inside("<tr><td class=\"status\">", status, "</td><td>");
            html.prose(response["description"].as_str().unwrap_or_default());
            html.append(&extension(response));
            html.append(&headers(response)).raw("</td></tr>\n");
        }
        html.raw("</tbody></table></div>\n");
        html
    }
}

/// What a problem carries beyond its usual members.
fn extension(response: &Value) -> Html {
    let mut html = Html::new();
    let parts = response["content"]["application/problem+json"]["schema"]["allOf"].as_array();
    let added = parts.into_iter().flatten().filter(|part| part["$ref"].is_string()).skip(1);
    for part in added {
        html.raw("<p>With the members of ").append(&in_words(part)).raw(".</p>\n");
    }
    html
}

fn headers(response: &Value) -> Html {
    let mut html = Html::new();
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        html.inside("<p class=\"header\"><code>", name, "</code>: ");
        html.line(header["description"].as_str().unwrap_or_default()).raw("</p>\n");
    }
    html
}
