-- Tombstones that name texts by their digests. A table cannot get another CHECK, so it is made anew.

CREATE TABLE old_key AS SELECT * FROM tombstone_key;
CREATE TABLE old_tombstone AS SELECT * FROM tombstone;
DROP TABLE tombstone_key;
DROP TABLE tombstone;

CREATE TABLE tombstone (
    id INTEGER PRIMARY KEY,
    record_hash BLOB NOT NULL UNIQUE,  -- of the whole record: its identity
    tombstone_id BLOB NOT NULL,
    created_at_us INTEGER NOT NULL,
    device_id BLOB NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('window', 'session', 'keys', 'texts')),
    since_us INTEGER,
    until_us INTEGER,                  -- the end of a window, or until when a text order is kept
    scope_id BLOB,                     -- the window's device (NULL: all), or the session
    location INTEGER REFERENCES location,
    -- whether the import that brought the events was undone, so that a later one may bring their lines again
    undone INTEGER NOT NULL DEFAULT 0,
    -- When this device came to know the tombstone, by its clocks; NULL: that was not noted
    known_at_us INTEGER,
    known_boot_us INTEGER,             -- since the machine began to run
    known_boot_id TEXT,                -- of this run of the machine
    texts BLOB,                        -- of a text order: its secret, then its digests, without separators
    compared INTEGER NOT NULL DEFAULT 1  -- of a text order: whether every event here was compared
);
CREATE INDEX tombstone_scope ON tombstone (kind, scope_id);
CREATE INDEX tombstone_uncompared ON tombstone (id) WHERE compared = 0;
CREATE TABLE tombstone_key (
    at_us INTEGER NOT NULL,
    device_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    number NOT NULL,                   -- an event's seq, or an artifact's id (16 bytes)
    event BLOB NOT NULL,               -- msgpack: the event key in an artifact key; empty for an event
    tombstone INTEGER NOT NULL REFERENCES tombstone,
    PRIMARY KEY (at_us, device_id, session_id, number, event, tombstone)
) WITHOUT ROWID;
CREATE INDEX tombstone_key_of ON tombstone_key (tombstone);

INSERT INTO tombstone (id, record_hash, tombstone_id, created_at_us, device_id, kind, since_us, until_us,
    scope_id, location, undone, known_at_us, known_boot_us, known_boot_id)
SELECT id, record_hash, tombstone_id, created_at_us, device_id, kind, since_us, until_us,
    scope_id, location, undone, known_at_us, known_boot_us, known_boot_id FROM old_tombstone;
INSERT INTO tombstone_key SELECT * FROM old_key;
DROP TABLE old_key;
DROP TABLE old_tombstone;

-- Text orders that are not kept any more: a segment that still holds one does not bring it back.
CREATE TABLE text_order_done (record_hash BLOB PRIMARY KEY) WITHOUT ROWID;
