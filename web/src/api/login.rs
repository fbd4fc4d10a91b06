//! Logging in and out.

use axum::{
    Json,
    extract::{Query, Request, State},
    http::{
        HeaderMap, StatusCode, Uri,
        header::{LOCATION, SET_COOKIE},
    },
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use sysmaint_service::http_server::Peer;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::openapi::{ANY, API, BODY, LOGIN, problems};
use crate::{
    app::App,
    assets,
    input::{JsonBody, Nothing},
    login::local_path,
    problem::{NOT_FOUND, Problem, RATE_LIMITED, WRONG_PASSWORD},
};

problems! {
    EnterProblems = ANY, API, BODY, &[NOT_FOUND, RATE_LIMITED, WRONG_PASSWORD];
    LeaveProblems = ANY, API, BODY;
    StandingProblems = ANY, API;
}

/// How the login is, and whether the asking browser has one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    login: Asked,
    /// Whether the request came with a session.
    session: bool,
}

/// Whether a login is asked for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Asked {
    /// It is.
    Required,
    /// The settings say that it is not.
    Off,
    /// Only this machine can ask.
    None,
}

/// What opens a session.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The server's one password.
    #[schema(format = Password)]
    password: String,
}

#[derive(Default, Deserialize)]
struct Wanted {
    next: Option<String>,
}

/// Whether a login is asked for, and whether there is one
#[utoipa::path(
    get,
    path = "/api/login",
    operation_id = "getStanding",
    tag = LOGIN,
    responses((status = 200, description = "How it is.", body = Standing), StandingProblems),
)]
pub(crate) async fn standing(State(app): State<App>, headers: HeaderMap) -> Json<Standing> {
    let login = app.login();
    let asked = match (login.is_required(), login.is_off()) {
        (true, _) => Asked::Required,
        (false, true) => Asked::Off,
        (false, false) => Asked::None,
    };
    Json(Standing { login: asked, session: login.session(&headers).is_some() })
}

/// Log in
#[utoipa::path(
    post,
    path = "/api/login",
    operation_id = "logIn",
    tag = LOGIN,
    request_body = Credentials,
    responses((status = 204, description = "The session is open.", headers(("Set-Cookie" = String, description = "The session's."))), EnterProblems),
)]
pub(crate) async fn enter(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    if !app.login().is_required() {
        return Err(Problem::not_found("this server asks for no login"));
    }
    let (peer, headers) = (Peer::of(request.extensions()), request.headers().clone());
    let JsonBody(Credentials { password }) = JsonBody::read(request).await?;
    let password = Zeroizing::new(password);
    let cookie = app.login().enter(peer, &headers, password).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// Log out
///
/// The session ends, and its streams.
#[utoipa::path(
    post,
    path = "/api/logout",
    operation_id = "logOut",
    tag = LOGIN,
    request_body = Nothing,
    responses((status = 204, description = "There is no session any more.", headers(("Set-Cookie" = String, description = "Takes the session's away."))), LeaveProblems),
)]
pub(crate) async fn leave(
    State(app): State<App>,
    headers: HeaderMap,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Response {
    let cookie = app.login().leave(&headers);
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response()
}

/// `GET /login`: the page, or what is behind it for whoever needs no login now.
pub(crate) async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let login = app.login();
    if login.is_required() && login.session(&headers).is_none() {
        return assets::page(uri, headers).await;
    }
    let wanted = Query::<Wanted>::try_from_uri(&uri).map(|Query(wanted)| wanted);
    let next = wanted.unwrap_or_default().next.unwrap_or_default();
    let next = local_path(&next).filter(|path| !path.starts_with("/login")).unwrap_or("/");
    (StatusCode::SEE_OTHER, [(LOCATION, next.to_owned())]).into_response()
}
