-- Redacted events that retention has removed: an older version of one, which may still arrive, must
-- not bring the text back. The rows hold no text.
CREATE TABLE removed_redaction (
    ident INTEGER NOT NULL,      -- as in the table event
    spared BLOB NOT NULL,        -- ids of tombstones, as in the table spared_set; empty: of nothing
    revision INTEGER NOT NULL,   -- of the event that was removed
    PRIMARY KEY (ident, spared)
) WITHOUT ROWID;
