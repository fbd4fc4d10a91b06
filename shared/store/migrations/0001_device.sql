-- A device's own state, its peers, and its queues. Times are milliseconds since 1970.
-- `slot` separates the devices that share one file.

CREATE TABLE slot (
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE local_device (
    slot INTEGER PRIMARY KEY REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    identity_key_pair BLOB NOT NULL,
    trust_root BLOB NOT NULL,
    certificate BLOB,
    certificate_expires_at INTEGER NOT NULL,
    token TEXT,
    next_prekey_id INTEGER NOT NULL,
    backend TEXT NOT NULL
) STRICT;

CREATE TABLE prekey (
    slot INTEGER NOT NULL REFERENCES slot (id),
    class INTEGER NOT NULL,
    id INTEGER NOT NULL,
    record BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    uploaded INTEGER NOT NULL,
    PRIMARY KEY (slot, class, id)
) STRICT;

-- A last-resort Kyber prekey may be used often, but never twice with one base key.
CREATE TABLE last_resort_use (
    slot INTEGER NOT NULL REFERENCES slot (id),
    kyber_id INTEGER NOT NULL,
    signed_id INTEGER NOT NULL,
    base_key BLOB NOT NULL,
    PRIMARY KEY (slot, kyber_id, signed_id, base_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (slot, service_id, device_id)
) STRICT;

CREATE TABLE peer (
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    trust INTEGER NOT NULL,
    candidate BLOB,
    registration_id INTEGER NOT NULL,
    first_seen INTEGER NOT NULL,
    -- messages sealed to it so far
    sent INTEGER NOT NULL DEFAULT 0,
    -- messages received from it, and the highest sequence among them
    received INTEGER NOT NULL DEFAULT 0,
    highest INTEGER NOT NULL DEFAULT 0,
    -- telemetry envelopes that it lets us have on their way; NULL until it said
    telemetry_window INTEGER,
    -- when the broker stored its latest telemetry
    telemetry_at INTEGER,
    PRIMARY KEY (slot, service_id, device_id)
) STRICT;

CREATE TABLE contact (
    slot INTEGER NOT NULL REFERENCES slot (id),
    handle TEXT NOT NULL,
    service_id BLOB NOT NULL,
    -- one byte a device
    devices BLOB NOT NULL,
    PRIMARY KEY (slot, handle)
) STRICT;

CREATE INDEX contact_by_service ON contact (slot, service_id);

CREATE TABLE chain_counter (
    id INTEGER PRIMARY KEY,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    chain BLOB NOT NULL,
    counter INTEGER NOT NULL,
    UNIQUE (slot, service_id, device_id, chain)
) STRICT;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    handle TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    transfer_id BLOB NOT NULL UNIQUE,
    envelope BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX outbox_due ON outbox (slot, next_attempt_at, id);

-- What was sealed, until its receipt and long enough for a resend. `body` is absent where the
-- sender can refill it from its own records.
CREATE TABLE sent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    content_id BLOB NOT NULL,
    transfer_id BLOB NOT NULL,
    repair_key INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    in_reply_to BLOB,
    sequence INTEGER NOT NULL,
    body BLOB,
    sealed_at INTEGER NOT NULL,
    sent_at INTEGER,
    delivered_at INTEGER
) STRICT;

CREATE INDEX sent_content ON sent (slot, content_id);
CREATE INDEX sent_transfer ON sent (slot, transfer_id);
CREATE INDEX sent_repair ON sent (slot, repair_key);
CREATE INDEX sent_open ON sent (slot, service_id, device_id, kind) WHERE delivered_at IS NULL;

-- `body` goes once the message is handled; the row stays, so that a resend is recognised.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    -- as it claims
    sender_handle TEXT NOT NULL,
    content_id BLOB NOT NULL,
    kind INTEGER NOT NULL,
    in_reply_to BLOB,
    sequence INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    body BLOB,
    handled_at INTEGER,
    UNIQUE (slot, service_id, device_id, content_id)
) STRICT;

CREATE INDEX inbox_unhandled ON inbox (slot, id) WHERE handled_at IS NULL;
CREATE INDEX inbox_handled ON inbox (handled_at) WHERE handled_at IS NOT NULL;

CREATE TABLE receipt_owed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    content_id BLOB NOT NULL,
    due_at INTEGER NOT NULL
) STRICT;

CREATE INDEX receipt_owed_peer ON receipt_owed (slot, service_id, device_id);

-- Envelopes of senders whose identity key changed.
CREATE TABLE held (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    stored_at INTEGER NOT NULL
) STRICT;

CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB,
    device_id INTEGER,
    transfer_id BLOB,
    reason TEXT NOT NULL,
    stored_at INTEGER NOT NULL
) STRICT;

-- Counts outlive the letters, of which only the newest are kept.
CREATE TABLE dead_letter_count (
    slot INTEGER NOT NULL REFERENCES slot (id),
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (slot, reason)
) STRICT;
