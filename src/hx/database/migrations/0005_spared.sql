-- Tombstones that do not cover a record, because they were known when it was recorded.

-- A set of tombstones. Its rows hold only random ids, so they are never removed.
CREATE TABLE spared_set (
    id INTEGER PRIMARY KEY,
    tombstones BLOB NOT NULL UNIQUE   -- their ids, ascending, without a separator
);

-- NULL: the record is spared of nothing
ALTER TABLE event ADD COLUMN spared INTEGER REFERENCES spared_set;
ALTER TABLE artifact ADD COLUMN spared INTEGER REFERENCES spared_set;
ALTER TABLE artifact ADD COLUMN event_spared INTEGER REFERENCES spared_set;  -- of the event's key

-- When this device came to know the tombstone, by its clocks; NULL: that was not noted
ALTER TABLE tombstone ADD COLUMN known_at_us INTEGER;
ALTER TABLE tombstone ADD COLUMN known_boot_us INTEGER;  -- since the machine began to run
ALTER TABLE tombstone ADD COLUMN known_boot_id TEXT;     -- of this run of the machine
