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
use sysmaint_bus::DirectoryHandler;
use sysmaint_protocol::{
    Handle,
    rest::{
        AdmitRequest, Admitted, Bundle, Challenge, ChallengeRequest, DeliveryCertificate,
        PrekeyCount, PrekeyStock, PrekeyUpload, Problem, RegisterRequest, Registered, Roster,
        SendAccepted, SendRequest, TrustRoot,
    },
    subject::Mailbox,
};

use super::{
    App,
    admission::Registrant,
    auth::{Authenticated, Sender},
    failure::Failure,
    input::{InvalidInput, JsonInput},
    openapi::{
        ANY, BODY, CERTIFICATES, DOCUMENTS, MESSAGES, PREKEYS, REGISTRATION, TOKEN, problems,
    },
};
use crate::{
    Origin,
    delivery::Undelivered,
    problem::{
        ADMISSION_REFUSED, ADMISSION_REQUIRED, AUDIT_UNAVAILABLE, BROKER_REFUSED, CHALLENGE_SPENT,
        CODE_REFUSED, CODE_REQUIRED, DEVICE_REVOKED, ENVELOPE_TOO_LARGE, HANDLE_TAKEN,
        INVALID_PREKEYS, INVALID_REGISTRATION, INVALID_REQUEST, LOGIN_TAKEN, MAILBOX_FULL,
        MISMATCHED_DEVICES, NO_PREKEYS, NOT_AN_ENVELOPE, STALE_DEVICES, TOO_MANY_ADMISSIONS,
        TOO_MANY_PREKEYS, TRANSPORT_FIXED, UNCONFIRMED, UNKNOWN_IDENTITY, WRONG_SIGNATURE,
    },
};

problems! {
    AdmitProblems = ANY, BODY, TOKEN, &[
        ADMISSION_REFUSED, DEVICE_REVOKED, TOO_MANY_ADMISSIONS, UNKNOWN_IDENTITY,
    ];
    BundleProblems = ANY, TOKEN, &[
        AUDIT_UNAVAILABLE, INVALID_REQUEST, NO_PREKEYS, UNKNOWN_IDENTITY,
    ];
    CertificateProblems = ANY, TOKEN, &[AUDIT_UNAVAILABLE, UNKNOWN_IDENTITY];
    ChallengeProblems = ANY, BODY;
    CountProblems = ANY, TOKEN;
    DevicesProblems = ANY, TOKEN, &[INVALID_REQUEST, UNKNOWN_IDENTITY];
    OpenProblems = ANY;
    RegisterProblems = ANY, BODY, &[
        ADMISSION_REFUSED, ADMISSION_REQUIRED, AUDIT_UNAVAILABLE, CHALLENGE_SPENT, CODE_REFUSED, CODE_REQUIRED,
        DEVICE_REVOKED, HANDLE_TAKEN, INVALID_REGISTRATION, LOGIN_TAKEN, TRANSPORT_FIXED,
        WRONG_SIGNATURE,
    ];
    SendProblems = ANY, BODY, TOKEN, &[
        AUDIT_UNAVAILABLE, BROKER_REFUSED, ENVELOPE_TOO_LARGE, MAILBOX_FULL, MISMATCHED_DEVICES,
        NOT_AN_ENVELOPE,
        STALE_DEVICES, UNCONFIRMED, UNKNOWN_IDENTITY,
    ];
    UploadProblems = ANY, BODY, TOKEN, &[
        AUDIT_UNAVAILABLE, INVALID_PREKEYS, TOO_MANY_PREKEYS, UNKNOWN_IDENTITY,
    ];
}

const HOME: &str = "\
This is a sysmaint relay. It keeps public keys and carries sealed messages; it cannot read them.

GET  /health                   is it ready
POST /v1/register/challenge    a nonce to sign
POST /v1/register              bind a handle to a key; the answer has the token for the rest
POST /v1/prekeys               upload prekeys
GET  /v1/prekeys/{id}          what opens a session with somebody
GET  /v1/devices/{id}          somebody's devices
POST /v1/admissions            let a further device of yours register
POST /v1/messages              send sealed messages
GET  /v1/certificate/delivery  a sender certificate
GET  /v1/certificate/root      what certificates chain to
GET  /ws?client_id=            read a mailbox by WebSocket, and send
GET  /source                   the complete source of this program
GET  /docs                     all calls, to read; /openapi.json for programs
";

/// The calls in words
#[utoipa::path(
    get,
    path = "/",
    operation_id = "getHome",
    tag = DOCUMENTS,
    responses((status = 200, description = "A few lines of text.", body = String), OpenProblems),
)]
pub(super) async fn home() -> &'static str {
    HOME
}

