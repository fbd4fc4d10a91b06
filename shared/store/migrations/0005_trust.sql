-- Changed identity keys and the decisions on them.

-- Another identity that claims the handle, and whether the directory has it.
ALTER TABLE contact ADD COLUMN candidate_service_id BLOB;
ALTER TABLE contact ADD COLUMN candidate_device_id INTEGER;
ALTER TABLE contact ADD COLUMN candidate_confirmed INTEGER NOT NULL DEFAULT 0;

ALTER TABLE held ADD COLUMN transfer_id BLOB;

-- Keys that were turned down, or replaced by an accepted one.
CREATE TABLE rejected_key (
    slot INTEGER NOT NULL REFERENCES slot (id),
    service_id BLOB NOT NULL,
    device_id INTEGER NOT NULL,
    identity_key BLOB NOT NULL,
    PRIMARY KEY (slot, service_id, device_id, identity_key)
) STRICT, WITHOUT ROWID;
