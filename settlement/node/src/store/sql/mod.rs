//! What the two SQL stores share: the statements, and macros that run them on either driver.
//!
//! Macros, because the drivers' types have no common bounds that would read better.
//!
//! Both databases take the same text (`$1` parameters, `ON CONFLICT`). What
//! differs (connecting, beginning a transaction, writing many leaves at once)
//! is in the store's own file.

mod reads;
mod writes;

pub(super) use reads::sql_reads;
pub(super) use writes::sql_writes;

use weft_settlement::{Effect, Event, LogEntry, Record};

use super::Write;

/// The entry and the commitment that are all that a transition writes besides the heads, as when a commitment is posted
/// or its data found.
pub(super) fn plain(write: &Write) -> Option<(&LogEntry, &Record)> {
    let (None, [Effect::Append(entry), Effect::Save(record)]) = (&write.state, &write.effects[..]) else { return None };
    // What other entries say is in tables of their own, too.
    matches!(entry.event, Event::Posted(_) | Event::Availability(_)).then_some((entry, &**record))
}

pub(super) const NEW_CHAIN: &str = "INSERT INTO chain (chain_id, config_hash, version, log_seq, log_hash, log_time_ms, \
     epoch, generation, frozen, inbox_len, inbox_acc, terms) VALUES ($1, $2, 0, 0, $3, 0, 0, 0, 0, 0, $3, $4) \
     ON CONFLICT (chain_id) DO NOTHING";

/// For chains that began before terms were recorded.
pub(super) const SET_TERMS: &str = "UPDATE chain SET terms = $2 WHERE chain_id = $1 AND terms IS NULL";

pub(super) const GET_CHAIN: &str = "SELECT * FROM chain WHERE chain_id = $1";

/// The compare-and-swap: it moves one row or none, and holds the row until the transaction ends.
macro_rules! move_chain {
    () => {
        "UPDATE chain SET version = version + 1, log_seq = $3, log_hash = $4, log_time_ms = $5, tip_index = $6, \
         tip_hash = $7, finalized_index = $8, epoch = $9, generation = $10, frozen = $11, inbox_len = $12, \
         inbox_acc = $13, posting_key = $14, fundings = $15, funded = $16, deposited = $17, escrow = $18 \
         WHERE chain_id = $1 AND version = $2"
    };
}

pub(super) const MOVE_CHAIN: &str = move_chain!();

/// The columns of a commitment, but for the chain's.
macro_rules! batch_columns {
    () => {
        "commitment, batch_index, generation, status, signed, log_seq, posted_ms, finalized_ms, reject_reason, \
         reject_block, available_ms, votes"
    };
}

/// What may change of a commitment.
macro_rules! on_known_batch {
    () => {
        " ON CONFLICT (chain_id, commitment) DO UPDATE SET status = excluded.status, \
         finalized_ms = excluded.finalized_ms, reject_reason = excluded.reject_reason, \
         reject_block = excluded.reject_block, available_ms = excluded.available_ms, votes = excluded.votes"
    };
}

/// The columns of a log entry, but for the chain's.
macro_rules! log_columns {
    () => {
        "seq, kind, time_ms, hash, entry"
    };
}

/// One entry and one commitment in one statement, so in one round trip (PostgreSQL alone writes within WITH): nothing of
/// it happens if the chain has moved.
pub(super) const POST: &str = concat!(
    "WITH moved AS (",
    move_chain!(),
    " RETURNING chain_id), logged AS (INSERT INTO log (chain_id, ",
    log_columns!(),
    ") SELECT chain_id, $19, $20, $21, $22, $23 FROM moved) INSERT INTO batch (chain_id, ",
    batch_columns!(),
    ") SELECT chain_id, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35 FROM moved",
    on_known_batch!(),
);

/// The same for SQLite, whose driver runs several statements as one: a whole transaction that asks for its thread once.
/// The chain moves last, so that all of it is decided by the version of before; it gives a row if it has moved.
pub(super) const POST_IN_ONE: &str = concat!(
    "BEGIN IMMEDIATE; INSERT INTO log (chain_id, ",
    log_columns!(),
    ") SELECT chain_id, $19, $20, $21, $22, $23 FROM chain WHERE chain_id = $1 AND version = $2; \
     INSERT INTO batch (chain_id, ",
    batch_columns!(),
    ") SELECT chain_id, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35 FROM chain \
     WHERE chain_id = $1 AND version = $2",
    on_known_batch!(),
    "; ",
    move_chain!(),
    " RETURNING chain_id; COMMIT",
);

pub(super) const APPEND: &str =
    "INSERT INTO log (chain_id, seq, kind, time_ms, hash, entry) VALUES ($1, $2, $3, $4, $5, $6)";

