//! The conversation with the agent.

use axum::{
    Json,
    extract::{Path, State},
    http::{
        HeaderMap, StatusCode,
        header::{ACCEPT, LOCATION},
    },
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use sysmaint_protocol::{
    ContentId, Timestamp,
    body::{Answer, Tokens, ToolUse},
};

use crate::{
    app::App,
    backend::{ChatEntry, Delivery},
    input::{self, JsonBody, QueryString},
    problem::Problem,
};

const HISTORY: usize = 100;
const HISTORY_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    prompt: String,
}

#[derive(Serialize)]
struct Accepted {
    id: ContentId,
}

/// What the documentation promises of a chat call.
#[derive(Serialize)]
struct Answered {
    id: ContentId,
    reply: String,
    model: String,
    usage: Tokens,
    took_ms: u64,
}

/// A prompt, its states and its answer, as the pages show it.
#[derive(Serialize)]
pub(crate) struct Entry {
    id: ContentId,
    prompt: String,
    state: Delivery,
    times: Times,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    answer: Option<EntryAnswer>,
}

#[derive(Serialize)]
struct Times {
    sealed: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<Timestamp>,
}

#[derive(Serialize)]
struct EntryAnswer {
    reply: String,
    model: String,
    refused: bool,
    tools: Vec<ToolUse>,
    usage: Tokens,
    took_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    limit: Option<usize>,
}

#[derive(Serialize)]
pub(crate) struct History {
    entries: Vec<Entry>,
}

/// `POST /api/chat`: waits for the answer, unless the caller prefers not to
/// (`Prefer: respond-async`, RFC 7240), who then gets the id at once.
pub(crate) async fn ask(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(question): JsonBody<Question>,
) -> Result<Response, Problem> {
    if !accepts_json(&headers) {
        return Err(Problem::not_acceptable("the answer is application/json"));
    }
    let prompt = input::text("prompt", question.prompt)?;
    let id = app.backend().ask(prompt).await?;
    if prefers_async(&headers) {
        let headers = [(LOCATION, format!("/api/chat/{id}"))];
        let applied = [("preference-applied", "respond-async")];
        return Ok((StatusCode::ACCEPTED, headers, applied, Json(Accepted { id })).into_response());
    }
    wait(&app, id).await.map(|answer| Json(answered(id, answer)).into_response())
}

/// `GET /api/chat/{id}`.
pub(crate) async fn entry(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Entry>, Problem> {
    let id = id.parse().map_err(|_| Problem::invalid("an id has 32 hexadecimal digits"))?;
    let entry = app.backend().answer(id, std::time::Duration::ZERO).await?;
    Ok(Json(entry.into()))
}

/// `GET /api/chat/history`, oldest first.
pub(crate) async fn history(
    State(app): State<App>,
    QueryString(query): QueryString<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let limit = query.limit.unwrap_or(HISTORY);
    if !(1..=HISTORY_MAX).contains(&limit) {
        return Err(Problem::invalid(format!("\"limit\" is 1 to {HISTORY_MAX}")));
    }
    let entries = app.backend().chat_history(limit).await?;
    Ok(Json(History { entries: entries.into_iter().map(Entry::from).collect() }))
}

async fn wait(app: &App, id: ContentId) -> Result<Answer, Problem> {
    let limit = app.config().chat_timeout;
    let entry = tokio::select! {
        entry = app.backend().answer(id, limit) => entry.map_err(|error| Problem::from(error).about(id))?,
        () = app.shutdown().cancelled() => {
            let detail = "this server is stopping; the prompt is kept and goes out after its start";
            return Err(Problem::unavailable(detail).about(id));
        }
    };
    entry.answer.ok_or_else(|| {
        let seconds = limit.as_secs_f64();
        let detail = format!(
            "no answer within {seconds} s; the prompt is kept, and GET /api/chat/{id} has the \
             answer once it comes"
        );
        Problem::timed_out(detail).about(id)
    })
}

fn answered(id: ContentId, answer: Answer) -> Answered {
    let Answer { text, model, usage, took_ms, .. } = answer;
    Answered { id, reply: text, model, usage, took_ms }
}

fn accepts_json(headers: &HeaderMap) -> bool {
    let accepted: Vec<_> = headers.get_all(ACCEPT).iter().filter_map(|v| v.to_str().ok()).collect();
    let types = accepted.iter().flat_map(|value| value.split(','));
    let mut essences = types.filter_map(|value| value.split(';').next()).map(str::trim);
    accepted.is_empty()
        || essences.any(|essence| matches!(essence, "*/*" | "application/*" | "application/json"))
}

fn prefers_async(headers: &HeaderMap) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split([',', ';']));
    preferences.any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

impl From<ChatEntry> for Entry {
    fn from(entry: ChatEntry) -> Self {
        let times = Times {
            sealed: entry.sealed_at,
            sent: entry.sent_at,
            delivered: entry.delivered_at,
            answered: entry.answered_at,
        };
        let answer = entry.answer.map(EntryAnswer::from);
        Self { id: entry.id, prompt: entry.prompt, state: entry.state, times, answer }
    }
}

impl From<Answer> for EntryAnswer {
    fn from(answer: Answer) -> Self {
        let Answer { text, model, refused, tools, usage, took_ms, .. } = answer;
        Self { reply: text, model, refused, tools, usage, took_ms }
    }
}
