//! Any bytes to an HTTP server, and what it says to them.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Longer than any limit of a server of ours on a request.
const PATIENCE: Duration = Duration::from_mins(1);
/// No answer is read further than this.
const ANSWER_MAX: usize = 64 * 1024;

/// Sends bytes as they are and returns the status of the answer; `None` where the server closed
/// the connection without one. Panics if it does neither.
pub async fn exchange(port: u16, request: &[u8]) -> Option<u16> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let answer = async {
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        // A status is all that is wanted.
        while !answer.contains(&b'\n') && answer.len() < ANSWER_MAX {
            match reader.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
            }
        }
        status(&answer)
    };
    let write = async {
        // The server may stop listening in the middle, which is its right.
        let _ = writer.write_all(request).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answer = tokio::time::timeout(PATIENCE, answer) => {
            answer.unwrap_or_else(|_| panic!("neither an answer nor an end within {PATIENCE:?}"))
        }
        () = write => unreachable!(),
    }
}

fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}
