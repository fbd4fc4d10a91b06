//! An answer as it is made, for whoever asked: server-sent events in place of one JSON answer.
//!
//! `accepted` has the prompt's id; each `delta` has more of the text, and one with another
//! `attempt` begins it anew; `answer` has what the call returns without a stream, whole, and
//! replaces what came before; `problem` has why there is none. The stream ends after either.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event as Frame, KeepAlive, Sse},
};
use futures_util::stream;
use sysmaint_protocol::ContentId;
use tokio::{
    sync::{
        OwnedSemaphorePermit,
        broadcast::{Receiver, error::RecvError},
    },
    time::Instant,
};

use super::{
    Accepted,
    chat::{self, Answered},
};
use crate::{
    app::App,
    backend::{ChatEntry, Event},
    problem::Problem,
};

/// Shorter than the idle limit of any proxy in between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// One prompt that is followed.
struct Following {
    app: App,
    id: ContentId,
    events: Receiver<Event>,
    deadline: Instant,
    stage: Stage,
    /// The stream holds its place for as long as it lives.
    _permit: OwnedSemaphorePermit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing was told yet.
    New,
    /// The prompt's state is to be looked at.
    Look,
    /// Told as far as it is known.
    Wait,
    /// Told to the end.
    Over,
}

/// Asks, and follows the answer.
pub(super) async fn ask(app: App, prompt: String, fresh: bool) -> Result<Response, Problem> {
    let permit = app.stream_permit()?;
    // Before the prompt is sealed, so that nothing of the answer is missed.
    let events = app.backend().events();
    let id = app.backend().ask(prompt, fresh).await?;
    let deadline = Instant::now() + app.config().chat_timeout;
    let following = Following { app, id, events, deadline, stage: Stage::New, _permit: permit };
    let frames = stream::unfold(following, async |mut following| {
        let frame = following.next().await?;
        Some((Ok::<_, Infallible>(frame), following))
    });
    Ok(Sse::new(frames).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response())
}

impl Following {
    async fn next(&mut self) -> Option<Frame> {
        loop {
            match self.stage {
                Stage::New => {
                    self.stage = Stage::Look;
                    return frame("accepted", &Accepted { id: self.id });
                }
                Stage::Look => {
                    self.stage = Stage::Wait;
                    if let Some(frame) = self.look().await {
                        return Some(frame);
                    }
                }
                Stage::Wait => {
                    if let Some(frame) = self.wait().await {
                        return Some(frame);
                    }
                }
                Stage::Over => return None,
            }
        }
    }

    /// The answer, if it is here.
    async fn look(&mut self) -> Option<Frame> {
        match self.app.backend().answer(self.id, Duration::ZERO).await {
            Ok(ChatEntry { answer: Some(answer), .. }) => {
                self.stage = Stage::Over;
                frame("answer", &Answered::new(self.id, answer))
            }
            Ok(_) => None,
            Err(error) => Some(self.end(Problem::from(error))),
        }
    }

    /// More of it, once it comes.
    async fn wait(&mut self) -> Option<Frame> {
        let event = tokio::select! {
            biased;
            () = self.app.shutdown().cancelled() => return Some(self.end(chat::stopping())),
            event = self.events.recv() => event,
            () = tokio::time::sleep_until(self.deadline) => {
                let late = chat::late(self.app.config().chat_timeout, self.id);
                return Some(self.end(late));
            }
        };
        match event {
            Ok(Event::Draft(part)) if part.id == self.id => frame("delta", &*part),
            Ok(Event::Chat(entry)) if entry.id == self.id && entry.answer.is_some() => {
                self.stage = Stage::Look;
                None
            }
            Ok(_) => None,
            Err(RecvError::Lagged(_)) => {
                self.stage = Stage::Look;
                None
            }
            Err(RecvError::Closed) => Some(self.end(chat::stopping())),
        }
    }

    fn end(&mut self, problem: Problem) -> Frame {
        self.stage = Stage::Over;
        let body = problem.about(self.id).body();
        frame("problem", &body).unwrap_or_else(|| Frame::default().event("problem"))
    }
}

/// `None` for what cannot be written as JSON, which none of these is.
fn frame(name: &str, data: &impl serde::Serialize) -> Option<Frame> {
    Frame::default().event(name).json_data(data).ok()
}
