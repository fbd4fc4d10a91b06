//! A way to the server on which answers can be held back at a chosen moment.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// Passes everything on, until a client has said a word that was chosen; from then on nothing
/// comes back.
#[derive(Clone)]
pub struct HeldLink {
    pub url: String,
    is_armed: Arc<AtomicBool>,
    holds: Arc<AtomicBool>,
}

impl HeldLink {
    /// To a server at `nats://host:port`.
    pub async fn to(server: &str, word: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = Self {
            url: format!("nats://{}", listener.local_addr().unwrap()),
            is_armed: Arc::default(),
            holds: Arc::default(),
        };
        let (accepting, server) = (link.clone(), server.trim_start_matches("nats://").to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(&server).await else { return };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(accepting.clone().forth(from_client, to_server, word));
                tokio::spawn(accepting.clone().back(from_server, to_client));
            }
        });
        link
    }

    /// From now on it waits for the word.
    pub fn arm(&self) {
        self.is_armed.store(true, Ordering::SeqCst);
    }

    /// Whether the word has come.
    pub fn holds(&self) -> bool {
        self.holds.load(Ordering::SeqCst)
    }

    async fn forth(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, word: &'static str) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            let said = bytes[..count].windows(word.len()).any(|some| some == word.as_bytes());
            if said && self.is_armed.load(Ordering::SeqCst) {
                self.holds.store(true, Ordering::SeqCst);
            }
            if to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }

    async fn back(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            if self.holds() {
                std::future::pending::<()>().await;
            }
            if to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }
}
