-- A probe's own samples, and where each of its readers stands.

CREATE TABLE own_stream (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    stream BLOB NOT NULL
) STRICT;

CREATE TABLE own_sample (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    taken_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE reader (
    handle TEXT PRIMARY KEY,
    -- the last own sample that was sealed to it
    sealed INTEGER NOT NULL
) STRICT;

-- What was received from hosts. A host is the authenticated sender.

CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    last_seen INTEGER NOT NULL
) STRICT;

-- How far each stream of a host has come, to tell what is missing.
CREATE TABLE host_stream (
    host INTEGER NOT NULL REFERENCES host (id),
    stream BLOB NOT NULL,
    first INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    received INTEGER NOT NULL,
    PRIMARY KEY (host, stream)
) STRICT;

-- Whole samples, for a day.
CREATE TABLE sample (
    host INTEGER NOT NULL REFERENCES host (id),
    taken_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (host, taken_at)
) STRICT;

-- Their main numbers, for charts.
CREATE TABLE point (
    host INTEGER NOT NULL REFERENCES host (id),
    taken_at INTEGER NOT NULL,
    stream BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    cpu_percent REAL,
    load_1 REAL,
    memory_used_bytes INTEGER,
    swap_used_bytes INTEGER,
    disk_used_percent_max REAL,
    received_bytes_per_s REAL,
    sent_bytes_per_s REAL,
    celsius_max REAL,
    PRIMARY KEY (host, taken_at)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX point_sequence ON point (host, stream, sequence);
