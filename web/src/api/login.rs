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
use zeroize::Zeroizing;

use crate::{
    app::App,
    assets,
    input::{JsonBody, Nothing},
    login::local_path,
    problem::Problem,
};

/// How the login is, and whether the asking browser has one.
#[derive(Serialize)]
pub(crate) struct Standing {
    /// `required`; `off` where the settings say so; `none` where only this machine can ask.
    login: &'static str,
    session: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Credentials {
    password: String,
}

#[derive(Default, Deserialize)]
struct Wanted {
    next: Option<String>,
}

/// `GET /api/login`.
pub(crate) async fn standing(State(app): State<App>, headers: HeaderMap) -> Json<Standing> {
    let login = app.login();
    let word = match (login.is_required(), login.is_off()) {
        (true, _) => "required",
        (false, true) => "off",
        (false, false) => "none",
    };
    Json(Standing { login: word, session: login.session(&headers).is_some() })
}

/// `POST /api/login`.
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

/// `POST /api/logout`.
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
