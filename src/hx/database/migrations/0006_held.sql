-- Tombstones of other devices that wait for a person, and what devices have said about tombstones.

-- Known, but not applied: they cover no record, and no segment of this device holds them.
CREATE TABLE held (
    record_hash BLOB PRIMARY KEY,      -- of the whole record: its identity
    record BLOB NOT NULL,              -- the payload of a segment that holds only this tombstone
    tombstone_id BLOB NOT NULL,
    created_at_us INTEGER NOT NULL,
    device_id BLOB NOT NULL,           -- its maker
    kind TEXT NOT NULL,                -- as in the table tombstone, also the next three
    since_us INTEGER,
    until_us INTEGER,
    scope_id BLOB,
    shown BLOB NOT NULL,               -- ids of the devices whose segments hold it, without a separator
    reason TEXT,                       -- why it is held; NULL: that was not judged yet
    events INTEGER NOT NULL,           -- that it would take here, when it was last judged
    known_at_us INTEGER,               -- when it was read, by the clocks of this machine
    known_boot_us INTEGER,
    known_boot_id TEXT
) WITHOUT ROWID;

-- How many events the tombstones of a device have taken here since one of them was last accepted
CREATE TABLE taken_by (device_id BLOB PRIMARY KEY, events INTEGER NOT NULL) WITHOUT ROWID;

-- Tombstones that were accepted or refused here, or refused elsewhere, by their ids
CREATE TABLE decision (
    tombstone_id BLOB PRIMARY KEY,
    verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'refused')),
    at_us INTEGER NOT NULL
) WITHOUT ROWID;

-- What the newest manifest of a device says about tombstones: ids, ascending, without a separator;
-- of this device: the newest one that this database has written
CREATE TABLE said (
    device_id BLOB PRIMARY KEY,
    holds INTEGER NOT NULL,            -- how many it holds
    held BLOB NOT NULL,                -- some of these
    accepted BLOB NOT NULL,
    refused BLOB NOT NULL
) WITHOUT ROWID;
