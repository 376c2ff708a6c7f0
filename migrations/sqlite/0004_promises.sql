-- Broken promises: what was promised, and the commitment that has another block.

CREATE TABLE broken_promise (
    chain_id     INTEGER NOT NULL,
    promise_hash BLOB    NOT NULL,
    log_seq      INTEGER NOT NULL,
    -- Canonical bytes of the signed promise.
    signed       BLOB    NOT NULL,
    commitment   BLOB    NOT NULL,
    -- The block's hash in the commitment's batch.
    stands       BLOB    NOT NULL,
    PRIMARY KEY (chain_id, promise_hash)
) STRICT;

-- Forced batches and key changes: what voids promises. There are few.
CREATE INDEX log_voiding ON log (chain_id, seq) WHERE kind IN (8, 9);
