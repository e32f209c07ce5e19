-- The imports of this device, and which events each of them brought. Other devices do not know them.

CREATE TABLE import (
    id INTEGER PRIMARY KEY,           -- the number that people type; rows are never removed
    at_us INTEGER NOT NULL,
    path BLOB NOT NULL,
    kind TEXT NOT NULL,               -- the tool
    new INTEGER NOT NULL,             -- events that it brought, and of these
    untimed INTEGER NOT NULL,         -- those without a time
    redacted INTEGER NOT NULL,        -- those in which a secret was masked
    complete INTEGER NOT NULL,        -- whether the whole file was read
    undone_at_us INTEGER              -- NULL: it was not undone
);

-- NULL: the event was recorded, or came with a segment
ALTER TABLE event ADD COLUMN import INTEGER REFERENCES import;

-- whether the import that brought the events was undone, so that a later one may bring their lines again
ALTER TABLE tombstone ADD COLUMN undone INTEGER NOT NULL DEFAULT 0;

-- 16 bits of the hash of each undone event whose session has forgotten events, by its key
CREATE TABLE undone_line (
    session_id BLOB NOT NULL,
    started_at_us INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    print INTEGER NOT NULL,
    PRIMARY KEY (session_id, started_at_us, seq)
) WITHOUT ROWID;
