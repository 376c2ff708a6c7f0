//! `run.rs` in small: what its threads do, in the same order, with transactions that add one to a number.
//!
//! A transaction executed ahead of its time finds what the last one before it that is marked would leave, as in
//! `memory.rs`: the mark first, then what lies in the window.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;
use weft_models::Seen;

use crate::early::Early;
use crate::outcome::Outcome;
use crate::schedule::{Claims, Limit, Race, Stop, Taken};
use crate::turn::{Step, Turn};
use crate::window::Window;

/// Commits after which others are told.
const DONE_EVERY: u32 = 2;

/// A block, and what happens in it.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) len: u32,
    pub(super) in_flight: usize,
    pub(super) at_once: u32,
    /// Threads that work until the block is done. If there were three, two could wait for the third for ever, in turns.
    pub(super) workers: u32,
    /// Threads that claim once, and never come back.
    pub(super) helpers: u32,
    /// Transactions that threads begin before all others.
    pub(super) early: &'static [u32],
    /// Transactions that threads leave to the committer.
    pub(super) left: fn(u32) -> bool,
    /// When this one is done looking ahead ends, until the second one is next.
    pub(super) alone: Option<(u32, u32)>,
    /// Where the block cannot go on.
    pub(super) fails: Option<u32>,
}

/// The number, and who would change it.
#[derive(Default)]
struct Cell {
    value: u32,
    marks: BTreeSet<u32>,
}

struct Head {
    /// All before it are done.
    next: u32,
    alone_until: u32,
    /// What was done, in order.
    log: Vec<u32>,
}

/// It cannot go on.
struct Missing;

pub(super) struct Block {
    plan: Plan,
    window: Window,
    claims: Claims,
    early: Early,
    limit: Limit,
    stop: Stop,
    race: Race,
    taken: Taken,
    head: Mutex<Head>,
    cell: Mutex<Cell>,
    seen: Seen,
}

struct Hand {
    number: u32,
    outcome: Outcome,
}

impl Block {
    fn new(plan: Plan, seen: &Seen) -> Self {
        Self {
            plan,
            window: Window::new(plan.in_flight),
            claims: Claims::new(),
            early: Early::new(plan.early),
            limit: Limit::new(plan.len),
            stop: Stop::new(),
            race: Race::new(),
            taken: Taken::new(),
            head: Mutex::new(Head { next: 0, alone_until: 0, log: Vec::new() }),
            cell: Mutex::default(),
            seen: seen.clone(),
        }
    }

    /// Executes a block, and checks what came of it.
    pub(super) fn run(plan: Plan, seen: &Seen) {
        let block = Arc::new(Self::new(plan, seen));
        let others: Vec<_> = (1..plan.workers + plan.helpers)
            .map(|number| {
                let block = block.clone();
                thread::spawn(move || if number < plan.workers { block.work(number) } else { block.help(number) })
            })
            .collect();
        block.work(0);
        others.into_iter().for_each(|other| other.join().unwrap());
        let (head, cell) = (block.head.lock().unwrap(), block.cell.lock().unwrap());
        let done = plan.fails.unwrap_or(plan.len);
        assert_eq!(head.log, (0..done).collect::<Vec<_>>(), "each once, in order");
        assert_eq!(cell.value, done, "as one after the other");
        if plan.fails.is_none() {
            assert!(cell.marks.is_empty(), "published, and not taken back");
        }
    }

    fn help(&self, number: u32) {
        let mut hand = Hand { number, outcome: Outcome::default() };
        self.claimed(&mut hand, self.claim());
    }

    fn end(&self) -> u32 {
        self.limit.get().min(self.window.done.get().saturating_add(self.window.len()))
    }

    fn claim(&self) -> Range<u32> {
        self.claims.next(self.end(), self.plan.at_once)
    }

    fn work(&self, number: u32) {
        let mut hand = Hand { number, outcome: Outcome::default() };
        let mut idle = 0;
        while !self.stop.is_set() {
            if self.turn(number, idle).may_advance() {
                self.at_head(|head| self.advance(head, &mut hand, idle));
            }
            if let Some(at) = self.early.next(self.end()) {
                self.seen.note("early");
                self.ahead(&mut hand, at);
                continue;
            }
            let claimed = self.claim();
            if claimed.is_empty() {
                // Patience lasts for one turn.
                if idle > 0 {
                    self.race(&mut hand);
                    thread::yield_now();
                }
                idle = 1;
                continue;
            }
            idle = 0;
            self.claimed(&mut hand, claimed);
        }
    }

    fn claimed(&self, hand: &mut Hand, claimed: Range<u32>) {
        let mut at = claimed.start;
        while at < claimed.end && !self.stop.is_set() {
            if self.window.done.get() == at {
                self.at_head(|head| if head.next == at { self.in_turn(head, hand, at..claimed.end) } else { Ok(()) });
            }
            if self.window.done.get() > at {
                at = self.window.done.get();
                continue;
            }
            let left = (at..claimed.end).take_while(|at| (self.plan.left)(*at)).count() as u32;
            if left > 0 {
                at += if self.window.leave(at, left) {
                    left
                } else {
                    self.seen.note("left too late");
                    1
                };
            } else {
                if self.early.is_left(at) {
                    self.ahead(hand, at);
                }
                at += 1;
            }
        }
    }

    fn ahead(&self, hand: &mut Hand, at: u32) {
        self.look_ahead(hand, at);
        let kept = self.window.keep(at, hand.number, &mut hand.outcome, |_| {
            assert!(self.cell.lock().unwrap().marks.insert(at), "published twice");
        });
        if !kept {
            self.seen.note("too late");
        }
    }

