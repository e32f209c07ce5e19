-- The vault of this device: its members, the objects of its store, and which record lies in which object.

CREATE TABLE vault (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    vault_id BLOB NOT NULL,
    name TEXT NOT NULL,
    store TEXT NOT NULL,              -- its URL
    genesis BLOB NOT NULL,            -- the bytes of the object in the store
    own_seq INTEGER NOT NULL DEFAULT 0,  -- greatest seq of an own manifest that was seen anywhere
    slots_for BLOB,                   -- digest of the roster for which every slot was written
    pulled_at_us INTEGER,
    pushed_at_us INTEGER,
    conditions TEXT NOT NULL DEFAULT ''  -- of the store, one a line
);

-- Signed records of the roster. They are never removed; the roster is a pure function of them.
CREATE TABLE roster_record (
    payload BLOB NOT NULL,
    signer BLOB NOT NULL,
    signature BLOB NOT NULL,
    PRIMARY KEY (payload, signer, signature)
) WITHOUT ROWID;

-- Manifests that were read or written here.
CREATE TABLE manifest (
    key TEXT PRIMARY KEY,             -- in the store
    device_id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    sha256 BLOB NOT NULL,             -- of the signed payload: its identity; empty while nobody could read it
    roster BLOB NOT NULL,             -- digest of the roster records in it
    at_us INTEGER NOT NULL,
    label TEXT NOT NULL,
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    -- 1: a roster record in it was not learned; 2: it is to be read again, for the roster has grown
    passed_over INTEGER NOT NULL DEFAULT 0,
    key_id BLOB NOT NULL DEFAULT x''  -- of the key under which it is sealed
) WITHOUT ROWID;
CREATE INDEX manifest_device ON manifest (device_id, seq);

-- Segments that manifests have listed, and what became of them.
CREATE TABLE segment (
    object_id BLOB NOT NULL,
    device_id BLOB NOT NULL,          -- its author
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    events INTEGER NOT NULL,
    first_us INTEGER,
    last_us INTEGER,
    listed INTEGER NOT NULL,          -- whether the newest manifest of its author lists it
    superseded INTEGER NOT NULL,      -- own ones: it was replaced here, and never becomes live again
    rewrite INTEGER NOT NULL,         -- own ones: it holds a record that is forgotten or superseded
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    since_us INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    PRIMARY KEY (device_id, object_id)
) WITHOUT ROWID;

-- Where the present version of a record lies: in which live own segment, and in whose other segments.
CREATE TABLE location (
    id INTEGER PRIMARY KEY,
    segment BLOB,                     -- an own one; NULL: none
    shown BLOB NOT NULL,              -- device ids of other authors, sorted, without a separator
    mine INTEGER NOT NULL             -- whether this device has made the records
);
CREATE UNIQUE INDEX location_facts ON location (ifnull(segment, x''), shown, mine);

-- NULL: no segment holds the record
ALTER TABLE event ADD COLUMN location INTEGER REFERENCES location;
ALTER TABLE artifact ADD COLUMN location INTEGER REFERENCES location;
ALTER TABLE pin ADD COLUMN location INTEGER REFERENCES location;
ALTER TABLE tombstone ADD COLUMN location INTEGER REFERENCES location;

-- Events that may have no location; it has rows only while there is a vault. An index on the column
-- would take 14 bytes an event, also on devices that never sync.
CREATE TABLE unpublished (event INTEGER PRIMARY KEY);

-- The last runs of sync with this vault, by hand and in the background.
CREATE TABLE sync_run (
    id INTEGER PRIMARY KEY,
    trigger TEXT NOT NULL,            -- hand, timer, watch, shell
    began_us INTEGER NOT NULL,        -- of the first run
    ended_us INTEGER NOT NULL,        -- of the last run
    ms INTEGER NOT NULL,              -- what the last run took
    error TEXT,                       -- its message; NULL: it has succeeded
    events_in INTEGER NOT NULL,
    events_out INTEGER NOT NULL,
    times INTEGER NOT NULL            -- runs in a row that had the same outcome and exchanged nothing
);
