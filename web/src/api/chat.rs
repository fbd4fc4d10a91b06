//! The conversation with the agent.

use std::time::Duration;

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

use super::chat_stream;
use crate::{
    app::App,
    backend::{ChatEntry, Delivery, Draft},
    input::{self, JsonBody, Nothing, QueryString},
    problem::Problem,
};

const HISTORY: usize = 100;
const HISTORY_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    prompt: String,
    /// Whether it begins a new conversation.
    #[serde(default)]
    fresh: bool,
}

#[derive(Serialize)]
pub(crate) struct Accepted {
    id: ContentId,
}

/// What the documentation promises of a chat call.
#[derive(Serialize)]
pub(super) struct Answered {
    id: ContentId,
    reply: String,
    model: String,
    /// Present where it was stopped before it was whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
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
    /// What is known of an answer that is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<Draft>,
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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
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
/// (`Prefer: respond-async`, RFC 7240), who then gets the id at once. Whoever accepts
/// `text/event-stream`, and no JSON by that name, gets the answer as it is made.
pub(crate) async fn ask(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(question): JsonBody<Question>,
) -> Result<Response, Problem> {
    let wanted = Wanted::of(&headers).ok_or_else(|| {
        Problem::not_acceptable("the answer is application/json or text/event-stream")
    })?;
    let prompt = input::text("prompt", question.prompt)?;
    if wanted == Wanted::Stream && !prefers_async(&headers) {
        return chat_stream::ask(app, prompt, question.fresh).await;
    }
    let id = app.backend().ask(prompt, question.fresh).await?;
    if prefers_async(&headers) {
        let headers = [(LOCATION, format!("/api/chat/{id}"))];
        let applied = [("preference-applied", "respond-async")];
        return Ok((StatusCode::ACCEPTED, headers, applied, Json(Accepted { id })).into_response());
    }
    wait(&app, id).await.map(|answer| Json(Answered::new(id, answer)).into_response())
}

/// `POST /api/chat/{id}/stop`: the answer is not wanted any more. What was said so far comes as
/// the answer, so this only queues the command.
pub(crate) async fn stop(
    State(app): State<App>,
    Path(id): Path<String>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let id = id_of(&id)?;
    app.backend().stop(id).await.map_err(|error| Problem::from(error).about(id))?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

/// `GET /api/chat/{id}`.
pub(crate) async fn entry(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Entry>, Problem> {
    let id = id_of(&id)?;
    let entry = app.backend().answer(id, Duration::ZERO).await?;
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
        () = app.shutdown().cancelled() => return Err(stopping().about(id)),
    };
    entry.answer.ok_or_else(|| late(limit, id).about(id))
}

pub(super) fn stopping() -> Problem {
    Problem::unavailable("this server is stopping; the prompt is kept and goes out after its start")
}

pub(super) fn late(limit: Duration, id: ContentId) -> Problem {
    let seconds = limit.as_secs_f64();
    Problem::timed_out(format!(
        "no answer within {seconds} s; the prompt is kept, and GET /api/chat/{id} has the answer \
         once it comes"
    ))
}

fn id_of(text: &str) -> Result<ContentId, Problem> {
    text.parse().map_err(|_| Problem::invalid("an id has 32 hexadecimal digits"))
}

impl Answered {
    pub(super) fn new(id: ContentId, answer: Answer) -> Self {
        let Answer { text, model, stopped, usage, took_ms, .. } = answer;
        Self { id, reply: text, model, stopped, usage, took_ms }
    }
}

/// The kind of answer that a caller accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Json,
    Stream,
}

impl Wanted {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let accepted: Vec<_> =
            headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        let types = accepted.iter().flat_map(|value| value.split(','));
        let essences: Vec<_> =
            types.filter_map(|value| value.split(';').next()).map(str::trim).collect();
        let any = |names: &[&str]| essences.iter().any(|essence| names.contains(essence));
        if accepted.is_empty() || any(&["application/json", "application/*"]) {
            Some(Self::Json)
        } else if any(&["text/event-stream"]) {
            Some(Self::Stream)
        } else {
            any(&["*/*"]).then_some(Self::Json)
        }
    }
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
        let ChatEntry { id, prompt, state, draft, .. } = entry;
        Self { id, prompt, state, times, answer, draft }
    }
}

impl From<Answer> for EntryAnswer {
    fn from(answer: Answer) -> Self {
        let Answer { text, model, refused, stopped, tools, usage, took_ms, .. } = answer;
        Self { reply: text, model, refused, stopped, tools, usage, took_ms }
    }
}
