-- Accounts, deposits and claims; amounts are 16 bytes, big-endian, in wei.

ALTER TABLE chain ADD COLUMN fundings  INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chain ADD COLUMN funded    BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE chain ADD COLUMN deposited BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';
ALTER TABLE chain ADD COLUMN escrow    BLOB NOT NULL DEFAULT x'00000000000000000000000000000000';

-- EIP-2718 bytes of a transaction, or a deposit.
ALTER TABLE inbox RENAME COLUMN signed_transaction TO content;

CREATE TABLE account (
    chain_id INTEGER NOT NULL,
    address  BLOB    NOT NULL,
    balance  BLOB    NOT NULL,
    -- Deposits so far.
    nonce    INTEGER NOT NULL,
    PRIMARY KEY (chain_id, address)
) STRICT, WITHOUT ROWID;

-- Withdrawals that were paid.
CREATE TABLE claim (
    chain_id         INTEGER NOT NULL,
    withdrawal_index INTEGER NOT NULL,
    log_seq          INTEGER NOT NULL,
    PRIMARY KEY (chain_id, withdrawal_index)
) STRICT;