/// The complete source of the running program
///
/// A gzipped tar archive. The licence of a part of the program grants it to whoever uses the
/// program over a network.
#[utoipa::path(
    get,
    path = "/source",
    operation_id = "getSource",
    tag = DOCUMENTS,
    responses(
        (
            status = 200,
            description = "The archive.",
            content(("application/gzip")),
            headers(("Content-Disposition" = String, description = "A name to save it under.")),
        ),
        OpenProblems,
    ),
)]
pub(super) async fn source(State(app): State<App>) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/gzip"),
        (CONTENT_DISPOSITION, "attachment; filename=\"sysmaint-source.tar.gz\""),
    ];
    (headers, app.source).into_response()
}

/// Ask for a nonce to sign
///
/// It is good for one registration of this handle and device, for 60 seconds.
#[utoipa::path(
    post,
    path = "/v1/register/challenge",
    operation_id = "requestChallenge",
    tag = REGISTRATION,
    request_body = ChallengeRequest,
    responses((status = 200, description = "The nonce.", body = Challenge), ChallengeProblems),
)]
pub(super) async fn challenge(
    Registrant(peer): Registrant,
    State(app): State<App>,
    JsonInput(request): JsonInput<ChallengeRequest>,
) -> Result<Json<Challenge>, Failure> {
    if let Some(peer) = peer {
        app.limits.challenge(peer)?;
    }
    let own = Mailbox::new(request.identity, request.device_id);
    Ok(Json(app.directory.challenge(&own).await?))
}

/// Bind a handle and a device to a key
///
/// The signature is XEdDSA by the identity key over: the text `sysmaint-register-v1`, a zero byte,
/// the nonce (32 bytes), the length of the handle (one byte) and the handle, the service id (16
/// bytes), the device id (one byte), the registration id (4 bytes, big-endian) and the identity
/// key (33 bytes).
///
/// The same key may register again, with a new nonce: it gets a new token, and the old one is
/// worthless. Another key gets the handle only when all of its devices were revoked, and then
/// under another service id. From elsewhere than the relay's own machine a one-time code is
/// needed.
///
/// A further device of a handle has its service id, a number that none has had, and the admission
/// of one that is registered: XEdDSA by that one's identity key over the text
/// `sysmaint-admission-v1`, a zero byte, its number (one byte), the service id (16 bytes), and the
/// further device's number (one byte) and identity key (33 bytes). It is sent with the
/// registration, or was handed in before; no code is needed then.
#[utoipa::path(
    post,
    path = "/v1/register",
    operation_id = "registerDevice",
    tag = REGISTRATION,
    request_body = RegisterRequest,
    responses(
        (status = 200, description = "The device was registered before.", body = Registered),
        (status = 201, description = "The device is new.", body = Registered),
        RegisterProblems,
    ),
)]
pub(super) async fn register(
    origin: Origin,
    Registrant(peer): Registrant,
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

/// Upload prekeys
///
/// The signed prekey and the last-resort Kyber prekey replace their predecessors, one-time prekeys
/// are added. Every signature is checked, and either all are taken or none. At most 512 KiB, 100
/// one-time prekeys of a kind at once, 500 kept.
#[utoipa::path(
    post,
    path = "/v1/prekeys",
    operation_id = "uploadPrekeys",
    tag = PREKEYS,
    request_body = PrekeyUpload,
    security(("device" = [])),
    responses((status = 200, description = "How many are there now.", body = PrekeyCount), UploadProblems),
)]
pub(super) async fn upload_prekeys(
    Authenticated(own): Authenticated,
    State(app): State<App>,
    JsonInput(upload): JsonInput<PrekeyUpload>,
) -> Result<Json<PrekeyCount>, Failure> {
    Ok(Json(app.directory.upload_prekeys(&own, &upload).await?))
}

/// How many one-time prekeys of the device are left, and which standing ones are served
#[utoipa::path(
    get,
    path = "/v1/prekeys/count",
    operation_id = "countPrekeys",
    tag = PREKEYS,
    security(("device" = [])),
    responses((status = 200, description = "The numbers.", body = PrekeyStock), CountProblems),
)]
pub(super) async fn prekey_stock(
    Authenticated(own): Authenticated,
    State(app): State<App>,
) -> Result<Json<PrekeyStock>, Failure> {
    Ok(Json(app.directory.prekey_stock(&own).await?))
}

