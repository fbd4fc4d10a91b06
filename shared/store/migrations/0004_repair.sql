-- Repair of what could not be opened: on the side that could not open it, and on the side that
-- sealed it.

-- Digests of the latest envelopes that were settled, to tell the same bytes from a reused key.
CREATE TABLE settled (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    digest INTEGER NOT NULL
) STRICT;

CREATE INDEX settled_digest ON settled (slot, digest);

-- What could not be opened and is asked for.
CREATE TABLE retry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    transfer_id BLOB NOT NULL,
    repair_key INTEGER NOT NULL,
    reason TEXT NOT NULL,
    -- libsignal's request
    request BLOB NOT NULL,
    stored_at INTEGER NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0,
    -- when it was last asked for, or noted
    asked_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    UNIQUE (slot, service_id, device_id, transfer_id)
) STRICT;

-- When peers were asked (outgoing 1) and when they asked (outgoing 0), for their budgets.
CREATE TABLE retry_asked (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    outgoing INTEGER NOT NULL,
    asked_at INTEGER NOT NULL
) STRICT;

CREATE INDEX retry_asked_peer ON retry_asked (slot, service_id, device_id, outgoing, asked_at);

-- Requests of peers that wait for their answer.
CREATE TABLE resend (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    repair_key INTEGER NOT NULL
) STRICT;

CREATE INDEX resend_peer ON resend (slot, service_id, device_id);

-- Messages that were asked for and came again, and requests of peers that were answered.
CREATE TABLE repair_count (
    slot INTEGER PRIMARY KEY REFERENCES slot (id),
    repaired INTEGER NOT NULL DEFAULT 0,
    resent INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The first own sample in a telemetry message.
ALTER TABLE sent ADD COLUMN first_sample INTEGER;
