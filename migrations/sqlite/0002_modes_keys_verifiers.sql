-- Terms of a chain, key changes, challenge windows, independent verifiers.

-- What the operator chose when the chain began (canonical bytes); fixed at the first start with this migration.
ALTER TABLE chain ADD COLUMN terms BLOB;
-- Whose commitments are taken, if that ever changed.
ALTER TABLE chain ADD COLUMN posting_key BLOB;

-- Log time at which the data was found available.
ALTER TABLE batch ADD COLUMN available_ms INTEGER;
-- What independent verifiers found: address (20), valid (1), log_seq (8), one after the other.
ALTER TABLE batch ADD COLUMN votes BLOB NOT NULL DEFAULT x'';

UPDATE batch SET available_ms = found.time_ms
FROM (SELECT chain_id, substr(entry, 58, 32) AS commitment, time_ms FROM log
      WHERE kind = 2 AND substr(entry, 90, 1) = x'01') AS found
WHERE found.chain_id = batch.chain_id AND found.commitment = batch.commitment;

CREATE TABLE key_change (
    chain_id INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    log_seq  INTEGER NOT NULL,
    -- Canonical bytes of the signed key change.
    signed   BLOB    NOT NULL,
    PRIMARY KEY (chain_id, epoch)
) STRICT;