/// Take what opens a session with somebody
///
/// Of each device one one-time prekey of each kind is taken out and never given to anybody else.
/// Check the certificate under the trust root that you have pinned before you use a key.
#[utoipa::path(
    get,
    path = "/v1/prekeys/{id}",
    operation_id = "takeBundle",
    tag = PREKEYS,
    params(("id" = Handle, Path, description = "The other side's handle.")),
    security(("device" = [])),
    responses((status = 200, description = "The keys of every device.", body = Bundle), BundleProblems),
)]
pub(super) async fn bundle(
    Authenticated(own): Authenticated,
    State(app): State<App>,
    target: Result<Path<Handle>, PathRejection>,
) -> Result<Json<Bundle>, Failure> {
    let target = named(target)?;
    Ok(Json(app.directory.take_bundle(&own.handle, &target).await?))
}

/// Who belongs to a handle
///
/// Takes no prekey of anybody. Check each certificate under the trust root that you have pinned,
/// and believe a further device only if the chain of admissions leads to it from one whose key you
/// know.
#[utoipa::path(
    get,
    path = "/v1/devices/{id}",
    operation_id = "listDevices",
    tag = PREKEYS,
    params(("id" = Handle, Path, description = "The other side's handle.")),
    security(("device" = [])),
    responses((status = 200, description = "Its devices.", body = Roster), DevicesProblems),
)]
pub(super) async fn devices(
    _: Authenticated,
    State(app): State<App>,
    target: Result<Path<Handle>, PathRejection>,
) -> Result<Json<Roster>, Failure> {
    let target = named(target)?;
    Ok(Json(DirectoryHandler::devices(&app.directory, &target).await?))
}

/// Let a further device of your handle register
///
/// The admission is by the device that asks. It waits for the further device for a day, eight of a
/// handle at once.
#[utoipa::path(
    post,
    path = "/v1/admissions",
    operation_id = "admitDevice",
    tag = REGISTRATION,
    request_body = AdmitRequest,
    security(("device" = [])),
    responses((status = 200, description = "It may register.", body = Admitted), AdmitProblems),
)]
pub(super) async fn admit(
    Authenticated(own): Authenticated,
    State(app): State<App>,
    JsonInput(request): JsonInput<AdmitRequest>,
) -> Result<Json<Admitted>, Failure> {
    Ok(Json(app.directory.admit(&own, &request).await?))
}

/// Send a sealed message to all devices of somebody
///
/// One envelope for each of the recipient's devices: all are stored, or none. Repeat a request
/// with the same ids and bytes when you saw no answer: a second copy vanishes.
///
/// An envelope has at most 96 KiB and the shape of a sealed sender message; nothing else is
/// carried. A mailbox holds 1000 messages for 30 days.
#[utoipa::path(
    post,
    path = "/v1/messages",
    operation_id = "sendMessages",
    tag = MESSAGES,
    request_body = SendRequest,
    security(("device" = [])),
    responses((status = 202, description = "All are stored.", body = SendAccepted), SendProblems),
)]
pub(super) async fn send(
    _: Sender,
    State(app): State<App>,
    input: Result<JsonInput<SendRequest>, InvalidInput>,
) -> Result<(StatusCode, Json<SendAccepted>), Failure> {
    let JsonInput(request) = input.map_err(|invalid| unread(&app, invalid))?;
    let accepted = app.post.deliver(request).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// A fresh sender certificate for the device
///
/// It goes inside every seal and is good for seven days; renew it daily.
#[utoipa::path(
    get,
    path = "/v1/certificate/delivery",
    operation_id = "renewCertificate",
    tag = CERTIFICATES,
    security(("device" = [])),
    responses(
        (status = 200, description = "The certificate.", body = DeliveryCertificate),
        CertificateProblems,
    ),
)]
pub(super) async fn certificate(
    Authenticated(own): Authenticated,
    State(app): State<App>,
) -> Result<Json<DeliveryCertificate>, Failure> {
    Ok(Json(app.directory.certificate(&own).await?))
}

/// What certificates chain to
///
/// To be compared with the trust root that you got another way. Whoever fetches and believes it
/// has nothing to compare.
#[utoipa::path(
    get,
    path = "/v1/certificate/root",
    operation_id = "getTrustRoot",
    tag = CERTIFICATES,
    responses((status = 200, description = "The public key.", body = TrustRoot), OpenProblems),
)]
pub(super) async fn trust_root(State(app): State<App>) -> Json<TrustRoot> {
    Json(TrustRoot { trust_root: app.directory.trust_root().into() })
}

/// The handle that a path ends in.
fn named(target: Result<Path<Handle>, PathRejection>) -> Result<Handle, Problem> {
    target.map(|Path(target)| target).map_err(|_| {
        let detail = "the path ends in a handle: 1 to 63 of a-z, 0-9, '-' and '_', starting with \
            a letter or digit";
        INVALID_REQUEST.because(detail)
    })
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
