-- What a probe owes each of its readers, how much it keeps for them, and what it could not keep.

-- Own samples up to `reader.sealed` that are still to be sealed to a reader; whatever is above is
-- too. Stretches of one reader neither overlap nor touch.
CREATE TABLE owed (
    reader TEXT NOT NULL REFERENCES reader (handle) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (reader, first)
) STRICT, WITHOUT ROWID;

-- Own samples in telemetry that nobody has confirmed, so that they can be sealed again.
CREATE TABLE carried (
    sent INTEGER NOT NULL REFERENCES sent (id) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (sent, first)
) STRICT, WITHOUT ROWID;

-- An older version noted the first one alone and sealed everything from there again.
INSERT INTO carried
    SELECT sent.id, sent.first_sample, max(sent.first_sample, reader.sealed)
    FROM sent
    JOIN contact ON contact.slot = sent.slot AND contact.service_id = sent.service_id
    JOIN reader ON reader.handle = contact.handle
    WHERE sent.kind = 4 AND sent.delivered_at IS NULL AND sent.first_sample IS NOT NULL;
ALTER TABLE sent DROP COLUMN first_sample;

-- Bytes of all own samples.
CREATE TABLE spool (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO spool SELECT 1, coalesce(sum(octet_length(body)), 0) FROM own_sample;

-- When own samples were taken that are gone before every reader has confirmed them.
CREATE TABLE dropped (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    from_at INTEGER NOT NULL,
    to_at INTEGER NOT NULL
) STRICT;

-- Of a host's samples: lost before they were sent, arrived after a later one, arrived again.
ALTER TABLE host_stream ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE host_stream ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
ALTER TABLE host_stream ADD COLUMN duplicate INTEGER NOT NULL DEFAULT 0;

-- The stretches that a host says are lost.
CREATE TABLE host_gap (
    host INTEGER NOT NULL REFERENCES host (id),
    stream BLOB NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    from_at INTEGER,
    to_at INTEGER,
    PRIMARY KEY (host, stream, first)
) STRICT, WITHOUT ROWID;
