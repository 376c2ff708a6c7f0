-- Terms of a chain, key changes, challenge windows, independent verifiers.

-- What the operator chose when the chain began (canonical bytes); fixed at the first start with this migration.
ALTER TABLE chain ADD COLUMN terms BYTEA;
-- Whose commitments are taken, if that ever changed.
ALTER TABLE chain ADD COLUMN posting_key BYTEA;

-- Log time at which the data was found available.
ALTER TABLE batch ADD COLUMN available_ms BIGINT;
-- What independent verifiers found: address (20), valid (1), log_seq (8), one after the other.
ALTER TABLE batch ADD COLUMN votes BYTEA NOT NULL DEFAULT '';

UPDATE batch SET available_ms = found.time_ms
FROM (SELECT chain_id, substring(entry FROM 58 FOR 32) AS commitment, time_ms FROM log
      WHERE kind = 2 AND substring(entry FROM 90 FOR 1) = '\x01') AS found
WHERE found.chain_id = batch.chain_id AND found.commitment = batch.commitment;

CREATE TABLE key_change (
    chain_id BIGINT NOT NULL,
    epoch    BIGINT NOT NULL,
    log_seq  BIGINT NOT NULL,
    -- Canonical bytes of the signed key change.
    signed   BYTEA  NOT NULL,
    PRIMARY KEY (chain_id, epoch)
);
