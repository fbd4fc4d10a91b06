//! Direct messages between the devices held here and anyone.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{ContentId, Handle};

use crate::{
    app::App,
    backend::{DirectMessage, Fault},
    input::{self, JsonBody, QueryString},
    problem::Problem,
};

/// Messages in one answer; the cursor leads to the rest.
const PULL_MAX: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outgoing {
    from: String,
    to: String,
    text: String,
    #[serde(default)]
    fault: Option<Fault>,
}

#[derive(Serialize)]
pub(crate) struct Accepted {
    pub(crate) id: ContentId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PullQuery {
    r#as: String,
    #[serde(default)]
    after: u64,
}

#[derive(Serialize)]
pub(crate) struct Pulled {
    messages: Vec<DirectMessage>,
    cursor: u64,
}

/// `POST /api/e2ee/send`.
pub(crate) async fn send(
    State(app): State<App>,
    JsonBody(outgoing): JsonBody<Outgoing>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let from = held(&app, "from", &outgoing.from)?;
    let to = input::handle("to", &outgoing.to)?;
    if from == to {
        return Err(Problem::invalid("\"from\" and \"to\" are the same identity"));
    }
    let text = input::text("text", outgoing.text)?;
    let id = app.backend().send(&from, &to, text, outgoing.fault).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

/// `GET /api/e2ee/pull`. The same cursor gives the same messages: nothing is consumed.
pub(crate) async fn pull(
    State(app): State<App>,
    QueryString(query): QueryString<PullQuery>,
) -> Result<Json<Pulled>, Problem> {
    let reader = held(&app, "as", &query.r#as)?;
    let messages = app.backend().pull(&reader, query.after, PULL_MAX).await?;
    let cursor = messages.last().map_or(query.after, |message| message.cursor);
    Ok(Json(Pulled { messages, cursor }))
}

/// A handle whose device is here.
fn held(app: &App, name: &str, text: &str) -> Result<Handle, Problem> {
    let handle = input::handle(name, text)?;
    if app.config().holds(&handle) {
        return Ok(handle);
    }
    let (alice, bob) = (&app.config().alice, &app.config().bob);
    let detail = format!("{name:?}: this server holds devices of {alice} and {bob} only");
    Err(Problem::not_found(detail))
}
