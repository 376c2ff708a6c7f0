//! What the two SQL stores share: the statements, and a macro that runs them on either driver.
//!
//! Both databases take the same text (`$1` parameters, `ON CONFLICT`). What
//! differs (connecting, beginning a transaction, writing many leaves at once)
//! is in the store's own file.

pub(super) const NEW_CHAIN: &str = "INSERT INTO chain (chain_id, config_hash, version, log_seq, log_hash, log_time_ms, \
     epoch, generation, frozen, inbox_len, inbox_acc) VALUES ($1, $2, 0, 0, $3, 0, 0, 0, 0, 0, $3) \
     ON CONFLICT (chain_id) DO NOTHING";

pub(super) const GET_CHAIN: &str = "SELECT * FROM chain WHERE chain_id = $1";

/// The compare-and-swap: it moves one row or none, and holds the row until the transaction ends.
pub(super) const MOVE_CHAIN: &str = "UPDATE chain SET version = version + 1, log_seq = $3, log_hash = $4, \
     log_time_ms = $5, tip_index = $6, tip_hash = $7, finalized_index = $8, epoch = $9, generation = $10, \
     frozen = $11, inbox_len = $12, inbox_acc = $13 WHERE chain_id = $1 AND version = $2";

pub(super) const APPEND: &str =
    "INSERT INTO log (chain_id, seq, kind, time_ms, hash, entry) VALUES ($1, $2, $3, $4, $5, $6)";

pub(super) const EVIDENCE: &str =
    "INSERT INTO equivocation (chain_id, log_seq, first_signed, second_signed) VALUES ($1, $2, $3, $4)";

pub(super) const SAVE: &str = "INSERT INTO batch (chain_id, commitment, batch_index, generation, status, signed, \
     log_seq, posted_ms, finalized_ms, reject_reason, reject_block) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (chain_id, commitment) DO UPDATE SET \
     status = excluded.status, finalized_ms = excluded.finalized_ms, reject_reason = excluded.reject_reason, \
     reject_block = excluded.reject_block";

pub(super) const QUEUE: &str =
    "INSERT INTO inbox (chain_id, item_index, time_ms, signed_transaction, acc) VALUES ($1, $2, $3, $4, $5)";

pub(super) const SET_CHECKPOINT: &str = "INSERT INTO checkpoint (chain_id, next_batch, commitment, block_header, \
     inbox_cursor, inbox_acc) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (chain_id) DO UPDATE SET \
     next_batch = excluded.next_batch, commitment = excluded.commitment, block_header = excluded.block_header, \
     inbox_cursor = excluded.inbox_cursor, inbox_acc = excluded.inbox_acc";

pub(super) const RECORD: &str = "SELECT * FROM batch WHERE chain_id = $1 AND commitment = $2";

pub(super) const CANONICAL: &str = "SELECT * FROM batch WHERE chain_id = $1 AND batch_index >= $2 AND status < 5 \
     ORDER BY batch_index LIMIT $3";

pub(super) const ANCHOR: &str = "SELECT hash, time_ms FROM log WHERE chain_id = $1 AND seq = $2";

pub(super) const ENTRIES: &str = "SELECT entry FROM log WHERE chain_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3";

pub(super) const INBOX: &str =
    "SELECT * FROM inbox WHERE chain_id = $1 AND item_index >= $2 ORDER BY item_index LIMIT $3";

pub(super) const GET_CHECKPOINT: &str = "SELECT * FROM checkpoint WHERE chain_id = $1";

pub(super) const LEAVES: &str = "SELECT leaf_key, value FROM state_leaf WHERE chain_id = $1";

pub(super) const CODES: &str = "SELECT code FROM state_code WHERE chain_id = $1";

pub(super) const ADD_CODE: &str = "INSERT INTO state_code (chain_id, code_hash, code) VALUES ($1, $2, $3) \
     ON CONFLICT (chain_id, code_hash) DO NOTHING";

