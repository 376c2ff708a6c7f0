-- Accounts, deposits and claims; amounts are 16 bytes, big-endian, in wei.

ALTER TABLE chain ADD COLUMN fundings  BIGINT NOT NULL DEFAULT 0;
ALTER TABLE chain ADD COLUMN funded    BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';
ALTER TABLE chain ADD COLUMN deposited BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';
ALTER TABLE chain ADD COLUMN escrow    BYTEA NOT NULL DEFAULT '\x00000000000000000000000000000000';

-- EIP-2718 bytes of a transaction, or a deposit.
ALTER TABLE inbox RENAME COLUMN signed_transaction TO content;

CREATE TABLE account (
    chain_id BIGINT NOT NULL,
    address  BYTEA  NOT NULL,
    balance  BYTEA  NOT NULL,
    -- Deposits so far.
    nonce    BIGINT NOT NULL,
    PRIMARY KEY (chain_id, address)
);

-- Withdrawals that were paid.
CREATE TABLE claim (
    chain_id         BIGINT NOT NULL,
    withdrawal_index BIGINT NOT NULL,
    log_seq          BIGINT NOT NULL,
    PRIMARY KEY (chain_id, withdrawal_index)
);
