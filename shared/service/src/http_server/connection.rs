//! One connection, from its handshake to its last answer.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{Request, Response, StatusCode},
};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{
    Limits,
    gate::Place,
    stats::{Outcome, Stats},
    tls::Tls,
    transport::Transport,
    wire::{Phase, Wire},
};

/// What all connections of a listener share.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) router: Router,
    pub(super) limits: Limits,
    pub(super) stats: Arc<Stats>,
    pub(super) tls: Option<Arc<Tls>>,
    /// Asks connections to end after what they are doing.
    pub(super) stop: CancellationToken,
    /// Ends them where they are.
    pub(super) cut: CancellationToken,
}

/// Serves one connection until its client, the shutdown or its own slowness ends it.
pub(super) async fn serve(
    serving: Arc<Serving>,
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
) {
    // Answers are small; waiting to fill a packet only delays them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let Some(transport) = shake_hands(&serving, stream).await else { return };
    let (phase, stats) = (Arc::new(Phase::new()), Arc::clone(&serving.stats));
    let shared = (Arc::clone(&phase), stats);
    let wire = Wire::new(transport, place, shared, &serving.limits, serving.cut.clone());
    let service = service_fn(|request| answer(&serving, &phase, peer, request));
    let mut connection = std::pin::pin!(
        http1::Builder::new()
            // The wire keeps time: hyper's clock does not tell a slow client from an idle one.
            .header_read_timeout(None)
            .max_headers(serving.limits.headers)
            .max_header_size(serving.limits.header_bytes)
            .serve_connection(TokioIo::new(wire), service)
            .with_upgrades()
    );
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = serving.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        if error.is_parse() {
            serving.stats.count(Outcome::Malformed);
        }
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The bytes to speak HTTP on, if there are any.
async fn shake_hands(serving: &Serving, stream: TcpStream) -> Option<Transport> {
    let Some(tls) = &serving.tls else { return Some(Transport::Plain(stream)) };
    let handshake = tls.accept(stream);
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(serving.limits.header_time, handshake) => shaken,
        () = serving.stop.cancelled() => return None,
    };
    if let Ok(Ok(stream)) = shaken {
        return Some(Transport::Tls(Box::new(stream)));
    }
    serving.stats.count(Outcome::TlsFailed);
    if let Ok(Err(error)) = shaken {
        tracing::debug!(%error, "no tls handshake");
    }
    None
}

async fn answer(
    serving: &Serving,
    phase: &Arc<Phase>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    phase.busy();
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = match serving.router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let goes_on = response.status() != StatusCode::SWITCHING_PROTOCOLS;
    if !goes_on {
        phase.socket();
        serving.stats.socket_opened();
    }
    let phase = goes_on.then(|| Arc::clone(phase));
    Ok(response.map(|body| Answer { body, phase }))
}

/// An answer's body. Its end is the beginning of the wait for the next request.
#[derive(Debug)]
struct Answer {
    body: Body,
    phase: Option<Arc<Phase>>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(phase) = &self.phase {
            phase.idle();
        }
    }
}
