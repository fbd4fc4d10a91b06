//! The page: what the document says, in its order.

use serde_json::Value;

use super::{
    html::Html,
    operation::{Operation, PLACE},
    schema,
};

/// Methods in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// What the two sides of the WebSocket say; shown apart from the other schemas.
const FRAMES: [&str; 2] = ["ServerFrame", "ClientFrame"];
/// The list of problems; shown as a table.
const PROBLEMS: &str = "ProblemType";

/// The whole page.
pub(super) fn render(document: &Value) -> String {
    let groups = groups(document);
    let mut html = Html::new();
    html.raw(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <link rel=\"stylesheet\" href=\"/docs/style.css\">\n<title>",
    );
    html.text(text(document, "/info/title")).raw("</title>\n</head>\n<body>\n");
    html.append(&contents(&groups));
    html.raw("<main>\n<header>\n").inside("<h1>", text(document, "/info/title"), "</h1>\n");
    html.inside("<p class=\"version\">version ", text(document, "/info/version"), ", ");
    html.raw("as <a href=\"/openapi.json\">OpenAPI 3.1</a> for programs, ");
    html.raw("<a href=\"/source\">complete source</a></p>\n");
    html.prose(text(document, "/info/description")).raw("</header>\n");
    for group in &groups {
        html.raw("<section id=\"group-").text(group.name).raw("\">\n");
        html.inside("<h2>", group.name, "</h2>\n").prose(group.description);
        for operation in &group.operations {
            html.append(&operation.section(document));
        }
        html.raw("</section>\n");
    }
    html.append(&frames(document)).append(&problems(document)).append(&schemas(document));
    html.raw("</main>\n</body>\n</html>\n");
    html.into_string()
}

/// Calls that belong together.
struct Group<'a> {
    name: &'a str,
    description: &'a str,
    operations: Vec<Operation<'a>>,
}

fn groups(document: &Value) -> Vec<Group<'_>> {
    let all = operations(document);
    document["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|tag| {
            let name = tag["name"].as_str().unwrap_or_default();
            let description = tag["description"].as_str().unwrap_or_default();
            let own = all.iter().filter(|operation| operation.entry["tags"][0] == name);
            Group { name, description, operations: own.copied().collect() }
        })
        .collect()
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let methods = METHODS.into_iter().filter(|method| item[*method].is_object());
            methods.map(|method| Operation { method, path, entry: &item[method] })
        })
        .collect()
}

fn contents(groups: &[Group<'_>]) -> Html {
    let mut html = Html::new();
    html.raw("<nav aria-label=\"Contents\">\n<details>\n<summary>Contents</summary>\n<div>\n");
    for group in groups {
        html.raw("<p><a href=\"#group-").text(group.name).raw("\">").text(group.name);
        html.raw("</a></p>\n<ul>\n");
        for operation in &group.operations {
            html.raw("<li><a href=\"#").raw(PLACE).text(operation.id()).raw("\">");
            html.append(&operation.signature()).raw("</a></li>\n");
        }
        html.raw("</ul>\n");
    }
    html.raw(
        "<p><a href=\"#frames\">WebSocket frames</a></p>\n<p><a href=\"#problems\">Problems</a></p>\n\
         <p><a href=\"#schemas\">Schemas</a></p>\n</div>\n</details>\n</nav>\n",
    );
    html
}

fn frames(document: &Value) -> Html {
    let mut html = Html::new();
    html.raw("<section id=\"frames\">\n<h2>WebSocket frames</h2>\n<p>One JSON object in each text message.</p>\n");
    for name in FRAMES {
        html.append(&schema::section(document, name, &document["components"]["schemas"][name]));
    }
    html.raw("</section>\n");
    html
}

fn problems(document: &Value) -> Html {
    let types = &document["components"]["schemas"][PROBLEMS];
    let mut html = Html::new();
    html.raw("<section id=\"problems\">\n<h2 id=\"schema-ProblemType\">Problems</h2>\n");
    html.prose(types["description"].as_str().unwrap_or_default());
    html.raw("<div class=\"wide\"><table class=\"problems\">\n<thead><tr><th>status</th><th>type</th><th></th></tr></thead>\n<tbody>\n");
    for one in types["oneOf"].as_array().into_iter().flatten() {
        let of = |name: &str| one[name].as_str().unwrap_or_default();
        html.inside("<tr><td class=\"status\">", of("description"), "</td><td><code>");
        html.text(one["enum"][0].as_str().unwrap_or_default()).raw("</code></td><td>");
        html.text(of("title")).raw("</td></tr>\n");
    }
    html.raw("</tbody></table></div>\n</section>\n");
    html
}

fn schemas(document: &Value) -> Html {
    let mut html = Html::new();
    html.raw("<section id=\"schemas\">\n<h2>Schemas</h2>\n");
    let all = document["components"]["schemas"].as_object().into_iter().flatten();
    let rest = all.filter(|(name, _)| !FRAMES.contains(&name.as_str()) && *name != PROBLEMS);
    for (name, one) in rest {
        html.append(&schema::section(document, name, one));
    }
    html.raw("</section>\n");
    html
}

fn text<'a>(document: &'a Value, place: &str) -> &'a str {
    document.pointer(place).and_then(Value::as_str).unwrap_or_default()
}
