//! The short answer to a connection for which there is no place.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::Semaphore,
};

/// Refusals that are said in words at the same time; further connections are closed at once.
const AT_ONCE: usize = 32;
const TIME: Duration = Duration::from_secs(1);
/// Bytes of a request that is not wanted.
const UNREAD_MAX: u64 = 64 * 1024;

const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    Content-Length: 44\r\n\
    Retry-After: 1\r\n\
    Connection: close\r\n\
    \r\n\
    too many connections; try again in a moment\n";

/// Says no, to few at a time: words are a courtesy, which must not cost what the bound saves.
#[derive(Debug)]
pub(super) struct Refusals(Arc<Semaphore>);

impl Refusals {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// What is left to do for a connection that is refused; `None` if it is closed already.
    pub(super) fn answer(&self, stream: TcpStream) -> Option<impl Future<Output = ()> + use<>> {
        let turn = Arc::clone(&self.0).try_acquire_owned().ok()?;
        Some(async move {
            let _turn = turn;
            let _gone_or_slow = tokio::time::timeout(TIME, answer(stream)).await;
        })
    }
}

/// Reads what the client says until it closes: closing first, with something unread, would take
/// the answer from it.
async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.write_all(ANSWER).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(UNREAD_MAX), &mut tokio::io::sink()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::ANSWER;

    #[test]
    fn the_answer_is_as_long_as_it_says() {
        let text = std::str::from_utf8(ANSWER).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())), "{}", body.len());
    }
}
