//! Reading: rows of either driver, and what a store looks up.

/// Implements [`crate::store::rows::Cells`] for the driver's rows, and the lookups of a store with the fields
/// `chain_id: i64` and `readers: Pool` and the method `snapshot`.
macro_rules! sql_reads {
    ($Store:ident, $Row:ty) => {
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

            /// One statement, because a post waits for it.
            async fn try_facts(&self, signed: &SignedBatch) -> Result<PostFacts, StoreError> {
                let header = &signed.header;
                let row = sqlx::query(sql::FACTS)
                    .bind(self.chain_id)
                    .bind(header.hash().to_vec())
                    .bind(rows::sql(header.batch_index))
                    .bind(rows::sql(header.anchor_seq))
                    .bind(rows::sql(header.inbox_to.wrapping_sub(1)))
                    .bind(rows::sql(header.inbox_to))
                    .bind(rows::sql(header.inbox_from))
                    .fetch_one(&self.readers)
                    .await?;
                rows::facts(&row, header.inbox_to)
            }

            async fn try_record(&self, commitment: B256) -> Result<Option<Record>, StoreError> {
                let row = sqlx::query(sql::RECORD)
                    .bind(self.chain_id)
                    .bind(commitment.to_vec())
                    .fetch_optional(&self.readers)
                    .await?;
                row.as_ref().map(rows::record).transpose()
            }

            async fn try_key_change(&self, epoch: u64) -> Result<Option<(u64, SignedKeyChange)>, StoreError> {
                let row = sqlx::query(sql::KEY_CHANGE)
                    .bind(self.chain_id)
                    .bind(rows::sql(epoch))
                    .fetch_optional(&self.readers)
                    .await?;
                row.as_ref().map(rows::key_change).transpose()
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

            async fn try_account(&self, address: Address) -> Result<Account, StoreError> {
                let row = sqlx::query(sql::ACCOUNT)
                    .bind(self.chain_id)
                    .bind(address.to_vec())
                    .fetch_optional(&self.readers)
                    .await?;
                row.map_or(Ok(Account::empty(address)), |row| rows::account(address, &row))
            }

            async fn try_paid(&self, index: u64) -> Result<Option<u64>, StoreError> {
                let row = sqlx::query(sql::CLAIM)
                    .bind(self.chain_id)
                    .bind(rows::sql(index))
                    .fetch_optional(&self.readers)
                    .await?;
                row.map(|row| row.int("log_seq")).transpose()
            }

            async fn try_broken_promise(&self, promise: B256) -> Result<Option<u64>, StoreError> {
                let row = sqlx::query(sql::BROKEN_PROMISE)
                    .bind(self.chain_id)
                    .bind(promise.to_vec())
                    .fetch_optional(&self.readers)
                    .await?;
                row.map(|row| row.int("log_seq")).transpose()
            }

            async fn try_voided(&self, base: u64, commitment: u64) -> Result<Option<u64>, StoreError> {
                let row = sqlx::query(sql::VOIDED)
                    .bind(self.chain_id)
                    .bind(rows::sql(base))
                    .bind(rows::sql(commitment))
                    .fetch_one(&self.readers)
                    .await?;
                row.maybe_int("seq")
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
    };
}

pub(in crate::store) use sql_reads;