/// Implements reading, writing and [`super::Store`] for a store with the fields `chain_id: i64`, `readers: Pool` and
/// the methods `begin`, `snapshot`, `put_leaves` and `retry`.
macro_rules! sql_store {
    ($Store:ident, $Row:ty, $Connection:ty) => {
        impl $crate::store::rows::Cells for $Row {
            fn int(&self, name: &'static str) -> Result<u64, StoreError> {
                Ok(sqlx::Row::try_get::<i64, _>(self, name)?.cast_unsigned())
            }

            fn maybe_int(&self, name: &'static str) -> Result<Option<u64>, StoreError> {
                Ok(sqlx::Row::try_get::<Option<i64>, _>(self, name)?.map(i64::cast_unsigned))
            }

            fn bytes(&self, name: &'static str) -> Result<Vec<u8>, StoreError> {
                Ok(sqlx::Row::try_get(self, name)?)
            }

            fn maybe_bytes(&self, name: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
                Ok(sqlx::Row::try_get(self, name)?)
            }
        }

        impl $Store {
            async fn try_open(&self, genesis: &Genesis) -> Result<(), StoreError> {
                let mut tx = self.begin().await?;
                let made = sqlx::query(sql::NEW_CHAIN)
                    .bind(self.chain_id)
                    .bind(genesis.config_hash.to_vec())
                    .bind(vec![0u8; 32])
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
                if made == 1 {
                    self.put_state(&mut tx, &genesis.state).await?;
                }
                let row = sqlx::query(sql::GET_CHAIN).bind(self.chain_id).fetch_one(&mut *tx).await?;
                let (found, expected) = (row.hash("config_hash")?, genesis.config_hash);
                if found != expected {
                    return Err(StoreError::WrongChain { found, expected });
                }
                Ok(tx.commit().await?)
            }

            async fn try_commit(&self, write: &Write) -> Result<(), StoreError> {
                let mut tx = self.begin().await?;
                self.move_chain(&mut tx, write).await?;
                for effect in &write.effects {
                    match effect {
                        Effect::Append(entry) => self.append(&mut tx, entry).await?,
                        Effect::Save(record) => self.save(&mut tx, record).await?,
                        Effect::Queue(row) => self.queue(&mut tx, row).await?,
                    }
                }
                if let Some(state) = &write.state {
                    self.put_state(&mut tx, state).await?;
                }
                Ok(tx.commit().await?)
            }

            async fn move_chain(&self, connection: &mut $Connection, write: &Write) -> Result<(), StoreError> {
                let head = &write.head;
                let moved = sqlx::query(sql::MOVE_CHAIN)
                    .bind(self.chain_id)
                    .bind(rows::sql(write.version))
                    .bind(rows::sql(head.log_seq))
                    .bind(head.log_hash.to_vec())
                    .bind(rows::sql(head.log_time_ms))
                    .bind(head.tip.map(|(index, _)| rows::sql(index)))
                    .bind(head.tip.map(|(_, hash)| hash.to_vec()))
                    .bind(head.finalized_index.map(rows::sql))
                    .bind(rows::sql(head.epoch))
                    .bind(rows::sql(head.generation))
                    .bind(i64::from(head.frozen))
                    .bind(rows::sql(head.inbox_len))
                    .bind(head.inbox_acc.to_vec())
                    .execute(connection)
                    .await?
                    .rows_affected();
                if moved == 1 { Ok(()) } else { Err(StoreError::Conflict) }
            }

            async fn append(&self, connection: &mut $Connection, entry: &LogEntry) -> Result<(), StoreError> {
                sqlx::query(sql::APPEND)
                    .bind(self.chain_id)
                    .bind(rows::sql(entry.seq))
                    .bind(i64::from(entry.event.kind()))
                    .bind(rows::sql(entry.time_ms))
                    .bind(entry.hash().to_vec())
                    .bind(entry.encode())
                    .execute(&mut *connection)
                    .await?;
                if let Event::Equivocation(evidence) = &entry.event {
                    sqlx::query(sql::EVIDENCE)
                        .bind(self.chain_id)
                        .bind(rows::sql(entry.seq))
                        .bind(evidence.first.encode())
                        .bind(evidence.second.encode())
                        .execute(connection)
                        .await?;
                }
                Ok(())
            }

            async fn save(&self, connection: &mut $Connection, record: &Record) -> Result<(), StoreError> {
                let rejection = record.rejection;
                sqlx::query(sql::SAVE)
                    .bind(self.chain_id)
                    .bind(record.commitment.to_vec())
                    .bind(rows::sql(record.signed.header.batch_index))
                    .bind(rows::sql(record.generation))
                    .bind(i64::from(record.status.code()))
                    .bind(record.signed.encode())
                    .bind(rows::sql(record.log_seq))
                    .bind(rows::sql(record.posted_ms))
                    .bind(record.finalized_ms.map(rows::sql))
                    .bind(rejection.map(|rejection| i64::from(rejection.reason.code())))
                    .bind(rejection.and_then(|rejection| rejection.block).map(rows::sql))
                    .execute(connection)
                    .await?;
                Ok(())
            }

            async fn queue(&self, connection: &mut $Connection, row: &InboxRow) -> Result<(), StoreError> {
                sqlx::query(sql::QUEUE)
                    .bind(self.chain_id)
                    .bind(rows::sql(row.item.index))
                    .bind(rows::sql(row.item.time_ms))
                    .bind(row.item.transaction.to_vec())
                    .bind(row.acc.to_vec())
                    .execute(connection)
                    .await?;
                Ok(())
            }

            async fn put_state(&self, connection: &mut $Connection, state: &StateWrite) -> Result<(), StoreError> {
                let checkpoint = &state.checkpoint;
                sqlx::query(sql::SET_CHECKPOINT)
                    .bind(self.chain_id)
                    .bind(rows::sql(checkpoint.next_batch))
                    .bind(checkpoint.commitment.to_vec())
                    .bind(alloy_rlp::encode(&checkpoint.block.header))
                    .bind(rows::sql(checkpoint.inbox_cursor))
                    .bind(checkpoint.inbox_acc.to_vec())
                    .execute(&mut *connection)
                    .await?;
                for (hash, code) in &state.codes {
                    sqlx::query(sql::ADD_CODE)
                        .bind(self.chain_id)
                        .bind(hash.to_vec())
                        .bind(code.to_vec())
                        .execute(&mut *connection)
                        .await?;
                }
                self.put_leaves(connection, &state.leaves).await
            }

            async fn try_load(&self) -> Result<Loaded, StoreError> {
                let mut tx = self.snapshot().await?;
                let row = sqlx::query(sql::GET_CHAIN).bind(self.chain_id).fetch_one(&mut *tx).await?;
                let (version, head) = rows::head(&row)?;
                let first = head.finalized_index.unwrap_or_default();
                let rows = sqlx::query(sql::CANONICAL)
                    .bind(self.chain_id)
                    .bind(rows::sql(first))
                    .bind(i64::MAX)
                    .fetch_all(&mut *tx)
                    .await?;
                let mut pending = rows.iter().map(rows::record).collect::<Result<Vec<_>, _>>()?;
                let is_final = pending.first().is_some_and(|record| record.status == Status::Finalized);
                let finalized = is_final.then(|| pending.remove(0));
                Ok(Loaded { version, head, finalized, pending })
            }

            async fn try_facts(&self, signed: &SignedBatch) -> Result<PostFacts, StoreError> {
                let header = &signed.header;
                let known = self.try_record(header.hash()).await?;
                let rivals = self.try_canonical(header.batch_index, 1).await?;
                let rival = rivals.into_iter().find(|record| record.signed.header.batch_index == header.batch_index);
                let anchor = sqlx::query(sql::ANCHOR)
                    .bind(self.chain_id)
                    .bind(rows::sql(header.anchor_seq))
                    .fetch_optional(&self.readers)
                    .await?;
                let anchor = match anchor {
                    Some(row) => Some(Anchor { hash: row.hash("hash")?, time_ms: row.int("time_ms")? }),
                    None => None,
                };
                let around = self.try_inbox(header.inbox_to.saturating_sub(1), 2).await?;
                let at = |index| around.iter().find(|row| row.item.index == index);
                let inbox_acc = match header.inbox_to.checked_sub(1) {
                    None => Some(B256::ZERO),
                    Some(last) => at(last).map(|row| row.acc),
                };
                Ok(PostFacts {
                    known: known.map(|record| (record.log_seq, record.status)),
                    rival: rival.map(|record| record.signed),
                    anchor,
                    inbox_acc,
                    first_left_ms: at(header.inbox_to).map(|row| row.item.time_ms),
                })
            }

            async fn try_record(&self, commitment: B256) -> Result<Option<Record>, StoreError> {
                let row = sqlx::query(sql::RECORD)
                    .bind(self.chain_id)
                    .bind(commitment.to_vec())
                    .fetch_optional(&self.readers)
                    .await?;
                row.as_ref().map(rows::record).transpose()
            }

            async fn try_canonical(&self, from_index: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
                // Stored numbers are signed: an index beyond them is beyond the last.
                let Ok(from_index) = i64::try_from(from_index) else { return Ok(Vec::new()) };
                let rows = sqlx::query(sql::CANONICAL)
                    .bind(self.chain_id)
                    .bind(from_index)
                    .bind(i64::from(limit.min(MAX_PAGE)))
                    .fetch_all(&self.readers)
                    .await?;
                rows.iter().map(rows::record).collect()
            }

            async fn try_entries(&self, from_seq: u64, limit: u32) -> Result<Vec<LogEntry>, StoreError> {
                let Ok(from_seq) = i64::try_from(from_seq) else { return Ok(Vec::new()) };
                let rows = sqlx::query(sql::ENTRIES)
                    .bind(self.chain_id)
                    .bind(from_seq)
                    .bind(i64::from(limit.min(MAX_PAGE)))
                    .fetch_all(&self.readers)
                    .await?;
                rows.iter().map(rows::entry).collect()
            }

            async fn try_inbox(&self, from_index: u64, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
                let Ok(from_index) = i64::try_from(from_index) else { return Ok(Vec::new()) };
                let rows = sqlx::query(sql::INBOX)
                    .bind(self.chain_id)
                    .bind(from_index)
                    .bind(i64::from(limit.min(MAX_PAGE)))
                    .fetch_all(&self.readers)
                    .await?;
                rows.iter().map(rows::inbox_row).collect()
            }

            async fn try_verifier_state(&self) -> Result<VerifierState, StoreError> {
                let mut tx = self.snapshot().await?;
                let row = sqlx::query(sql::GET_CHECKPOINT).bind(self.chain_id).fetch_one(&mut *tx).await?;
                let checkpoint = rows::checkpoint(&row)?;
                let mut leaves = Vec::new();
                let mut found = sqlx::query(sql::LEAVES).bind(self.chain_id).fetch(&mut *tx);
                while let Some(row) = found.try_next().await? {
                    leaves.push(rows::leaf(&row)?);
                }
                drop(found);
                let found = sqlx::query(sql::CODES).bind(self.chain_id).fetch_all(&mut *tx).await?;
                let codes = found.iter().map(|row| Ok(Bytes::from(row.bytes("code")?)));
                Ok(VerifierState { checkpoint, leaves, codes: codes.collect::<Result<_, StoreError>>()? })
            }
        }

        impl Store for $Store {
            fn open<'a>(&'a self, genesis: &'a Genesis) -> Answer<'a, ()> {
                Box::pin(self.retry(move || self.try_open(genesis)))
            }

            fn load(&self) -> Answer<'_, Loaded> {
                Box::pin(self.retry(|| self.try_load()))
            }

            fn version(&self) -> Answer<'_, u64> {
                Box::pin(async {
                    let row = sqlx::query(sql::GET_CHAIN).bind(self.chain_id).fetch_one(&self.readers).await?;
                    row.int("version")
                })
            }

            fn commit<'a>(&'a self, write: &'a Write) -> Answer<'a, ()> {
                Box::pin(self.retry(move || self.try_commit(write)))
            }

            fn facts<'a>(&'a self, signed: &'a SignedBatch) -> Answer<'a, PostFacts> {
                Box::pin(self.try_facts(signed))
            }

            fn entries(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<LogEntry>> {
                Box::pin(self.try_entries(from_seq, limit))
            }

            fn record(&self, commitment: B256) -> Answer<'_, Option<Record>> {
                Box::pin(self.try_record(commitment))
            }

            fn canonical(&self, from_index: u64, limit: u32) -> Answer<'_, Vec<Record>> {
                Box::pin(self.try_canonical(from_index, limit))
            }

            fn inbox(&self, from_index: u64, limit: u32) -> Answer<'_, Vec<InboxRow>> {
                Box::pin(self.try_inbox(from_index, limit))
            }

            fn verifier_state(&self) -> Answer<'_, VerifierState> {
                Box::pin(self.retry(|| self.try_verifier_state()))
            }
        }
    };
}

pub(super) use sql_store;
