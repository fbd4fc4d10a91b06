-- Since when a prekey is given to nobody any more; NULL while it is. What an older version had
-- replaced is noted with the next upload.
ALTER TABLE prekey ADD COLUMN retired_at INTEGER;
-- Messages of a peer that arrived and could not be opened. What is neither among them nor among
-- those received is missing; how much of that an older version had lost, nobody knows.
ALTER TABLE peer ADD COLUMN unopened INTEGER NOT NULL DEFAULT 0;
UPDATE peer SET unopened = max(0, highest - received);