pub(super) const EVIDENCE: &str =
    "INSERT INTO equivocation (chain_id, log_seq, first_signed, second_signed) VALUES ($1, $2, $3, $4)";

pub(super) const ADD_BROKEN_PROMISE: &str = "INSERT INTO broken_promise (chain_id, promise_hash, log_seq, signed, \
     commitment, stands) VALUES ($1, $2, $3, $4, $5, $6)";

pub(super) const BROKEN_PROMISE: &str = "SELECT log_seq FROM broken_promise WHERE chain_id = $1 AND promise_hash = $2";

/// Over a partial index of these two kinds.
pub(super) const VOIDED: &str = "SELECT MIN(seq) AS seq FROM log WHERE chain_id = $1 AND seq > $2 AND kind IN (8, 9) \
     AND (kind = 9 OR seq <= $3)";

pub(super) const ADD_KEY_CHANGE: &str =
    "INSERT INTO key_change (chain_id, epoch, log_seq, signed) VALUES ($1, $2, $3, $4)";

pub(super) const KEY_CHANGE: &str = "SELECT log_seq, signed FROM key_change WHERE chain_id = $1 AND epoch = $2";

pub(super) const SAVE: &str = concat!(
    "INSERT INTO batch (chain_id, ",
    batch_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    on_known_batch!(),
);

pub(super) const QUEUE: &str =
    "INSERT INTO inbox (chain_id, item_index, time_ms, content, acc) VALUES ($1, $2, $3, $4, $5)";

pub(super) const SET_ACCOUNT: &str = "INSERT INTO account (chain_id, address, balance, nonce) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (chain_id, address) DO UPDATE SET balance = excluded.balance, nonce = excluded.nonce";

/// Paying twice would break the key.
pub(super) const PAID: &str = "INSERT INTO claim (chain_id, withdrawal_index, log_seq) VALUES ($1, $2, $3)";

pub(super) const ACCOUNT: &str = "SELECT balance, nonce FROM account WHERE chain_id = $1 AND address = $2";

pub(super) const CLAIM: &str = "SELECT log_seq FROM claim WHERE chain_id = $1 AND withdrawal_index = $2";

pub(super) const SET_CHECKPOINT: &str = "INSERT INTO checkpoint (chain_id, next_batch, commitment, block_header, \
     inbox_cursor, inbox_acc) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain_id) DO UPDATE SET \
     next_batch = excluded.next_batch, commitment = excluded.commitment, block_header = excluded.block_header, \
     inbox_cursor = excluded.inbox_cursor, inbox_acc = excluded.inbox_acc";

pub(super) const RECORD: &str = "SELECT * FROM batch WHERE chain_id = $1 AND commitment = $2";

pub(super) const CANONICAL: &str = "SELECT * FROM batch WHERE chain_id = $1 AND batch_index >= $2 AND status < 5 \
     ORDER BY batch_index LIMIT $3";

/// What a post is judged by: the commitment itself, its rival, its anchor, the last item that it takes and the first that
/// it leaves. Numbers that a stranger chose find nothing: stored ones are not negative.
pub(super) const FACTS: &str = "SELECT \
     (SELECT log_seq FROM batch WHERE chain_id = $1 AND commitment = $2) AS known_seq, \
     (SELECT status FROM batch WHERE chain_id = $1 AND commitment = $2) AS known_status, \
     (SELECT signed FROM batch WHERE chain_id = $1 AND batch_index = $3 AND status < 5) AS rival, \
     (SELECT hash FROM log WHERE chain_id = $1 AND seq = $4) AS anchor_hash, \
     (SELECT time_ms FROM log WHERE chain_id = $1 AND seq = $4) AS anchor_ms, \
     (SELECT acc FROM inbox WHERE chain_id = $1 AND item_index = $5) AS inbox_acc, \
     (SELECT time_ms FROM inbox WHERE chain_id = $1 AND item_index = $6) AS first_left_ms, \
     (SELECT time_ms FROM inbox WHERE chain_id = $1 AND item_index = $7) AS oldest_ms";

pub(super) const ENTRIES: &str = "SELECT entry FROM log WHERE chain_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3";

pub(super) const INBOX: &str =
    "SELECT * FROM inbox WHERE chain_id = $1 AND item_index >= $2 ORDER BY item_index LIMIT $3";

pub(super) const GET_CHECKPOINT: &str = "SELECT * FROM checkpoint WHERE chain_id = $1";

pub(super) const LEAVES: &str = "SELECT leaf_key, value FROM state_leaf WHERE chain_id = $1";

pub(super) const CODES: &str = "SELECT code FROM state_code WHERE chain_id = $1";

pub(super) const ADD_CODE: &str = "INSERT INTO state_code (chain_id, code_hash, code) VALUES ($1, $2, $3) \
     ON CONFLICT (chain_id, code_hash) DO NOTHING";
