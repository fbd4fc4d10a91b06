//! Direct messages between the devices held here and anyone.

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::Handle;
use utoipa::ToSchema;

use super::{
    Accepted,
    openapi::{ANY, API, BACKEND, BODY, DIRECT, SEAL, SESSION, problems},
};
use crate::{
    app::App,
    backend::{DirectMessage, Fault},
    input::{self, JsonBody, QueryString},
    problem::{NOT_FOUND, Problem},
};

problems! {
    PullProblems = ANY, API, BACKEND, SESSION, &[NOT_FOUND];
    SendProblems = ANY, API, BODY, SEAL, SESSION;
}

/// Messages in one answer; the cursor leads to the rest.
const PULL_MAX: usize = 200;

/// A text to be sealed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outgoing {
    /// Whose device seals it; one that is held here.
    #[schema(value_type = Handle)]
    from: String,
    /// For whom.
    #[schema(value_type = Handle)]
    to: String,
    /// What it says.
    text: String,
    /// What is done to it on its way, between devices held here only.
    #[serde(default)]
    fault: Option<Fault>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PullQuery {
    /// Whose messages; one whose device is held here.
    #[param(value_type = Handle)]
    r#as: String,
    /// Those after this cursor; all if it is not given.
    #[serde(default)]
    after: u64,
}

/// Direct messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct Pulled {
    /// Oldest first, at most 200.
    messages: Vec<DirectMessage>,
    /// What leads to those after them.
    cursor: u64,
}

/// Seal a text and queue it
#[utoipa::path(
    post,
    path = "/api/e2ee/send",
    operation_id = "sendText",
    tag = DIRECT,
    request_body = Outgoing,
    security(("session" = [])),
    responses((status = 202, description = "It is sealed and queued.", body = Accepted), SendProblems),
)]
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

/// Direct messages that came
///
/// The same cursor gives the same messages: nothing is consumed.
#[utoipa::path(
    get,
    path = "/api/e2ee/pull",
    operation_id = "pullMessages",
    tag = DIRECT,
    params(PullQuery),
    security(("session" = [])),
    responses((status = 200, description = "The messages.", body = Pulled), PullProblems),
)]
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
