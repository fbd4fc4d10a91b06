//! One question in, one answer out: by the model if there is one, else by the offline analyst.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use sysmaint_protocol::{
    Timestamp,
    body::{Tokens, ToolUse},
    limits::TEXT_MAX,
};

use crate::{
    analyst::{self, Analysis},
    follow_up,
    live::Live,
    model::{Attempt, Model, ModelError, Subject},
    query::{Allowance, Query},
    telemetry::Telemetry,
    tools::{SILENT_AFTER, View},
};

/// Ends a text that did not fit.
const CUT: &str = "\n\n_(Cut: the answer was longer than one message.)_";

/// Ends a text that was stopped.
const STOPPED: &str = "\n\n_(Stopped here.)_";

/// What stands in `model` where nobody was asked.
pub(crate) const NOBODY: &str = "none";

/// Answers questions. Cheap to share behind an [`Arc`].
pub struct Answerer {
    telemetry: Arc<dyn Telemetry>,
    model: Option<Model>,
    silent_after: Duration,
}

/// An answer and what it took.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// Markdown, at most [`TEXT_MAX`] bytes.
    pub text: String,
    /// The model's name, or `offline-analyst`.
    pub model: String,
    /// The tools that were used, in order.
    pub tools: Vec<ToolUse>,
    /// Tokens and their price, those of a failed attempt included.
    pub usage: Tokens,
    /// Whether some of the tokens are a guess, because the server did not count them.
    pub estimated: bool,
    /// Whether it was stopped before it was whole.
    pub stopped: bool,
    /// How long it took.
    pub took_ms: u64,
}

impl Answerer {
    /// Answers over `telemetry`, by rules alone where there is no model.
    pub fn new(telemetry: Arc<dyn Telemetry>, model: Option<Model>) -> Self {
        Self { telemetry, model, silent_after: SILENT_AFTER }
    }

    /// Changes how long a host may be quiet before it counts as silent, for probes that sample
    /// less often than every ten seconds.
    #[must_use]
    pub fn silent_after(mut self, silent_after: Duration) -> Self {
        self.silent_after = silent_after;
        self
    }

    /// Answers a question that stands alone and that nobody follows.
    pub async fn answer(&self, question: &str, now: Timestamp) -> Answered {
        self.answer_query(&Query::new(question), &Live::alone(), now).await
    }

    /// Answers. Takes no longer than the model's deadline and a moment. What the model says can be
    /// followed, and stopped, through `live`.
    pub async fn answer_query(&self, query: &Query, live: &Live, now: Timestamp) -> Answered {
        let began = Instant::now();
        let mut answered = match (&self.model, query.allowance) {
            _ if live.is_stopped() => stopped("", NOBODY),
            (Some(_), Allowance::Spent { cap_usd, until }) => {
                self.by_rules(query, now, Some(cap_note(cap_usd, until))).await
            }
            (Some(model), _) => self.by_model(model, query, live, now).await,
            (None, _) => self.by_rules(query, now, None).await,
        };
        answered.text = capped(answered.text);
        answered.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        answered
    }

    async fn by_model(
        &self,
        model: &Model,
        query: &Query,
        live: &Live,
        now: Timestamp,
    ) -> Answered {
        let Attempt { outcome, tools, usage, estimated } =
            model.ask(query, self.subject(now), live).await;
        match outcome {
            Ok(text) => {
                let model = model.name().to_owned();
                Answered { text, model, tools, usage, estimated, stopped: false, took_ms: 0 }
            }
            Err(ModelError::Stopped) => {
                Answered { tools, usage, estimated, ..stopped(&live.said(), model.name()) }
            }
            Err(error) => {
                tracing::warn!(%error, "the model did not answer; the offline analyst does");
                let note = format!("The language model was asked first: {error}.");
                let by_rules = self.by_rules(query, now, Some(note)).await;
                let tools = tools.into_iter().chain(by_rules.tools).collect();
                Answered { tools, usage, estimated, ..by_rules }
            }
        }
    }

