-- Broken promises: what was promised, and the commitment that has another block.

CREATE TABLE broken_promise (
    chain_id     BIGINT NOT NULL,
    promise_hash BYTEA   NOT NULL,
    log_seq      BIGINT NOT NULL,
    -- Canonical bytes of the signed promise.
    signed       BYTEA   NOT NULL,
    commitment   BYTEA   NOT NULL,
    -- The block's hash in the commitment's batch.
    stands       BYTEA   NOT NULL,
    PRIMARY KEY (chain_id, promise_hash)
);

-- Forced batches and key changes: what voids promises. There are few.
CREATE INDEX log_voiding ON log (chain_id, seq) WHERE kind IN (8, 9);
