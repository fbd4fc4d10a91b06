//! Owns the tasks of a process, and notices when one of them ends.

use std::{collections::HashMap, future::Future, sync::Arc, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Named tasks under one token. The first that ends before it was asked to cancels all others.
#[derive(Debug)]
pub struct Supervisor {
    names: HashMap<Id, Arc<str>>,
    tasks: JoinSet<Result<(), BoxError>>,
    token: CancellationToken,
}

/// A task did not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("{task} {cause}")]
pub struct ServiceFailure {
    /// The task's name.
    pub task: Arc<str>,
    /// How it failed.
    #[source]
    pub cause: Cause,
}

/// How a task failed.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It ended without an error, though nobody had asked it to.
    #[error("ended by itself")]
    EndedEarly,
    /// It ended with an error.
    #[error("failed")]
    Failed(#[source] BoxError),
    /// It panicked. The panic's text is not kept: it can quote what the task worked on.
    #[error("panicked")]
    Panicked,
    /// It did not end in time after the shutdown began, and was cut off.
    #[error("did not end within {0:?}")]
    Stuck(Duration),
}

impl Supervisor {
    /// A supervisor whose tasks are to end when `token` is cancelled.
    pub fn new(token: CancellationToken) -> Self {
        Self { names: HashMap::new(), tasks: JoinSet::new(), token }
    }

    /// Starts a task. It should end, without an error, soon after the token is cancelled, and not
    /// before.
    pub fn spawn<F, E>(&mut self, name: impl Into<Arc<str>>, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let handle = self.tasks.spawn(async move { task.await.map_err(Into::into) });
        self.names.insert(handle.id(), name.into());
    }

    /// Waits until the token is cancelled, by a task's end or from elsewhere, and then until all
    /// tasks have ended, at most `limit` longer. Reports the first failure; later ones are logged.
    pub async fn join(mut self, limit: Duration) -> Result<(), ServiceFailure> {
        let mut first = self.run().await;
        self.token.cancel();
        self.drain(limit, &mut first).await;
        first.map_or(Ok(()), Err)
    }

    /// The failure of the first task that ends, if it ends before the token is cancelled.
    async fn run(&mut self) -> Option<ServiceFailure> {
        let token = self.token.clone();
        tokio::select! {
            biased;
            () = token.cancelled() => None,
            ended = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => {
                let (task, cause) = self.verdict(ended?);
                Some(ServiceFailure { task, cause: cause.unwrap_or(Cause::EndedEarly) })
            }
        }
    }

    async fn drain(&mut self, limit: Duration, first: &mut Option<ServiceFailure>) {
        let end = Instant::now() + limit;
        while !self.tasks.is_empty() {
            let Ok(ended) = tokio::time::timeout_at(end, self.tasks.join_next_with_id()).await
            else {
                return self.cut_off(limit, first).await;
            };
            let Some(ended) = ended else { return };
            if let (task, Some(cause)) = self.verdict(ended) {
                note(ServiceFailure { task, cause }, first);
            }
        }
    }

    async fn cut_off(&mut self, limit: Duration, first: &mut Option<ServiceFailure>) {
        let mut stuck: Vec<Arc<str>> = self.names.drain().map(|(_, name)| name).collect();
        stuck.sort();
        for task in stuck {
            note(ServiceFailure { task, cause: Cause::Stuck(limit) }, first);
        }
        // A task that blocks its thread cannot be cut off; the process's end is its end, so this
        // does not wait for it.
        self.tasks.abort_all();
        tokio::task::yield_now().await;
    }

    fn verdict(&mut self, ended: Ended) -> (Arc<str>, Option<Cause>) {
        let (id, cause) = match ended {
            Ok((id, Ok(()))) => (id, None),
            Ok((id, Err(error))) => (id, Some(Cause::Failed(error))),
            Err(error) if error.is_panic() => (error.id(), Some(Cause::Panicked)),
            Err(error) => (error.id(), Some(Cause::EndedEarly)),
        };
        (self.names.remove(&id).unwrap_or_else(|| "a task".into()), cause)
    }
}

type Ended = Result<(Id, Result<(), BoxError>), JoinError>;

fn note(failure: ServiceFailure, first: &mut Option<ServiceFailure>) {
    if first.is_some() {
        tracing::warn!(task = &*failure.task, cause = %failure.cause, "failed during shutdown");
    } else {
        *first = Some(failure);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error as _,
        future::pending,
        io,
        sync::atomic::{AtomicBool, Ordering},
    };

    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);

    fn supervisor() -> (Supervisor, CancellationToken) {
        let token = CancellationToken::new();
        (Supervisor::new(token.clone()), token)
    }

    async fn until(token: CancellationToken) -> Result<(), io::Error> {
        token.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn a_shutdown_from_elsewhere_ends_all_in_peace() {
        let (mut supervisor, token) = supervisor();
        supervisor.spawn("web", until(token.clone()));
        supervisor.spawn("probe", until(token.clone()));
        let joined = tokio::spawn(supervisor.join(LIMIT));
        tokio::task::yield_now().await;
        assert!(!joined.is_finished());
        token.cancel();
        joined.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_task_that_fails_stops_the_others_and_is_named() {
        let (mut supervisor, token) = supervisor();
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stopped);
        let other = token.clone();
        supervisor.spawn("web", async move {
            other.cancelled().await;
            seen.store(true, Ordering::Relaxed);
            Ok::<(), io::Error>(())
        });
        supervisor.spawn("relay", async { Err(io::Error::other("port 8080 is taken")) });
        let failure = supervisor.join(LIMIT).await.unwrap_err();
        assert_eq!(&*failure.task, "relay");
        assert_eq!(failure.to_string(), "relay failed");
        let cause = failure.source().and_then(std::error::Error::source).unwrap();
        assert_eq!(cause.to_string(), "port 8080 is taken");
        assert!(stopped.load(Ordering::Relaxed) && token.is_cancelled());
    }

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_a_failure() {
        let (mut supervisor, token) = supervisor();
        supervisor.spawn("web", until(token.clone()));
        supervisor.spawn("probe", async { Ok::<(), io::Error>(()) });
        let failure = supervisor.join(LIMIT).await.unwrap_err();
        assert_eq!(failure.to_string(), "probe ended by itself");
        assert!(token.is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_without_its_text() {
        let (mut supervisor, token) = supervisor();
        supervisor.spawn("web", until(token));
        supervisor.spawn("agent", async {
            assert!(pending_prompt().is_empty(), "{}", pending_prompt());
            Ok::<(), io::Error>(())
        });
        let failure = supervisor.join(LIMIT).await.unwrap_err();
        assert!(matches!(failure.cause, Cause::Panicked));
        assert!(!format!("{failure} {failure:?}").contains("private"));
    }

    fn pending_prompt() -> String {
        "private words".to_owned()
    }

    #[tokio::test]
    async fn a_task_that_hangs_is_cut_off_and_named() {
        let (mut supervisor, token) = supervisor();
        supervisor.spawn("web", until(token.clone()));
        supervisor.spawn("agent", pending::<Result<(), io::Error>>());
        token.cancel();
        let failure = supervisor.join(Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(failure.to_string(), "agent did not end within 20ms");
    }

    #[tokio::test]
    async fn a_failure_during_shutdown_is_reported() {
        let (mut supervisor, token) = supervisor();
        let other = token.clone();
        supervisor.spawn("store", async move {
            other.cancelled().await;
            Err(io::Error::other("disk full"))
        });
        token.cancel();
        let failure = supervisor.join(LIMIT).await.unwrap_err();
        assert!(matches!(failure.cause, Cause::Failed(_)));
    }

    #[tokio::test]
    async fn without_tasks_there_is_nothing_to_wait_for() {
        let (supervisor, token) = supervisor();
        token.cancel();
        supervisor.join(LIMIT).await.unwrap();
    }
}
