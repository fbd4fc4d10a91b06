//! Every reason why the relay says no: a stable name, a title, a status.
//!
//! The names are part of the interface: a client may decide by `type`, so none is ever renamed.

use sysmaint_protocol::rest::Problem;

/// A kind of problem. What happened this time is added by [`Kind::because`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    status: u16,
    slug: &'static str,
    title: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal $slug:literal $title:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Kind =
            Kind { status: $status, slug: $slug, title: $title };)*

        /// Every kind there is, for the description of the interface.
        pub(crate) const ALL: &[Kind] = &[$($name),*];
    };
}

kinds! {
    ADMISSION_REFUSED = 403 "admission-refused" "The admission does not let the device in";
    ADMISSION_REQUIRED = 403 "admission-required" "A further device must be admitted";
    AUDIT_UNAVAILABLE = 503 "audit-unavailable" "The relay cannot write its audit";
    BODY_TOO_LARGE = 413 "body-too-large" "The body is too large";
    BROKER_REFUSED = 502 "broker-refused" "The broker refuses the envelope";
    CHALLENGE_SPENT = 403 "challenge-spent" "The challenge cannot be used";
    CODE_REFUSED = 403 "code-refused" "The one-time code cannot be used";
    CODE_REQUIRED = 403 "code-required" "A one-time code is required";
    DEVICE_REVOKED = 403 "device-revoked" "The device was revoked";
    ENVELOPE_TOO_LARGE = 413 "envelope-too-large" "The envelope is too large";
    HANDLE_TAKEN = 409 "handle-taken" "The handle belongs to another key";
    INTERNAL = 500 "internal" "The relay failed";
    INVALID_PREKEYS = 422 "invalid-prekeys" "The prekeys cannot be taken";
    INVALID_REGISTRATION = 422 "invalid-registration" "The registration cannot be taken";
    INVALID_REQUEST = 400 "invalid-request" "The request is not valid";
    LOGIN_TAKEN = 409 "login-taken" "The NATS login belongs to another device";
    MAILBOX_FULL = 507 "mailbox-full" "The recipient's mailbox is full";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "This method is not served here";
    MISMATCHED_DEVICES = 409 "mismatched-devices" "Not the recipient's devices";
    NO_PREKEYS = 404 "no-prekeys" "No device of this identity has prekeys";
    NOT_A_WEBSOCKET = 426 "not-a-websocket" "A WebSocket is served here";
    NOT_AN_ENVELOPE = 422 "not-an-envelope" "Not a sealed message";
    NOT_DELIVERED = 409 "not-delivered" "Not a delivery of this connection";
    NOT_FOUND = 404 "not-found" "Nothing is served here";
    NOT_JSON = 415 "not-json" "The content type must be JSON";
    OPERATORS_ONLY = 403 "operators-only" "For operators only";
    OTHER_DEVICE = 403 "other-device" "The token is another device's";
    OTHER_TRANSPORT = 409 "other-transport" "The device reads its mailbox over NATS";
    RATE_LIMITED = 429 "rate-limited" "Too often";
    SLOW_REQUEST = 408 "slow-request" "The request came too slowly";
    STALE_DEVICES = 410 "stale-devices" "Devices were registered anew";
    TOO_MANY_ADMISSIONS = 409 "too-many-admissions" "Too many admitted devices have not registered";
    TOO_MANY_PREKEYS = 409 "too-many-prekeys" "The directory holds enough prekeys";
    TOO_MANY_SOCKETS = 503 "too-many-sockets" "No room for another connection";
    TRANSPORT_FIXED = 409 "transport-fixed" "A device keeps its transport";
    UNAUTHENTICATED = 401 "unauthenticated" "A valid token is required";
    UNAVAILABLE = 503 "unavailable" "The relay cannot reach its broker";
    UNCONFIRMED = 503 "unconfirmed" "The broker did not confirm";
    UNKNOWN_IDENTITY = 404 "unknown-identity" "Nobody has this handle";
    WRONG_SIGNATURE = 403 "wrong-signature" "The signature is wrong";
}

impl Kind {
    /// The HTTP status.
    pub(crate) const fn status(self) -> u16 {
        self.status
    }

    /// The end of its `type`.
    pub(crate) const fn slug(self) -> &'static str {
        self.slug
    }

    /// What it is, in words.
    pub(crate) const fn title(self) -> &'static str {
        self.title
    }

    /// The `type` by which clients know it.
    pub(crate) fn urn(self) -> String {
        format!("urn:sysmaint:{}", self.slug)
    }

    /// The problem itself. The detail says what happened and what to do; it never quotes a token,
    /// a code or a key.
    pub(crate) fn because(self, detail: impl Into<String>) -> Problem {
        Problem {
            kind: self.urn(),
            title: self.title.to_owned(),
            status: self.status,
            detail: detail.into(),
        }
    }
}

/// The registry could not be asked. The cause goes to the log, not to whoever asks.
pub(crate) fn unavailable(error: impl std::error::Error) -> Problem {
    tracing::warn!("the registry could not be used");
    // The broker's words may name a subject, and so a handle.
    tracing::debug!(%error, "why the registry could not be used");
    UNAVAILABLE.because("the relay's store did not answer; try again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_an_error_status() {
        let mut slugs: Vec<_> = ALL.iter().map(|kind| kind.slug).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), ALL.len());
        assert!(ALL.iter().all(|kind| (400..600).contains(&kind.status)));
    }

    #[test]
    fn a_problem_is_what_rfc_9457_says() {
        let problem = HANDLE_TAKEN.because("why");
        let json = serde_json::to_value(problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:sysmaint:handle-taken",
                "title": "The handle belongs to another key",
                "status": 409,
                "detail": "why",
            })
        );
    }
}
