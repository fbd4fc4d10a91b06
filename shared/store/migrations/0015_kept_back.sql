-- Copies of envelopes on which the demo's link does something: each row is made with its outbox
-- row, in one transaction, and stays until the true bytes have passed.
CREATE TABLE kept_back (
    transfer_id BLOB PRIMARY KEY,
    slot INTEGER NOT NULL REFERENCES slot (id),
    content_id BLOB NOT NULL,
    fault TEXT NOT NULL,
    handle TEXT NOT NULL,
    device_id INTEGER NOT NULL,
    registration_id INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    kept_at INTEGER NOT NULL
) STRICT;
