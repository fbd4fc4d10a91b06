//! The documented calls: each reads its input, asks the directory or the post, and answers.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{
        StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use sysmaint_bus::DirectoryHandler as _;
use sysmaint_protocol::{
    Handle,
    rest::{
        Bundle, Challenge, ChallengeRequest, DeliveryCertificate, PrekeyCount, PrekeyUpload,
        RegisterRequest, SendAccepted, SendRequest, TrustRoot,
    },
    subject::Mailbox,
};

use super::{
    App,
    admission::From,
    auth::{Authenticated, Sender},
    failure::Failure,
    input::{InvalidInput, JsonInput},
};
use crate::{Origin, delivery::Undelivered, problem::INVALID_REQUEST};

const HOME: &str = "\
This is a sysmaint relay. It keeps public keys and carries sealed messages; it cannot read them.

GET  /health                   is it ready
POST /v1/register/challenge    a nonce to sign
POST /v1/register              bind a handle to a key; the answer has the token for the rest
POST /v1/prekeys               upload prekeys
GET  /v1/prekeys/{id}          what opens a session with somebody
POST /v1/messages              send sealed messages
GET  /v1/certificate/delivery  a sender certificate
GET  /v1/certificate/root      what certificates chain to
GET  /source                   the complete source of this program
";

pub(super) async fn home() -> &'static str {
    HOME
}

pub(super) async fn source(State(app): State<App>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/gzip"),
        (CONTENT_DISPOSITION, "attachment; filename=\"sysmaint-source.tar.gz\""),
    ];
    (headers, app.source).into_response()
}

pub(super) async fn challenge(
    From(peer): From,
    State(app): State<App>,
    JsonInput(request): JsonInput<ChallengeRequest>,
) -> Result<Json<Challenge>, Failure> {
    if let Some(peer) = peer {
        app.limits.challenge(peer)?;
    }
    let own = Mailbox::new(request.identity, request.device_id);
    Ok(Json(app.directory.challenge(&own).await?))
}

pub(super) async fn register(
    origin: Origin,
    From(peer): From,
    State(app): State<App>,
    JsonInput(request): JsonInput<RegisterRequest>,
) -> Result<Response, Failure> {
    if let Some(peer) = peer {
        app.limits.registration(peer)?;
    }
    let (new, registered) = app.directory.register_from(origin, &request).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(registered)).into_response())
}

pub(super) async fn upload_prekeys(
    Authenticated(own): Authenticated,
    State(app): State<App>,
    JsonInput(upload): JsonInput<PrekeyUpload>,
) -> Result<Json<PrekeyCount>, Failure> {
    Ok(Json(app.directory.upload_prekeys(&own, &upload).await?))
}

pub(super) async fn prekey_count(
    Authenticated(own): Authenticated,
    State(app): State<App>,
) -> Result<Json<PrekeyCount>, Failure> {
    Ok(Json(app.directory.prekey_count(&own).await?))
}

pub(super) async fn bundle(
    Authenticated(own): Authenticated,
    State(app): State<App>,
    target: Result<Path<Handle>, PathRejection>,
) -> Result<Json<Bundle>, Failure> {
    let Path(target) = target.map_err(|_| {
        let detail = "the path ends in a handle: 1 to 63 of a-z, 0-9, '-' and '_', starting with \
            a letter or digit";
        INVALID_REQUEST.because(detail)
    })?;
    Ok(Json(app.directory.take_bundle(&own.handle, &target).await?))
}

pub(super) async fn send(
    _: Sender,
    State(app): State<App>,
    input: Result<JsonInput<SendRequest>, InvalidInput>,
) -> Result<(StatusCode, Json<SendAccepted>), Failure> {
    let JsonInput(request) = input.map_err(|invalid| unread(&app, invalid))?;
    let accepted = app.post.deliver(request).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

pub(super) async fn certificate(
    Authenticated(own): Authenticated,
    State(app): State<App>,
) -> Result<Json<DeliveryCertificate>, Failure> {
    Ok(Json(app.directory.certificate(&own).await?))
}

pub(super) async fn trust_root(State(app): State<App>) -> Json<TrustRoot> {
    Json(TrustRoot { trust_root: app.directory.trust_root().into() })
}

/// Text where an envelope should be is refused like any other plaintext, even if it is not base64.
fn unread(app: &App, invalid: InvalidInput) -> Failure {
    match invalid {
        InvalidInput::Field { path, expected } if path.ends_with(".envelope") => {
            let undelivered = Undelivered::not_an_envelope(format!("{path}: {expected}"));
            if let Some(event) = undelivered.event() {
                app.counters.count(event);
            }
            undelivered.into()
        }
        other => other.into(),
    }
}