    fn look_ahead(&self, hand: &mut Hand, at: u32) {
        let (mut read, writer) = {
            let cell = self.cell.lock().unwrap();
            (cell.value, cell.marks.range(..at).next_back().copied())
        };
        if let Some(writer) = writer {
            let found = self.window.look(writer, |outcome| {
                assert_eq!(outcome.of, Some(writer), "of another transaction");
                outcome.wrote
            });
            self.seen.note(if found.is_some() { "looked" } else { "looked in vain" });
            read = found.unwrap_or(read);
        }
        hand.outcome = Outcome { of: Some(at), read, wrote: read + 1 };
    }

    fn race(&self, hand: &mut Hand) {
        let at = self.window.done.get();
        let taken = self.taken.is_set();
        if taken || !self.claims.are_past(at) || self.window.owner(at).is_some() || !self.race.enter(at) {
            return;
        }
        self.look_ahead(hand, at);
        if self.window.is_late(at) {
            return self.seen.note("lost");
        }
        self.at_head(|head| {
            if head.next != at || !self.window.take_over(at) {
                self.seen.note("lost");
                return Ok(());
            }
            self.seen.note("taken over");
            self.ready(head, &hand.outcome, false)?;
            self.went(head);
            Ok(())
        });
    }

    fn at_head(&self, work: impl FnOnce(&mut Head) -> Result<(), Missing>) {
        if self.taken.is_set() {
            return;
        }
        if let Ok(mut head) = self.head.try_lock() {
            let _here = self.taken.here();
            let result = work(&mut head);
            self.window.done.advance(head.next);
            if result.is_err() {
                self.stop.now();
            }
        }
    }

    fn turn(&self, number: u32, idle: u32) -> Turn<'_> {
        let Self { claims, limit, window, .. } = self;
        Turn { claims, limit, window, len: self.plan.len, number, idle }
    }

    fn advance(&self, head: &mut Head, hand: &mut Hand, idle: u32) -> Result<(), Missing> {
        let turn = self.turn(hand.number, idle);
        while !self.stop.is_set() {
            let at = head.next;
            match turn.step(at, head.alone_until) {
                Step::End => self.stop.now(),
                Step::Commit => {
                    self.take(head, hand, at)?;
                    if head.next.is_multiple_of(DONE_EVERY) {
                        self.window.done.advance(head.next);
                    }
                    self.went(head);
                }
                Step::Left(range) => {
                    self.seen.note("left");
                    self.in_turn(head, hand, range)?;
                }
                Step::InTurn(range) => {
                    self.seen.note("alone");
                    while head.next < range.end && !self.stop.is_set() {
                        self.begun(head, hand)?;
                        self.in_turn(head, hand, head.next..range.end)?;
                    }
                }
                Step::Wait => break,
            }
        }
        Ok(())
    }

    fn in_turn(&self, head: &mut Head, hand: &mut Hand, range: Range<u32>) -> Result<(), Missing> {
        self.window.done.advance(range.start);
        for at in range {
            if self.early.is_left(at) {
                self.admit(head, at)?;
                self.execute(at);
            } else if self.window.owner(at).is_some() {
                self.seen.note("begun");
                self.take(head, hand, at)?;
            } else {
                self.seen.note("begun, not ready");
                break;
            }
            self.went(head);
            if self.stop.is_set() {
                break;
            }
        }
        Ok(())
    }

    fn take(&self, head: &mut Head, hand: &mut Hand, at: u32) -> Result<(), Missing> {
        self.window.take(at, &mut hand.outcome);
        self.ready(head, &hand.outcome, true)
    }

    fn begun(&self, head: &mut Head, hand: &mut Hand) -> Result<(), Missing> {
        let at = head.next;
        if !self.early.is_begun(at) {
            return Ok(());
        }
        if self.window.owner(at).is_none() {
            self.look_ahead(hand, at);
        }
        while self.window.owner(at).is_none() && !self.window.take_over(at) {
            thread::yield_now();
        }
        if self.window.owner(at).is_some() {
            self.take(head, hand, at)?;
        } else {
            self.seen.note("begun, taken over");
            self.ready(head, &hand.outcome, false)?;
        }
        self.went(head);
        Ok(())
    }

    fn ready(&self, head: &mut Head, outcome: &Outcome, published: bool) -> Result<(), Missing> {
        let at = head.next;
        assert_eq!(outcome.of, Some(at), "of another transaction");
        self.admit(head, at)?;
        let mut cell = self.cell.lock().unwrap();
        assert_eq!(cell.marks.remove(&at), published, "published by another, or not at all");
        if cell.value == outcome.read {
            self.seen.note("committed");
            cell.value = outcome.wrote;
        } else {
            self.seen.note("repeated");
            drop(cell);
            self.pace(head);
            self.cell.lock().unwrap().value += 1;
        }
        Ok(())
    }

    fn admit(&self, head: &mut Head, at: u32) -> Result<(), Missing> {
        assert_eq!(at, head.next, "out of turn");
        if self.plan.fails == Some(at) {
            return Err(Missing);
        }
        head.log.push(at);
        head.next += 1;
        Ok(())
    }

    fn execute(&self, at: u32) {
        let mut cell = self.cell.lock().unwrap();
        assert!(!cell.marks.contains(&at), "published, and executed by another");
        cell.value += 1;
    }

    fn went(&self, head: &mut Head) {
        if head.next >= self.plan.len {
            return self.stop.now();
        }
        self.pace(head);
    }

    fn pace(&self, head: &mut Head) {
        let Some((last, until)) = self.plan.alone else { return };
        if head.next == last + 1 {
            head.alone_until = until;
            self.limit.set(head.next);
        } else if head.next >= until {
            self.limit.set(self.plan.len);
        }
    }
}
