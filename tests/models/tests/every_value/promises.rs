//! Of each atomic that promises it: what was written before is visible to whoever sees it.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;
use weft_models::explore;

use crate::schedule::{Done, Owner, Race, Ready, Stop, Taken, Wanted};

/// Something plain, written before `tell` and read by another thread that finds `told`.
fn plain_data_is_seen<T: Send + Sync + 'static>(name: &str, new: fn() -> T, tell: fn(&T), told: fn(&T) -> bool) {
    explore(name, None, &["told", "not told"], move |seen| {
        let shared = Arc::new((new(), UnsafeCell::new(0)));
        let other = {
            let shared = shared.clone();
            thread::spawn(move || {
                // SAFETY: loom sees to it that nobody reads meanwhile, or the model fails.
                shared.1.with_mut(|plain| unsafe { *plain = 7 });
                tell(&shared.0);
            })
        };
        if told(&shared.0) {
            seen.note("told");
            // SAFETY: as above.
            assert_eq!(shared.1.with(|plain| unsafe { *plain }), 7);
        } else {
            seen.note("not told");
        }
        other.join().unwrap();
    });
}

#[test]
fn whoever_sees_a_transaction_done_sees_what_was_committed() {
    plain_data_is_seen("done", Done::new, |done| done.advance(1), |done| done.get() == 1);
}

#[test]
fn whoever_sees_a_place_ready_sees_what_was_left_for_it() {
    plain_data_is_seen("ready", Ready::new, |ready| ready.tell(0, Owner::Thread(1)), |ready| ready.owner(0).is_some());
}

#[test]
fn whoever_sees_the_stop_sees_why() {
    plain_data_is_seen("stop", Stop::new, Stop::now, Stop::is_set);
}

#[test]
fn an_owner_is_told_whole() {
    explore("owner", None, &["thread", "committer", "nobody"], |seen| {
        let ready = Arc::new(Ready::new());
        let other = {
            let ready = ready.clone();
            thread::spawn(move || {
                ready.tell(3, Owner::Thread(2));
                ready.tell(5, Owner::Committer(4));
            })
        };
        match (ready.owner(3), ready.owner(5)) {
            (Some(owner), _) => {
                seen.note("thread");
                assert_eq!(owner, Owner::Thread(2));
            }
            (None, Some(owner)) => {
                seen.note("committer");
                assert_eq!(owner, Owner::Committer(4));
            }
            (None, None) => seen.note("nobody"),
        }
        other.join().unwrap();
        assert_eq!((ready.owner(3), ready.owner(5), ready.owner(4)), (None, Some(Owner::Committer(4)), None));
    });
}

#[test]
fn nobody_is_left_at_the_head() {
    explore("taken", None, &["taken", "free"], |seen| {
        let taken = Arc::new(Taken::new());
        let other = {
            let taken = taken.clone();
            thread::spawn(move || drop(taken.here()))
        };
        seen.note(if taken.is_set() { "taken" } else { "free" });
        other.join().unwrap();
        assert!(!taken.is_set());
    });
}

#[test]
fn what_is_wanted_grows() {
    explore("wanted", None, &["more", "no more"], |seen| {
        let wanted = Arc::new(Wanted::new());
        let other = {
            let (wanted, seen) = (wanted.clone(), seen.clone());
            thread::spawn(move || {
                let (first, second) = (wanted.count(), wanted.count());
                assert!(first <= second && second <= 2);
                seen.note(if first < second { "more" } else { "no more" });
            })
        };
        (0..2).for_each(|_| wanted.more());
        other.join().unwrap();
        assert_eq!(wanted.count(), 2);
    });
}

#[test]
fn one_alone_races_for_a_transaction() {
    explore("race", None, &[], |_| {
        let race = Arc::new(Race::new());
        let other = {
            let race = race.clone();
            thread::spawn(move || race.enter(1))
        };
        let entered = race.enter(1);
        assert_ne!(entered, other.join().unwrap());
        assert!(!race.enter(1) && race.enter(2));
    });
}
