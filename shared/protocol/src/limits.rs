//! Every bound of the protocol. Services may set lower ones; nobody sets higher ones.

use std::time::Duration;

/// Bytes in a handle, so that one fits a NATS subject token with room to spare.
pub const HANDLE_MAX: usize = 63;

/// Bytes in an envelope. The largest padded plaintext (64 KiB) with the largest sealing overhead
/// (about 3 KiB while a session opens) stays well below.
pub const ENVELOPE_MAX: usize = 96 * 1024;

/// Bytes of padded plaintext: the largest size class, 512 · 2⁷ − 1.
pub const PADDED_MAX: usize = 65_535;

/// Bytes of a body, so that header, padding boundary and body fit the largest size class.
pub const BODY_MAX: usize = PADDED_MAX - 1 - 256;

/// Bytes of a prompt, a direct message or an answer, as UTF-8. Well below [`BODY_MAX`], so that
/// JSON escaping cannot push one over it.
pub const TEXT_MAX: usize = 8 * 1024;

/// Bytes of one directory request: two hundred Kyber keys of 1.6 kB in base64.
pub const PREKEY_UPLOAD_MAX: usize = 512 * 1024;

/// One-time prekeys of a kind in one upload, as the official servers bound it.
pub const PREKEYS_PER_UPLOAD: usize = 100;

/// Bytes of text in one part of an answer that is being made.
pub const DELTA_TEXT_MAX: usize = 1024;

/// How long the bus keeps an ephemeral envelope.
pub const EPHEMERAL_LIFE: Duration = Duration::from_mins(1);

/// How long an ephemeral envelope may wait to be published; then it is given up.
pub const EPHEMERAL_UNSENT: Duration = Duration::from_secs(5);

/// Ephemeral envelopes that a sender makes for one device before that confirms something later.
/// Each that is lost is a message key that its recipient skips when the next message comes, and a
/// recipient skips 128 at most.
pub const EPHEMERAL_UNCONFIRMED: u32 = 64;

/// Messages in a mailbox, per device.
pub const MAILBOX_MESSAGES: i64 = 1000;

/// Of those, how many telemetry may fill; the rest is kept for chat and control.
pub const MAILBOX_TELEMETRY: u32 = 800;

/// Telemetry envelopes that may be on their way to one recipient without a receipt.
pub const TELEMETRY_WINDOW: u32 = 30;

/// The window until the recipient has granted one: small, so that even a hundred probes that all
/// meet an unreachable recipient leave room for chat.
pub const TELEMETRY_FIRST_WINDOW: u32 = 8;

/// Stretches of lost samples that one telemetry envelope tells of.
pub const LOST_STRETCHES: usize = 64;

/// The highest number of a sample: one every 50 ms since before there were computers.
pub const SEQUENCE_MAX: u64 = 1 << 40;

/// Content ids in one delivery receipt.
pub const RECEIPT_IDS: usize = 50;

/// How long a receipt that nobody waits for may be held back.
pub const RECEIPT_DELAY: Duration = Duration::from_mins(1);

/// Requests to resend that one answer settles.
pub const REPAIR_KEYS: usize = 50;

/// How long a sender keeps what it said, to say it again.
pub const RESENDABLE: Duration = Duration::from_hours(14 * 24);

/// How often one message is asked for, and sealed anew.
pub const RETRIES: u32 = 5;

/// Requests to resend from one device to another in an hour.
pub const RETRIES_PER_HOUR: u32 = 100;

/// Envelopes of one sender that are held until its changed identity key is decided on: as many as
/// a mailbox holds.
pub const HELD_MESSAGES: usize = 1000;

/// Bytes of them.
pub const HELD_BYTES: usize = 8 * 1024 * 1024;

/// Requests of one peer to resend that wait for an answer.
pub const RESENDS_WAITING: usize = 1000;

/// Dead letters that are kept whole; their counts go on.
pub const DEAD_LETTERS: usize = 1000;

/// How long a mailbox keeps what nobody fetches.
pub const MAILBOX_AGE: Duration = Duration::from_hours(30 * 24);

/// How long a sender certificate is valid.
pub const CERTIFICATE_LIFE: Duration = Duration::from_hours(7 * 24);

/// How old a sender certificate may get before its owner asks for the next.
pub const CERTIFICATE_REFRESH: Duration = Duration::from_hours(24);

/// How long an admission that was handed in waits for its device to register.
pub const ADMISSION_LIFE: Duration = Duration::from_hours(24);

/// Admissions of one handle that wait for their device.
pub const ADMISSIONS_WAITING: usize = 8;

/// How old a sender's knowledge of a recipient's devices may be when something is sealed.
pub const ROSTER_AGE: Duration = Duration::from_secs(30);

/// How long a registration challenge can be answered.
pub const CHALLENGE_LIFE: Duration = Duration::from_mins(1);

/// Deliveries on their way over one WebSocket without an acknowledgement.
pub const WINDOW: usize = 256;
