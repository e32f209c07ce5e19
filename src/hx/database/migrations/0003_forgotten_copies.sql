-- Where forgotten records still lie in the store, and which devices have read their tombstones.

-- Segments that hold, or may hold, forgotten records, and that their authors have not replaced.
CREATE TABLE forgotten_copy (
    device_id BLOB NOT NULL,          -- the author
    object_id BLOB NOT NULL,
    looked_seq INTEGER,               -- seq of its author's newest manifest when it was last read; NULL: suspected
    PRIMARY KEY (device_id, object_id)
) WITHOUT ROWID;

-- The newest manifest of this device that another device has read, as its newest manifest says.
CREATE TABLE confirmed (device_id BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

-- Manifests that were not taken here, and that another device has read, as its newest manifest says.
CREATE TABLE heard (
    device_id BLOB NOT NULL,          -- the author of the manifest
    told_by BLOB NOT NULL,            -- whose newest manifest names it; zeros: an invitation
    seq INTEGER NOT NULL,
    since_us INTEGER NOT NULL,        -- when this device read that
    PRIMARY KEY (device_id, told_by)
) WITHOUT ROWID;

-- seq of the own manifest that carried the newest own tombstones; NULL: none yet, or not known
ALTER TABLE vault ADD COLUMN told_seq INTEGER;

-- Own segments that are sealed, and that no own manifest that is known to be in the store lists.
CREATE TABLE outgoing (
    device_id BLOB NOT NULL,          -- this device
    object_id BLOB NOT NULL,
    first_us INTEGER,                 -- the span of all times by which a tombstone may cover its records
    last_us INTEGER,
    PRIMARY KEY (device_id, object_id)
) WITHOUT ROWID;
