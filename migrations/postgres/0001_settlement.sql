-- Settlement: one row a chain, its append-only log, and tables that follow from the log.
-- Unsigned 64-bit numbers are stored as signed ones with the same bits.

CREATE TABLE chain (
    chain_id        BIGINT NOT NULL PRIMARY KEY,
    config_hash     BYTEA  NOT NULL,
    -- Compare-and-swap: every transition raises it by one.
    version         BIGINT NOT NULL,
    log_seq         BIGINT NOT NULL,
    log_hash        BYTEA  NOT NULL,
    log_time_ms     BIGINT NOT NULL,
    tip_index       BIGINT,
    tip_hash        BYTEA,
    finalized_index BIGINT,
    epoch           BIGINT NOT NULL,
    generation      BIGINT NOT NULL,
    frozen          BIGINT NOT NULL,
    inbox_len       BIGINT NOT NULL,
    inbox_acc       BYTEA  NOT NULL
);

CREATE TABLE log (
    chain_id BIGINT NOT NULL,
    seq      BIGINT NOT NULL,
    kind     BIGINT NOT NULL,
    time_ms  BIGINT NOT NULL,
    hash     BYTEA  NOT NULL,
    -- Canonical bytes of the entry.
    entry    BYTEA  NOT NULL,
    PRIMARY KEY (chain_id, seq),
    UNIQUE (chain_id, hash)
);

CREATE FUNCTION weft_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the settlement log is append-only';
END
$$;
CREATE TRIGGER log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION weft_log_is_append_only();

CREATE TABLE batch (
    chain_id      BIGINT NOT NULL,
    commitment    BYTEA  NOT NULL,
    batch_index   BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    -- 1 posted, 2 available, 3 verified, 4 finalized, 5 rejected, 6 orphaned.
    status        BIGINT NOT NULL,
    -- Canonical bytes of the signed commitment.
    signed        BYTEA  NOT NULL,
    log_seq       BIGINT NOT NULL,
    posted_ms     BIGINT NOT NULL,
    finalized_ms  BIGINT,
    reject_reason BIGINT,
    reject_block  BIGINT,
    PRIMARY KEY (chain_id, commitment)
);

CREATE UNIQUE INDEX batch_canonical ON batch (chain_id, batch_index) WHERE status < 5;

CREATE TABLE inbox (
    chain_id       BIGINT NOT NULL,
    item_index     BIGINT NOT NULL,
    time_ms        BIGINT NOT NULL,
    -- EIP-2718 bytes.
    signed_transaction BYTEA NOT NULL,
    -- Accumulator up to and including this item.
    acc            BYTEA  NOT NULL,
    PRIMARY KEY (chain_id, item_index)
);

CREATE TABLE equivocation (
    chain_id      BIGINT NOT NULL,
    log_seq       BIGINT NOT NULL,
    first_signed  BYTEA  NOT NULL,
    second_signed BYTEA  NOT NULL,
    PRIMARY KEY (chain_id, log_seq)
);

-- The verifier's own state after the newest final commitment.

CREATE TABLE checkpoint (
    chain_id     BIGINT NOT NULL PRIMARY KEY,
    next_batch   BIGINT NOT NULL,
    commitment   BYTEA  NOT NULL,
    -- RLP of the last block's header.
    block_header BYTEA  NOT NULL,
    inbox_cursor BIGINT NOT NULL,
    inbox_acc    BYTEA  NOT NULL
);

CREATE TABLE state_leaf (
    chain_id BIGINT NOT NULL,
    leaf_key BYTEA  NOT NULL,
    value    BYTEA  NOT NULL,
    PRIMARY KEY (chain_id, leaf_key)
);

CREATE TABLE state_code (
    chain_id  BIGINT NOT NULL,
    code_hash BYTEA  NOT NULL,
    code      BYTEA  NOT NULL,
    PRIMARY KEY (chain_id, code_hash)
);
