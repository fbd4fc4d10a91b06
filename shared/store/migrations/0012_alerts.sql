-- The agent's side: what is firing, told or not.
CREATE TABLE firing (
    host TEXT NOT NULL,
    rule TEXT NOT NULL,
    -- what of the host, where a rule is about several things
    subject TEXT NOT NULL,
    id BLOB NOT NULL UNIQUE,
    severity TEXT NOT NULL,
    since INTEGER NOT NULL,
    -- since when it is over; it is resolved when that has lasted
    clear_since INTEGER,
    -- whether operators know of it; in quiet hours they are not told at once
    told INTEGER NOT NULL,
    summary TEXT NOT NULL,
    cause TEXT,
    PRIMARY KEY (host, rule, subject)
) STRICT, WITHOUT ROWID;

-- What is still to be sealed, an alert and an operator a row.
CREATE TABLE alert_due (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    operator TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- An operator's side: what the agent told.
CREATE TABLE alert (
    id BLOB PRIMARY KEY,
    since INTEGER NOT NULL,
    -- absent while it is firing
    until INTEGER,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX alert_since ON alert (since);
