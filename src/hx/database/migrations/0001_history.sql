-- The events, artifacts, pins and tombstones of a history. Text that many events repeat has a table
-- of its own. Text is TEXT where it is UTF-8 and a BLOB where it is not; ids and hashes are BLOBs of 16 or 32 bytes.

CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE device (id INTEGER PRIMARY KEY, device_id BLOB NOT NULL UNIQUE, name TEXT);

CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    session_id BLOB NOT NULL,
    device INTEGER NOT NULL REFERENCES device,
    events INTEGER NOT NULL DEFAULT 0,  -- in this database
    first_us INTEGER,                   -- no event of it begins earlier
    last_us INTEGER,                    -- no event of it begins later; NULL: it never had one
    UNIQUE (session_id, device)
);
CREATE INDEX session_recent ON session (device, last_us);

CREATE TABLE terminal (id INTEGER PRIMARY KEY, host, user, shell, tty);
CREATE INDEX terminal_facts ON terminal (host, user, shell, tty);

CREATE TABLE directory (id INTEGER PRIMARY KEY, path NOT NULL UNIQUE);
CREATE TABLE checkout (id INTEGER PRIMARY KEY, repo, branch);
CREATE INDEX checkout_facts ON checkout (repo, branch);

CREATE TABLE command (
    id INTEGER PRIMARY KEY,
    hash INTEGER NOT NULL,     -- 64 bits of the bytes: an index without a second copy of the text
    last_us INTEGER NOT NULL,  -- start of its newest event
    runs INTEGER NOT NULL,     -- its events, and
    failures INTEGER NOT NULL, -- those that failed: too many to count them at every search
    text TEXT NOT NULL,        -- what is shown and searched; not exact where the bytes are not UTF-8
    raw BLOB                   -- the bytes, only where they are not UTF-8
);
CREATE INDEX command_hash ON command (hash);
CREATE INDEX command_recent ON command (last_us);

-- Numbers of rows. Counting them would take longer with every event.
CREATE TABLE total (name TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO total VALUES ('event', 0), ('command', 0), ('session', 0);
CREATE TRIGGER session_made AFTER INSERT ON session
BEGIN UPDATE total SET count = count + 1 WHERE name = 'session'; END;
CREATE TRIGGER session_gone AFTER DELETE ON session
BEGIN UPDATE total SET count = count - 1 WHERE name = 'session'; END;

-- Trigrams -> commands. It holds no positions, so each hit is compared with the text.
CREATE VIRTUAL TABLE command_text USING fts5 (
    text, content='command', content_rowid='id', tokenize='trigram', detail=none, columnsize=0
);
INSERT INTO command_text (command_text, rank) VALUES ('secure-delete', 1);

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    started_at_us INTEGER NOT NULL,
    session INTEGER NOT NULL REFERENCES session,
    seq INTEGER NOT NULL,
    ident INTEGER NOT NULL,    -- 60 bits: the name of the event that people type
    command INTEGER NOT NULL REFERENCES command,
    directory INTEGER NOT NULL REFERENCES directory,
    terminal INTEGER NOT NULL REFERENCES terminal,
    checkout INTEGER REFERENCES checkout,
    exit_status INTEGER,
    pipestatus TEXT,           -- "1 0"
    duration_us INTEGER,
    flags INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    duplicate INTEGER NOT NULL DEFAULT 0  -- of a line: another event stands for it, so it is not counted
);
CREATE INDEX event_time ON event (started_at_us);
CREATE INDEX event_command ON event (command, started_at_us, exit_status, duplicate);  -- for counts, without the table
CREATE INDEX event_session ON event (session, seq);
CREATE INDEX event_ident ON event (ident);
CREATE INDEX event_directory ON event (directory, started_at_us);
CREATE INDEX event_failed ON event (started_at_us) WHERE exit_status <> 0;
CREATE INDEX event_exit ON event (exit_status, started_at_us) WHERE exit_status <> 0;

-- What people see: every query of a command reads it, and what merges and publishes reads the table.
CREATE VIEW counted AS SELECT * FROM event WHERE duplicate = 0;

CREATE TABLE artifact (
    id INTEGER PRIMARY KEY,
    created_at_us INTEGER NOT NULL,
    device_id BLOB NOT NULL,
    session_id BLOB NOT NULL,
    artifact_id BLOB NOT NULL,
    event_started_at_us INTEGER,  -- the key of the event it belongs to, or NULLs
    event_device_id BLOB,
    event_session_id BLOB,
    event_seq INTEGER,
    fields BLOB NOT NULL          -- msgpack: the fields after the key
);
CREATE INDEX artifact_key ON artifact (artifact_id, created_at_us, event_started_at_us, event_seq);
CREATE INDEX artifact_event ON artifact (event_started_at_us, event_session_id, event_seq);

CREATE TABLE pin (
    session_id BLOB PRIMARY KEY,
    pinned INTEGER NOT NULL,
    changed_at_us INTEGER NOT NULL,
    device_id BLOB NOT NULL
) WITHOUT ROWID;

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
    texts BLOB,                        -- of a text order: its secret, then its digests, without separators
    compared INTEGER NOT NULL DEFAULT 1  -- of a text order: whether every event here was compared
);
CREATE INDEX tombstone_scope ON tombstone (kind, scope_id);
CREATE INDEX tombstone_window ON tombstone (until_us) WHERE kind = 'window';
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

-- How far each spool file has been read, and why bytes of it gave no event.
CREATE TABLE spool_file (
    name TEXT PRIMARY KEY,
    drained INTEGER NOT NULL,  -- bytes that are in this database
    wiped INTEGER NOT NULL     -- of these, how many are overwritten for certain
) WITHOUT ROWID;
CREATE TABLE spool_fault (
    reason TEXT PRIMARY KEY,
    count INTEGER NOT NULL,
    last_at_us INTEGER NOT NULL
) WITHOUT ROWID;
