//! The WebSocket in the document, as far as OpenAPI has words for one.

use super::{ANY, MESSAGES, TOKEN, problems};
use crate::problem::INVALID_REQUEST;

problems! { SocketProblems = ANY, TOKEN, &[INVALID_REQUEST]; }

/// Read a mailbox, and send
///
/// A WebSocket with one JSON object in each text message: `ServerFrame` from the relay,
/// `ClientFrame` to it.
///
/// The relay delivers what waits in the device's mailbox, oldest first, and goes on with what
/// arrives. What is not acknowledged with `ack` is delivered again on the next connection, so
/// store first and acknowledge then; `acked` says that it is gone from the relay. At most 256
/// deliveries are on their way without an acknowledgement. The newest connection of a device wins:
/// the older one ends with `closed` and the reason `replaced`.
///
/// The device's token goes into `Authorization`. A browser cannot set that header: it offers a
/// second subprotocol, `sysmaint.token.` with the token behind it.
#[utoipa::path(
    get,
    path = "/ws",
    operation_id = "openSocket",
    tag = MESSAGES,
    params(
        (
            "client_id" = String,
            Query,
            description = "The device of the token: its handle, and behind a dot its number if \
                that is not 1.",
            pattern = r"^[a-z0-9][a-z0-9_-]{0,62}(?:\.(?:[1-9]|[1-9][0-9]|1[01][0-9]|12[0-7]))?$",
            max_length = 67,
            example = "carol",
        ),
    ),
    responses(
        (
            status = 101,
            description = "The connection is a WebSocket now.",
            headers(
                ("Sec-WebSocket-Protocol" = String, description = "`sysmaint.v1`, if it was offered."),
            ),
        ),
        SocketProblems,
    ),
    security(("device" = [])),
)]
#[expect(dead_code, reason = "only its entry in the document is used")]
pub(super) fn described() {}
