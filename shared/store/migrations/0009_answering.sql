-- Answers in the making, what was said before them, and what they cost.

-- Until when an envelope may be published; without one it is published whenever that is possible.
ALTER TABLE outbox ADD COLUMN expires_at INTEGER;

-- What operators asked the agent and were answered, for questions that follow.
CREATE TABLE exchange (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    -- who asked
    service_id BLOB NOT NULL,
    prompt TEXT NOT NULL,
    answer TEXT NOT NULL,
    answered_at INTEGER NOT NULL
) STRICT;

CREATE INDEX exchange_of ON exchange (service_id, id);

-- What models have cost on the latest days, counted from 1970 in UTC. A reset of the usage
-- counters does not touch it.
CREATE TABLE spend (
    day INTEGER PRIMARY KEY,
    cost_usd REAL NOT NULL
) STRICT;
