//! The way to a relay from anywhere: HTTPS and WebSocket, and nothing but outgoing connections.
//!
//! A client knows one or more bridges of one relay. Each serves everybody, so when one cannot be
//! reached the next is asked.

mod address;
mod call;
mod tls;

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use reqwest::redirect;
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::watch;

pub use address::{InvalidRelayUrl, RelayUrl};
pub(crate) use call::Asker;
pub use tls::TlsError;

/// How long a connection may take to be there.
pub(crate) const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a call may take in all; an upload of prekeys has half a megabyte.
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// Where a relay is, and what is needed to reach it.
#[derive(Clone, Debug)]
pub struct RelayClientConfig {
    /// Its bridges, at least one; the first is asked first.
    pub urls: Vec<RelayUrl>,
    /// Further roots for TLS beside the system's: a PEM file.
    pub ca_file: Option<PathBuf>,
    /// A one-time code, shown with each registration.
    pub code: Option<SecretString>,
}

/// A client that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum RelayClientError {
    /// No bridge is named.
    #[error("no address of a relay is given")]
    NoAddress,
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The HTTP client cannot be set up.
    #[error("the http client cannot be set up: {0}")]
    Http(String),
}

/// One device's way to its relay. Clones share connections, the token, and which bridge answers.
#[derive(Clone)]
pub struct RelayClient {
    inner: Arc<Inner>,
}

struct Inner {
    urls: Vec<RelayUrl>,
    /// Grows; modulo the number of bridges it is the one to ask.
    current: AtomicUsize,
    http: reqwest::Client,
    tls: Arc<ClientConfig>,
    code: Option<SecretString>,
    token: watch::Sender<Option<Token>>,
}

/// A bearer token; equal only to clones of itself.
#[derive(Clone)]
pub(crate) struct Token(Arc<SecretString>);

impl Token {
    pub(crate) fn as_str(&self) -> &str {
        self.0.expose_secret()
    }
}

impl RelayClient {
    /// Connects to nothing yet.
    pub fn new(config: RelayClientConfig) -> Result<Self, RelayClientError> {
        let RelayClientConfig { urls, ca_file, code } = config;
        if urls.is_empty() {
            return Err(RelayClientError::NoAddress);
        }
        for url in urls.iter().filter(|url| !url.is_private()) {
            tracing::warn!(%url, "the relay is reached without tls: messages stay sealed, but the \
                token and who talks to whom can be read on the way; use https");
        }
        let secure = urls.iter().any(RelayUrl::is_secure);
        let tls = Arc::new(tls::config(secure, ca_file.as_deref())?);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(ClientConfig::clone(&tls))
            .redirect(redirect::Policy::none())
            // The WebSocket goes straight too.
            .no_proxy()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(CALL_WITHIN)
            .user_agent(concat!("sysmaint/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| RelayClientError::Http(error.to_string()))?;
        let (current, token) = (AtomicUsize::new(0), watch::Sender::new(None));
        Ok(Self { inner: Arc::new(Inner { urls, current, http, tls, code, token }) })
    }

    /// The bridge to ask, and a mark for [`Self::pass_over`].
    pub(crate) fn bridge(&self) -> (&RelayUrl, usize) {
        let mark = self.inner.current.load(Ordering::Relaxed);
        (&self.inner.urls[mark % self.inner.urls.len()], mark)
    }

    /// Asks the next bridge from now on, unless somebody has noticed before.
    pub(crate) fn pass_over(&self, mark: usize) {
        let next = mark.wrapping_add(1);
        let _noticed =
            self.inner.current.compare_exchange(mark, next, Ordering::Relaxed, Ordering::Relaxed);
    }

    pub(crate) fn tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.inner.tls)
    }

    /// Shows this token from now on.
    pub(crate) fn authorize(&self, token: Option<&str>) {
        let token = token.map(|token| Token(Arc::new(SecretString::from(token))));
        self.inner.token.send_replace(token);
    }

    /// The relay does not know this token any more.
    pub(crate) fn token_refused(&self, refused: &Token) {
        self.inner.token.send_if_modified(|current| {
            let same = current.as_ref().is_some_and(|token| Arc::ptr_eq(&token.0, &refused.0));
            if same {
                *current = None;
            }
            same
        });
    }

    /// The token, once there is one.
    pub(crate) async fn token(&self) -> Token {
        let mut token = self.inner.token.subscribe();
        loop {
            if let Some(token) = token.borrow_and_update().clone() {
                return token;
            }
            // The sender lives in this client.
            let _ = token.changed().await;
        }
    }

    /// Returns once there is no token.
    pub(crate) async fn unauthorized(&self) {
        let mut token = self.inner.token.subscribe();
        // The sender lives in this client.
        let _ = token.wait_for(Option::is_none).await;
    }
}

impl std::fmt::Debug for RelayClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("RelayClient")
            .field("urls", &self.inner.urls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(urls: &[&str]) -> RelayClient {
        let urls = urls.iter().map(|url| url.parse().unwrap()).collect();
        RelayClient::new(RelayClientConfig { urls, ca_file: None, code: None }).unwrap()
    }

    #[test]
    fn of_many_that_notice_a_dead_bridge_one_moves_on() {
        let client = client(&["http://127.0.0.1:1", "http://127.0.0.1:2"]);
        let (first, mark) = client.bridge();
        client.pass_over(mark);
        client.pass_over(mark);
        let (second, mark) = client.bridge();
        assert_ne!(first, second);
        client.pass_over(mark);
        assert_eq!(client.bridge().0, first);
    }

    #[tokio::test]
    async fn a_late_refusal_of_an_old_token_leaves_the_new_one() {
        let client = client(&["http://127.0.0.1:1"]);
        client.authorize(Some("old"));
        let old = client.token().await;
        client.authorize(Some("new"));
        client.token_refused(&old);
        let new = client.token().await;
        assert_eq!(new.as_str(), "new");
        client.token_refused(&new);
        client.unauthorized().await;
    }

    #[test]
    fn nothing_secret_is_printed() {
        let client = client(&["https://relay.example"]);
        client.authorize(Some("hunter2"));
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
