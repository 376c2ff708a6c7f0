-- Settlement: one row a chain, its append-only log, and tables that follow from the log.
-- Unsigned 64-bit numbers are stored as signed ones with the same bits.

CREATE TABLE chain (
    chain_id        INTEGER NOT NULL PRIMARY KEY,
    config_hash     BLOB    NOT NULL,
    -- Compare-and-swap: every transition raises it by one.
    version         INTEGER NOT NULL,
    log_seq         INTEGER NOT NULL,
    log_hash        BLOB    NOT NULL,
    log_time_ms     INTEGER NOT NULL,
    tip_index       INTEGER,
    tip_hash        BLOB,
    finalized_index INTEGER,
    epoch           INTEGER NOT NULL,
    generation      INTEGER NOT NULL,
    frozen          INTEGER NOT NULL,
    inbox_len       INTEGER NOT NULL,
    inbox_acc       BLOB    NOT NULL
) STRICT;

CREATE TABLE log (
    chain_id INTEGER NOT NULL,
    seq      INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    time_ms  INTEGER NOT NULL,
    hash     BLOB    NOT NULL,
    -- Canonical bytes of the entry.
    entry    BLOB    NOT NULL,
    PRIMARY KEY (chain_id, seq),
    UNIQUE (chain_id, hash)
) STRICT;

CREATE TRIGGER log_is_never_updated BEFORE UPDATE ON log
BEGIN SELECT RAISE(ABORT, 'the settlement log is append-only'); END;
CREATE TRIGGER log_is_never_deleted BEFORE DELETE ON log
BEGIN SELECT RAISE(ABORT, 'the settlement log is append-only'); END;

CREATE TABLE batch (
    chain_id      INTEGER NOT NULL,
    commitment    BLOB    NOT NULL,
    batch_index   INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    -- 1 posted, 2 available, 3 verified, 4 finalized, 5 rejected, 6 orphaned.
    status        INTEGER NOT NULL,
    -- Canonical bytes of the signed commitment.
    signed        BLOB    NOT NULL,
    log_seq       INTEGER NOT NULL,
    posted_ms     INTEGER NOT NULL,
    finalized_ms  INTEGER,
    reject_reason INTEGER,
    reject_block  INTEGER,
    PRIMARY KEY (chain_id, commitment)
) STRICT;

CREATE UNIQUE INDEX batch_canonical ON batch (chain_id, batch_index) WHERE status < 5;

CREATE TABLE inbox (
    chain_id       INTEGER NOT NULL,
    item_index     INTEGER NOT NULL,
    time_ms        INTEGER NOT NULL,
    -- EIP-2718 bytes.
    signed_transaction BLOB NOT NULL,
    -- Accumulator up to and including this item.
    acc            BLOB    NOT NULL,
    PRIMARY KEY (chain_id, item_index)
) STRICT;

CREATE TABLE equivocation (
    chain_id      INTEGER NOT NULL,
    log_seq       INTEGER NOT NULL,
    first_signed  BLOB    NOT NULL,
    second_signed BLOB    NOT NULL,
    PRIMARY KEY (chain_id, log_seq)
) STRICT;

-- The verifier's own state after the newest final commitment.

CREATE TABLE checkpoint (
    chain_id     INTEGER NOT NULL PRIMARY KEY,
    next_batch   INTEGER NOT NULL,
    commitment   BLOB    NOT NULL,
    -- RLP of the last block's header.
    block_header BLOB    NOT NULL,
    inbox_cursor INTEGER NOT NULL,
    inbox_acc    BLOB    NOT NULL
) STRICT;

CREATE TABLE state_leaf (
    chain_id INTEGER NOT NULL,
    leaf_key BLOB    NOT NULL,
    value    BLOB    NOT NULL,
    PRIMARY KEY (chain_id, leaf_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE state_code (
    chain_id  INTEGER NOT NULL,
    code_hash BLOB    NOT NULL,
    code      BLOB    NOT NULL,
    PRIMARY KEY (chain_id, code_hash)
) STRICT, WITHOUT ROWID;
