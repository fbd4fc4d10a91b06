-- History for years: samples are rolled up into buckets of growing length.

-- What a host measures, each under a number. The label is the host's word, such as a mount point;
-- the program bounds its length and how many there are.
CREATE TABLE series (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    host INTEGER NOT NULL REFERENCES host (id),
    metric TEXT NOT NULL,
    label TEXT NOT NULL,
    -- the day of its newest value
    last INTEGER NOT NULL,
    UNIQUE (host, metric, label)
) STRICT;

-- One host's buckets of one length, in milliseconds.
CREATE TABLE track (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES host (id),
    step INTEGER NOT NULL,
    UNIQUE (host, step)
) STRICT;

-- All series of a track in one stretch of time. The id is the track times 2^40 and the number of
-- the stretch since 1970, so that what a chart reads lies side by side, and what a roll-up writes
-- is one row a level, however many series a host has.
CREATE TABLE bucket (
    id INTEGER PRIMARY KEY,
    samples INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- Samples that were recorded and are not rolled up yet. Each is rolled up once.
CREATE TABLE waiting (
    host INTEGER NOT NULL REFERENCES host (id),
    taken_at INTEGER NOT NULL,
    PRIMARY KEY (host, taken_at)
) STRICT, WITHOUT ROWID;

-- Stretches between two neighbouring samples of a host that are longer than its interval explains.
CREATE TABLE gap (
    host INTEGER NOT NULL REFERENCES host (id),
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    interval INTEGER NOT NULL,
    PRIMARY KEY (host, since)
) STRICT, WITHOUT ROWID;

-- What is here already is rolled up like what comes. From now on a point holds no values any more:
-- it is the memory that a sample of this number was recorded.
INSERT INTO waiting SELECT host, taken_at FROM point UNION SELECT host, taken_at FROM sample;
