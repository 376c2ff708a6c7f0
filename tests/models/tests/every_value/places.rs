//! A place in the window, in the hands of whoever claimed its transaction, the committer and those who look.

use std::sync::Arc;

use loom::thread;
use weft_models::{Seen, explore};

use crate::outcome::Outcome;
use crate::schedule::Owner;
use crate::window::Window;

fn outcome(at: u32) -> Outcome {
    Outcome { of: Some(at), read: at, wrote: at + 1 }
}

/// Commits the transaction at `at`, or takes it over, if either can be.
fn commit(window: &Window, at: u32, seen: &Seen) -> bool {
    match window.owner(at) {
        Some(Owner::Thread(owner)) => {
            assert_eq!(owner, 1);
            let mut taken = Outcome::default();
            window.take(at, &mut taken);
            assert_eq!((taken.of, taken.wrote), (Some(at), at + 1));
            seen.note("committed");
            true
        }
        Some(Owner::Committer(count)) => {
            assert_eq!(count, 1);
            seen.note("left");
            true
        }
        None => {
            let taken_over = window.take_over(at);
            seen.note(if taken_over { "taken over" } else { "just coming" });
            taken_over
        }
    }
}

#[test]
fn a_transaction_is_kept_or_taken_over() {
    let expected = ["committed", "taken over", "just coming", "too late"];
    explore("keep or take over", None, &expected, |seen| {
        let window = Arc::new(Window::new(1));
        let other = {
            let (window, seen) = (window.clone(), seen.clone());
            thread::spawn(move || {
                let mut published = false;
                let kept = window.keep(0, 1, &mut outcome(0), |_| published = true);
                assert_eq!(kept, published);
                if !kept {
                    seen.note("too late");
                }
                kept
            })
        };
        let before = commit(&window, 0, seen);
        let taken_over = before && window.owner(0).is_none();
        let kept = other.join().unwrap();
        assert_ne!(kept, taken_over);
        assert!(before || commit(&window, 0, seen));
    });
}

#[test]
fn a_transaction_is_left_or_taken_over() {
    let expected = ["left", "taken over", "just coming"];
    explore("leave or take over", None, &expected, |seen| {
        let window = Arc::new(Window::new(1));
        let other = {
            let window = window.clone();
            thread::spawn(move || window.leave(0, 1))
        };
        let before = commit(&window, 0, seen);
        let taken_over = before && window.owner(0).is_none();
        assert_ne!(other.join().unwrap(), taken_over);
        assert_eq!(window.owner(0).is_none(), taken_over);
        assert!(before || commit(&window, 0, seen));
    });
}

/// One thread wakes up late, when its place is a later transaction's.
#[test]
fn what_comes_late_never_shows() {
    let expected = ["taken over", "too late", "looked", "in vain"];
    explore("late", None, &expected, |seen| {
        let window = Arc::new(Window::new(1));
        let late = {
            let (window, seen) = (window.clone(), seen.clone());
            thread::spawn(move || {
                let kept = window.keep(0, 1, &mut outcome(0), |_| {});
                seen.note(if kept { "in time" } else { "too late" });
            })
        };
        if !commit(&window, 0, seen) {
            late.join().unwrap();
            return;
        }
        // The next one that has this place.
        let next = {
            let window = window.clone();
            thread::spawn(move || assert!(window.keep(1, 1, &mut outcome(1), |_| {})))
        };
        match window.look(1, |outcome| (outcome.of, outcome.wrote)) {
            Some(found) => {
                seen.note("looked");
                assert_eq!(found, (Some(1), 2));
            }
            None => seen.note("in vain"),
        }
        next.join().unwrap();
        late.join().unwrap();
        assert_eq!(window.look(0, |_| ()), None);
        assert_eq!(window.owner(1), Some(Owner::Thread(1)));
        assert!(commit(&window, 1, seen));
        assert_eq!(window.look(1, |_| ()), None);
    });
}
