-- What is still true of what was forgotten: where it lies in the store, and who knows that it is to go.

-- Segments that hold, or may hold, what was forgotten, and that their authors have not replaced.
CREATE TABLE forgotten_copy (
    device_id BLOB NOT NULL,          -- the author
    object_id BLOB NOT NULL,
    looked_seq INTEGER,               -- its author's newest manifest at the last look into it; NULL: suspected
    PRIMARY KEY (device_id, object_id)
) WITHOUT ROWID;

-- The newest manifest of this device that another's newest one says it has read.
CREATE TABLE confirmed (device_id BLOB PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;

-- the own manifest that brought the newest own orders to forget; NULL: none yet, or not known
ALTER TABLE vault ADD COLUMN told_seq INTEGER;

-- Own segments that are sealed, and that no own manifest in the store is known to name yet.
CREATE TABLE outgoing (
    device_id BLOB NOT NULL,          -- this device
    object_id BLOB NOT NULL,
    first_us INTEGER,                 -- of all times by which an order may cover what is in it
    last_us INTEGER,
    PRIMARY KEY (device_id, object_id)
) WITHOUT ROWID;
