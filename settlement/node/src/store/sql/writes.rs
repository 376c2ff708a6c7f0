//! Writing, and the [`crate::store::Store`] of it all.

/// Implements transitions and [`crate::store::Store`] for a store that has [`super::sql_reads`], the field
/// `writer: Arc<Writer<Connection>>`, the constant `BEGIN` and the methods `write`, `put_leaves` and `retry`.
macro_rules! sql_writes {
    ($Store:ident, $Connection:ty, $Driver:ty) => {
        type Query<'q> = sqlx::query::Query<'q, $Driver, <$Driver as sqlx::Database>::Arguments>;

        impl $Store {
            async fn try_open(&self, genesis: &Genesis) -> Result<(), StoreError> {
                let mut held = self.writer.take().await?;
                let mut tx = held.begin_with(Self::BEGIN).await?;
                let made = sqlx::query(sql::NEW_CHAIN)
                    .bind(self.chain_id)
                    .bind(genesis.config_hash.to_vec())
                    .bind(vec![0u8; 32])
                    .bind(genesis.terms.encode())
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
                if row.maybe_bytes("terms")?.is_none() {
                    sqlx::query(sql::SET_TERMS)
                        .bind(self.chain_id)
                        .bind(genesis.terms.encode())
                        .execute(&mut *tx)
                        .await?;
                } else {
                    rows::check_terms(&row, &genesis.terms)?;
                }
                tx.commit().await?;
                held.keep();
                Ok(())
            }

            async fn try_commit(&self, write: &Write) -> Result<(), StoreError> {
                let mut held = self.writer.take().await?;
                let written = self.write(&mut held, write).await;
                // After any other failure it is not known what the connection is good for.
                if matches!(written, Ok(()) | Err(StoreError::Conflict)) {
                    held.keep();
                }
                written
            }

            /// Any transition, in a transaction of several statements.
            async fn write_all(&self, connection: &mut $Connection, write: &Write) -> Result<(), StoreError> {
                let mut tx = connection.begin_with(Self::BEGIN).await?;
                let moved = self.bind_head(sqlx::query(sql::MOVE_CHAIN), write).execute(&mut *tx).await?;
                if moved.rows_affected() != 1 {
                    tx.rollback().await?;
                    return Err(StoreError::Conflict);
                }
                for effect in &write.effects {
                    match effect {
                        Effect::Append(entry) => self.append(&mut tx, entry).await?,
                        Effect::Save(record) => self.save(&mut tx, record).await?,
                        Effect::Queue(row) => self.queue(&mut tx, row).await?,
                        Effect::Account(account) => self.set_account(&mut tx, account).await?,
                        Effect::Claimed(claimed) => self.set_paid(&mut tx, claimed).await?,
                    }
                }
                if let Some(state) = &write.state {
                    self.put_state(&mut tx, state).await?;
                }
                Ok(tx.commit().await?)
            }

            /// Parameters 1 to 18.
            fn bind_head<'q>(&self, query: Query<'q>, write: &Write) -> Query<'q> {
                let head = &write.head;
                query
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
                    .bind(head.posting_key.map(|key| key.to_vec()))
                    .bind(rows::sql(head.bridge.fundings))
                    .bind(head.bridge.funded.to_be_bytes().to_vec())
                    .bind(head.bridge.deposited.to_be_bytes().to_vec())
                    .bind(head.bridge.escrow.to_be_bytes().to_vec())
            }

            /// Five parameters.
            fn bind_entry<'q>(query: Query<'q>, entry: &LogEntry) -> Query<'q> {
                query
                    .bind(rows::sql(entry.seq))
                    .bind(i64::from(entry.event.kind()))
                    .bind(rows::sql(entry.time_ms))
                    .bind(entry.hash().to_vec())
                    .bind(entry.encode())
            }

            /// Twelve parameters.
            fn bind_record<'q>(query: Query<'q>, record: &Record) -> Query<'q> {
                let rejection = record.rejection;
                query
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
                    .bind(record.available_ms.map(rows::sql))
                    .bind(rows::votes_bytes(&record.votes))
            }

            async fn append(&self, connection: &mut $Connection, entry: &LogEntry) -> Result<(), StoreError> {
                Self::bind_entry(sqlx::query(sql::APPEND).bind(self.chain_id), entry).execute(&mut *connection).await?;
                if let Event::Equivocation(evidence) = &entry.event {
                    sqlx::query(sql::EVIDENCE)
                        .bind(self.chain_id)
                        .bind(rows::sql(entry.seq))
                        .bind(evidence.first.encode())
                        .bind(evidence.second.encode())
                        .execute(&mut *connection)
                        .await?;
                }
                if let Event::BrokenPromise(broken) = &entry.event {
                    sqlx::query(sql::ADD_BROKEN_PROMISE)
                        .bind(self.chain_id)
                        .bind(broken.promise.promise.hash().to_vec())
                        .bind(rows::sql(entry.seq))
                        .bind(broken.promise.encode())
                        .bind(broken.commitment.to_vec())
                        .bind(broken.stands.to_vec())
                        .execute(&mut *connection)
                        .await?;
                }
                if let Event::KeyChange(signed) = &entry.event {
                    sqlx::query(sql::ADD_KEY_CHANGE)
                        .bind(self.chain_id)
                        .bind(rows::sql(signed.change.epoch))
                        .bind(rows::sql(entry.seq))
                        .bind(signed.encode())
                        .execute(connection)
                        .await?;
                }
                Ok(())
            }

            async fn save(&self, connection: &mut $Connection, record: &Record) -> Result<(), StoreError> {
                Self::bind_record(sqlx::query(sql::SAVE).bind(self.chain_id), record).execute(connection).await?;
                Ok(())
            }

            async fn queue(&self, connection: &mut $Connection, row: &InboxRow) -> Result<(), StoreError> {
                sqlx::query(sql::QUEUE)
                    .bind(self.chain_id)
                    .bind(rows::sql(row.item.index))
                    .bind(rows::sql(row.item.time_ms))
                    .bind(row.item.content.encode().to_vec())
                    .bind(row.acc.to_vec())
                    .execute(connection)
                    .await?;
                Ok(())
            }

            async fn set_account(&self, connection: &mut $Connection, account: &Account) -> Result<(), StoreError> {
                sqlx::query(sql::SET_ACCOUNT)
                    .bind(self.chain_id)
                    .bind(account.address.to_vec())
                    .bind(account.balance.to_be_bytes().to_vec())
                    .bind(rows::sql(account.nonce))
                    .execute(connection)
                    .await?;
                Ok(())
            }

            async fn set_paid(&self, connection: &mut $Connection, claimed: &Claimed) -> Result<(), StoreError> {
                sqlx::query(sql::PAID)
                    .bind(self.chain_id)
                    .bind(rows::sql(claimed.index))
                    .bind(rows::sql(claimed.log_seq))
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

            fn key_change(&self, epoch: u64) -> Answer<'_, Option<(u64, SignedKeyChange)>> {
                Box::pin(self.try_key_change(epoch))
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

            fn account(&self, address: Address) -> Answer<'_, Account> {
                Box::pin(self.try_account(address))
            }

            fn paid(&self, index: u64) -> Answer<'_, Option<u64>> {
                Box::pin(self.try_paid(index))
            }

            fn broken_promise(&self, promise: B256) -> Answer<'_, Option<u64>> {
                Box::pin(self.try_broken_promise(promise))
            }

            fn voided(&self, base: u64, commitment: u64) -> Answer<'_, Option<u64>> {
                Box::pin(self.try_voided(base, commitment))
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

pub(in crate::store) use sql_writes;
