//! The one connection that writes, kept from one transition to the next.
//!
//! A pool would ask the server whether the connection lives each time that it
//! is taken and each time that it is given back: round trips that a post would
//! wait for. Here it is asked only after a rest. A connection on which anything
//! failed, or whose user was interrupted, is dropped; the next one who writes
//! connects.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use sqlx::Connection;
use tokio::sync::{Mutex, MutexGuard};

use super::StoreError;

/// A connection that rested for longer is asked whether it lives.
const REST: Duration = Duration::from_secs(1);

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Gives the connection to one at a time.
#[derive(Debug)]
pub(super) struct Writer<C: Connection> {
    options: C::Options,
    idle: Mutex<Option<(C, Instant)>>,
}

/// The connection, in one hand. It is dropped with this unless it is [kept](Held::keep).
pub(super) struct Held<'a, C: Connection> {
    place: MutexGuard<'a, Option<(C, Instant)>>,
    connection: C,
}

impl<C: Connection> Writer<C> {
    /// Connects when first used.
    pub(super) fn new(options: C::Options) -> Self {
        Self { options, idle: Mutex::new(None) }
    }

    /// Another one to the same database.
    pub(super) fn another(&self) -> Self {
        Self::new(self.options.clone())
    }

    /// Takes the connection, when nobody else has it.
    pub(super) async fn take(&self) -> Result<Held<'_, C>, StoreError> {
        let mut place = self.idle.lock().await;
        if let Some((mut connection, since)) = place.take()
            && (since.elapsed() < REST || connection.ping().await.is_ok())
        {
            return Ok(Held { place, connection });
        }
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, C::connect_with(&self.options)).await;
        let connection = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        Ok(Held { place, connection })
    }
}

impl<C: Connection> Held<'_, C> {
    /// Gives it back for the next one.
    pub(super) fn keep(mut self) {
        *self.place = Some((self.connection, Instant::now()));
    }
}

impl<C: Connection> Deref for Held<'_, C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.connection
    }
}

impl<C: Connection> DerefMut for Held<'_, C> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.connection
    }
}
