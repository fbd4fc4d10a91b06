//! Waiting for conditions, never for time.

use std::time::{Duration, Instant};

/// Long enough for a busy machine; a passing test rarely needs a tenth of it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again and again until there is an answer, and returns it.
pub async fn eventually<T>(what: &str, ask: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, ask).await
}

/// The same with a patience of its own.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: not within {patience:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
