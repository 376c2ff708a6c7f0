//! One connection's brakes, shared by its socket, its calls and its subscriptions.
//!
//! Invariant: nothing more is read from a client that has [`MAX_IN_FLIGHT`] calls running or does not take what
//! it was sent, so the memory that one connection can claim is bounded by what it has sent before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Context;

use futures::task::AtomicWaker;

/// Calls of one connection that run at once; further ones wait in the socket.
pub const MAX_IN_FLIGHT: usize = 256;

/// The brakes of one connection.
#[derive(Debug, Default)]
pub struct Gate {
    closed: AtomicBool,
    write_stalled: AtomicBool,
    in_flight: AtomicUsize,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

/// What the socket may do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Go on.
    Open,
    /// Not before it is woken.
    Wait,
    /// Never again.
    Closed,
}

impl Gate {
    /// Cuts the connection, whatever it is doing.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.reader.wake();
        self.writer.wake();
    }

    /// Whether it was cut.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Counts a call until the answer is dropped.
    pub fn enter(self: &Arc<Self>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(self.clone())
    }

    /// Asked before each read; the task is woken when the answer changes.
    pub(super) fn may_read(&self, context: &Context<'_>) -> Passage {
        self.reader.register(context.waker());
        if self.is_closed() {
            Passage::Closed
        } else if self.write_stalled.load(Ordering::Acquire) || self.in_flight.load(Ordering::Acquire) >= MAX_IN_FLIGHT
        {
            Passage::Wait
        } else {
            Passage::Open
        }
    }

    /// Asked before each write; the task is woken when the answer changes.
    pub(super) fn may_write(&self, context: &Context<'_>) -> Passage {
        self.writer.register(context.waker());
        if self.is_closed() { Passage::Closed } else { Passage::Open }
    }

    /// The client does not take what it is sent, or takes it again.
    pub(super) fn set_write_stalled(&self, stalled: bool) {
        if self.write_stalled.swap(stalled, Ordering::AcqRel) && !stalled {
            self.reader.wake();
        }
    }
}

/// A running call.
#[derive(Debug)]
pub struct InFlight(Arc<Gate>);

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::AcqRel) == MAX_IN_FLIGHT {
            self.0.reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use std::task::{Wake, Waker};

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn reading_stops_and_goes_on() {
        let gate = Arc::new(Gate::default());
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let context = Context::from_waker(&waker);
        let woken = || count.0.swap(0, Ordering::Relaxed);

        let mut calls: Vec<InFlight> = (1..MAX_IN_FLIGHT).map(|_| gate.enter()).collect();
        assert_eq!(gate.may_read(&context), Passage::Open);
        calls.push(gate.enter());
        assert_eq!(gate.may_read(&context), Passage::Wait);
        calls.pop();
        assert_eq!((woken(), gate.may_read(&context)), (1, Passage::Open));

        gate.set_write_stalled(true);
        assert_eq!(gate.may_read(&context), Passage::Wait);
        gate.set_write_stalled(false);
        assert_eq!((woken(), gate.may_read(&context)), (1, Passage::Open));

        gate.close();
        assert_eq!(gate.may_read(&context), Passage::Closed);
        assert_eq!(gate.may_write(&context), Passage::Closed);
    }
}
