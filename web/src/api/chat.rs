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
use utoipa::ToSchema;

use super::{
    Accepted, chat_stream,
    openapi::{ANY, API, BACKEND, BODY, CHAT, SEAL, SESSION, problems},
};
use crate::{
    app::App,
    backend::{ChatEntry, Delivery, Draft},
    input::{self, JsonBody, Nothing, QueryString},
    problem::{NOT_ACCEPTABLE, NOT_FOUND, Problem},
};

const HISTORY: usize = 100;
const HISTORY_MAX: usize = 500;

problems! {
    AskProblems = ANY, API, BODY, SEAL, SESSION, &[NOT_ACCEPTABLE];
    EntryProblems = ANY, API, BACKEND, SESSION, &[NOT_FOUND];
    HistoryProblems = ANY, API, BACKEND, SESSION;
    StopProblems = ANY, API, BODY, SEAL, SESSION;
}

/// What the agent is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Question {
    /// The question.
    prompt: String,
    /// Whether it begins a new conversation.
    #[serde(default)]
    fresh: bool,
}

/// An answer to a question.
#[derive(Serialize, ToSchema)]
pub(super) struct Answered {
    /// The question.
    id: ContentId,
    /// Markdown.
    reply: String,
    /// Who answered: a model's name, or `offline-analyst`.
    model: String,
    /// Present where it was stopped before it was whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
    /// What it used.
    usage: Tokens,
    /// From receiving the prompt to having the answer.
    took_ms: u64,
}

/// A prompt, its states and its answer, as the pages show it.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatEntry)]
pub(crate) struct Entry {
    /// What the prompt is named.
    id: ContentId,
    /// The question.
    prompt: String,
    /// How far it has come.
    state: Delivery,
    /// When it came so far.
    times: Times,
    #[serde(flatten)]
    answer: EntryAnswer,
    /// What is known of an answer that is being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    draft: Option<Draft>,
}

/// When a prompt came to each state that it has come to.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatTimes)]
struct Times {
    /// It was sealed and stored here.
    sealed: Timestamp,
    /// The bus took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Timestamp>,
    /// The agent's receipt came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered: Option<Timestamp>,
    /// The answer was opened here.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<Timestamp>,
}

/// The answer; all of it is absent until it is here.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = ChatAnswer)]
struct EntryAnswer {
    /// Markdown.
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<String>,
    /// Who answered: a model's name, or `offline-analyst`.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Whether the agent declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<bool>,
    /// Present where it was stopped before it was whole.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
    /// The tools it used, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<ToolUse>>,
    /// What it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Tokens>,
    /// From receiving the prompt to having the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    took_ms: Option<u64>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryQuery {
    /// At most so many; 100 if it is not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
}

/// Prompts and answers.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatHistory)]
pub(crate) struct History {
    /// Oldest first.
    entries: Vec<Entry>,
}

/// Ask the agent
///
/// Waits for the answer, unless the caller prefers not to (`Prefer: respond-async`, RFC 7240), who
/// then gets the id at once.
///
/// Whoever accepts `text/event-stream`, and no JSON by that name, gets the answer as it is made:
/// `accepted` has an `Accepted`; each `delta` has a `DraftPart`, and one with another `attempt`
/// begins the text anew; last comes `answer` with an `Answered`, whole, which replaces what came
/// before, or `problem` with `ProblemDetails`. Deltas may be missing.
#[utoipa::path(
    post,
    path = "/api/chat",
    operation_id = "ask",
    tag = CHAT,
    params(("Prefer" = Option<String>, Header, description = "`respond-async`: do not wait.")),
    request_body = Question,
    security(("session" = [])),
    responses(
        (
            status = 200,
            description = "The answer.",
            content((Answered = "application/json"), (String = "text/event-stream")),
        ),
        (
            status = 202,
            description = "The question is sealed and queued.",
            body = Accepted,
            headers(
                ("Location" = String, description = "Where the answer will be."),
                ("Preference-Applied" = String, description = "`respond-async`."),
            ),
        ),
        AskProblems,
    ),
)]
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

/// Stop an answer
///
/// It is not wanted any more. What was said so far comes as the answer, so this only queues the
/// command.
#[utoipa::path(
    post,
    path = "/api/chat/{id}/stop",
    operation_id = "stopAnswer",
    tag = CHAT,
    params(("id" = ContentId, Path, description = "The question.")),
    request_body = Nothing,
    security(("session" = [])),
    responses((status = 202, description = "The command is queued.", body = Accepted), StopProblems),
)]
pub(crate) async fn stop(
    State(app): State<App>,
    Path(id): Path<String>,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let id = id_of(&id)?;
    app.backend().stop(id).await.map_err(|error| Problem::from(error).about(id))?;
    Ok((StatusCode::ACCEPTED, Json(Accepted { id })))
}

/// One prompt, how far it has come, its answer
#[utoipa::path(
    get,
    path = "/api/chat/{id}",
    operation_id = "getChatEntry",
    tag = CHAT,
    params(("id" = ContentId, Path, description = "The question.")),
    security(("session" = [])),
    responses((status = 200, description = "The prompt.", body = Entry), EntryProblems),
)]
pub(crate) async fn entry(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Json<Entry>, Problem> {
    let id = id_of(&id)?;
    let entry = app.backend().answer(id, Duration::ZERO).await?;
    Ok(Json(entry.into()))
}

/// Prompts and answers, oldest first
#[utoipa::path(
    get,
    path = "/api/chat/history",
    operation_id = "getChatHistory",
    tag = CHAT,
    params(HistoryQuery),
    security(("session" = [])),
    responses((status = 200, description = "The latest.", body = History), HistoryProblems),
)]
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
        let answer = entry.answer.map(EntryAnswer::from).unwrap_or_default();
        let ChatEntry { id, prompt, state, draft, .. } = entry;
        Self { id, prompt, state, times, answer, draft }
    }
}

impl From<Answer> for EntryAnswer {
    fn from(answer: Answer) -> Self {
        let Answer { text, model, refused, stopped, tools, usage, took_ms, .. } = answer;
        Self {
            reply: Some(text),
            model: Some(model),
            refused: Some(refused),
            stopped,
            tools: Some(tools),
            usage: Some(usage),
            took_ms: Some(took_ms),
        }
    }
}
