-- Text orders that are not kept any more: a segment that still holds one does not bring it back.
CREATE TABLE text_order_done (record_hash BLOB PRIMARY KEY) WITHOUT ROWID;
