-- The one number of a host that an alert is about; absent where it is about none, and in what was stored before.

ALTER TABLE firing ADD COLUMN metric TEXT;
