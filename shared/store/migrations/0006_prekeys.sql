-- The registration id that the directory knows, 0 while that was not noted, and when a new one was
-- last taken because the directory had prekeys of another copy of this store.
ALTER TABLE local_device ADD COLUMN registered_as INTEGER NOT NULL DEFAULT 0;
ALTER TABLE local_device ADD COLUMN renewed_at INTEGER NOT NULL DEFAULT 0;