    /// By the analyst, with a note on why not by a model.
    async fn by_rules(&self, query: &Query, now: Timestamp, note: Option<String>) -> Answered {
        let subject = self.subject(now);
        let (question, earlier) = (query.text.clone(), query.earlier.clone());
        let analysed = tokio::task::spawn_blocking(move || {
            let Subject { telemetry, now, silent_after } = subject;
            let view = View { telemetry: telemetry.as_ref(), now, silent_after };
            let hosts: Vec<_> =
                view.telemetry.hosts()?.into_iter().map(|state| state.host).collect();
            analyst::answer(&view, &follow_up::resolved(&question, &earlier, &hosts))
        });
        let Analysis { text, tools } = match analysed.await {
            Ok(Ok(analysis)) => analysis,
            Ok(Err(error)) => {
                tracing::error!(cause = cause(&error), "the telemetry could not be read");
                unreadable()
            }
            Err(_) => unreadable(),
        };
        let text = match note {
            Some(note) => format!("{text}\n\n_{note}_"),
            None => text,
        };
        let (model, usage) = (analyst::NAME.to_owned(), Tokens::default());
        Answered { text, model, tools, usage, estimated: false, stopped: false, took_ms: 0 }
    }

    fn subject(&self, now: Timestamp) -> Subject {
        Subject { telemetry: Arc::clone(&self.telemetry), now, silent_after: self.silent_after }
    }
}

impl fmt::Debug for Answerer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Answerer").field("model", &self.model).finish_non_exhaustive()
    }
}

/// What was said before it was stopped.
fn stopped(said: &str, model: &str) -> Answered {
    let said = said.trim();
    let text = if said.is_empty() {
        "_(Stopped before anything was said.)_".to_owned()
    } else {
        let room = TEXT_MAX - STOPPED.len();
        format!("{}{STOPPED}", &said[..said.floor_char_boundary(room)])
    };
    Answered {
        text,
        model: model.to_owned(),
        tools: Vec::new(),
        usage: Tokens::default(),
        estimated: false,
        stopped: true,
        took_ms: 0,
    }
}

fn cap_note(cap_usd: f64, until: Timestamp) -> String {
    format!(
        "No language model was asked: the daily spending cap of ${cap_usd} is reached. It ends \
         at {until} (UTC); until then the offline analyst answers."
    )
}

fn unreadable() -> Analysis {
    let text = "The stored telemetry could not be read, so there is no answer. \
                The agent's log says why.";
    Analysis { text: text.to_owned(), tools: Vec::new() }
}

/// The innermost cause, for the log.
fn cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn capped(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        text.truncate(text.floor_char_boundary(TEXT_MAX - CUT.len()));
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{query::Exchange, telemetry::made::Made};

    async fn ask(made: Made, question: &str) -> Answered {
        let now = made.now();
        Answerer::new(Arc::new(made), None).answer(question, now).await
    }

    #[tokio::test]
    async fn without_a_model_the_analyst_answers_at_no_cost() {
        let answered = ask(Made::two_hosts(), "what is the load?").await;
        assert_eq!(answered.model, "offline-analyst");
        assert!(answered.text.contains("load 0.25"), "{}", answered.text);
        assert_eq!(answered.tools[0].name, "get_current_status");
        assert_eq!((answered.usage, answered.estimated), (Tokens::default(), false));
    }

    #[tokio::test]
    async fn a_store_that_fails_is_said_without_its_details() {
        let answered = ask(Made::broken(), "what is the load?").await;
        assert!(answered.text.contains("could not be read"), "{}", answered.text);
        assert!(!answered.text.contains("disk I/O"), "{}", answered.text);
    }

    #[tokio::test]
    async fn the_analyst_knows_what_a_question_leans_on() {
        let made = Made::two_hosts();
        let now = made.now();
        let exchange =
            Exchange { prompt: "what is the load on web1?".into(), answer: "0.25".into() };
        let query = Query { earlier: vec![exchange], ..Query::new("and the memory?") };
        let by_rules = Answerer::new(Arc::new(made), None);
        let answered = by_rules.answer_query(&query, &Live::alone(), now).await;
        assert!(answered.text.contains("memory"), "{}", answered.text);
        assert!(answered.text.contains("web1") && !answered.text.contains("web2"));
    }

    #[tokio::test]
    async fn a_longer_silence_can_be_allowed() {
        let mut made = Made::two_hosts();
        made.hush("web1", 300);
        let now = made.now();
        let patient = Answerer::new(Arc::new(made), None).silent_after(Duration::from_mins(10));
        let answered = patient.answer("which hosts are there?", now).await;
        assert!(!answered.text.contains("**silent**"), "{}", answered.text);
    }

    #[test]
    fn a_long_answer_is_cut_between_characters_and_says_so() {
        let text = capped("ä".repeat(TEXT_MAX));
        assert!(text.len() <= TEXT_MAX && text.ends_with(CUT));
        assert_eq!(capped("short".to_owned()), "short");
    }
}
