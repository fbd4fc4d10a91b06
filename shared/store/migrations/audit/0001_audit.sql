-- A bridge's audit: a chain of rows, each of which carries the hash of itself and of the one
-- before. Times are milliseconds since 1970.

CREATE TABLE chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    bridge BLOB NOT NULL,
    -- The last row that was pruned, and its hash; 0 and the chain's first hash if none was.
    pruned_through INTEGER NOT NULL,
    pruned_hash BLOB NOT NULL
) STRICT;

CREATE TABLE row (
    sequence INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    fields BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
