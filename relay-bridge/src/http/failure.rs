//! Problems as HTTP answers, with what certain statuses add.

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use sysmaint_protocol::rest::{MismatchedDevices, Problem, StaleDevices};

use crate::{delivery::Undelivered, directory::NoBundle, limits::Limited};

/// An error on its way out: `application/problem+json`.
#[derive(Debug)]
pub(crate) struct Failure {
    problem: Problem,
    extension: Option<Extension>,
    limited: Option<Limited>,
}

/// Members that a problem has beyond RFC 9457's own.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Extension {
    Mismatched(MismatchedDevices),
    Stale(StaleDevices),
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(flatten)]
    problem: &'a Problem,
    #[serde(flatten)]
    extension: Option<&'a Extension>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self { problem, extension: None, limited: None }
    }
}

impl From<Undelivered> for Failure {
    fn from(undelivered: Undelivered) -> Self {
        let problem = undelivered.problem();
        let extension = match undelivered {
            Undelivered::Mismatched(lists) => Some(Extension::Mismatched(lists)),
            Undelivered::Problem(_) => None,
            Undelivered::Stale(list) => Some(Extension::Stale(list)),
        };
        Self { problem, extension, limited: None }
    }
}

impl From<Limited> for Failure {
    fn from(limited: Limited) -> Self {
        Self { problem: limited.problem(), extension: None, limited: Some(limited) }
    }
}

impl From<NoBundle> for Failure {
    fn from(none: NoBundle) -> Self {
        match none {
            NoBundle::Limited(limited) => limited.into(),
            NoBundle::Problem(problem) => problem.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { problem, extension, limited } = self;
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = Body { problem: &problem, extension: extension.as_ref() };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"sysmaint\"");
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        let unavailable = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        if let Some(seconds) = limited.map(Limited::seconds).or(unavailable) {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(limited) = limited {
            response.extensions_mut().insert(limited);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use sysmaint_protocol::DeviceId;

    use super::*;
    use crate::problem::{UNAUTHENTICATED, UNCONFIRMED};

    fn header(response: &Response, name: axum::http::HeaderName) -> Option<&str> {
        response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    #[test]
    fn device_lists_stand_beside_the_problems_own_members() {
        let lists =
            MismatchedDevices { missing_devices: vec![DeviceId::FIRST], extra_devices: Vec::new() };
        let failure = Failure::from(Undelivered::Mismatched(lists));
        let body = Body { problem: &failure.problem, extension: failure.extension.as_ref() };
        let json = serde_json::to_value(body).unwrap();
        assert_eq!(json["type"], "urn:sysmaint:mismatched-devices");
        assert_eq!(json["missing_devices"], serde_json::json!([1]));
        assert_eq!(json["extra_devices"], serde_json::json!([]));
    }

    #[test]
    fn a_status_brings_the_headers_that_belong_to_it() {
        let refused = Failure::from(UNAUTHENTICATED.because("")).into_response();
        assert_eq!(header(&refused, WWW_AUTHENTICATE), Some("Bearer realm=\"sysmaint\""));
        assert_eq!(header(&refused, CONTENT_TYPE), Some("application/problem+json"));
        assert_eq!(header(&refused, RETRY_AFTER), None);
        let later = Failure::from(UNCONFIRMED.because("")).into_response();
        assert_eq!(header(&later, RETRY_AFTER), Some("1"));
    }
}
