-- What operators asked, and what people wrote to each other.

CREATE TABLE chat (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    content_id BLOB NOT NULL UNIQUE,
    prompt TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    answer TEXT,
    answered_at INTEGER
) STRICT;

CREATE TABLE direct_message (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    content_id BLOB NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    sent_at INTEGER NOT NULL
) STRICT;

CREATE INDEX direct_message_owner ON direct_message (owner, cursor);

-- The agent's counters, and the last that an operator heard of them.
CREATE TABLE usage (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_usd REAL NOT NULL,
    answers INTEGER NOT NULL,
    since INTEGER NOT NULL
) STRICT;

-- The relay's certificate authority, in a file of its own.
CREATE TABLE authority (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    bytes BLOB NOT NULL
) STRICT;
