//! Every transaction is claimed once.

use std::sync::Arc;

use loom::thread;
use weft_models::explore;

use crate::schedule::Claims;

/// Claims until there is nothing left, and tells what.
fn claim(claims: &Claims, end: u32, most: u32) -> Vec<u32> {
    let mut mine = Vec::new();
    loop {
        let claimed = claims.next(end, most);
        assert!(claimed.end <= end && claimed.len() as u32 <= most);
        if claimed.is_empty() {
            return mine;
        }
        mine.extend(claimed);
    }
}

fn all_once(mut claimed: Vec<u32>, end: u32) {
    claimed.sort_unstable();
    assert_eq!(claimed, (0..end).collect::<Vec<_>>());
}

#[test]
fn three_threads_share_all() {
    explore("three claim", Some(2), &[], |_| {
        let claims = Arc::new(Claims::new());
        let others = [1, 2].map(|most| {
            let claims = claims.clone();
            thread::spawn(move || claim(&claims, 4, most))
        });
        let mut claimed = claim(&claims, 4, 2);
        others.into_iter().for_each(|other| claimed.extend(other.join().unwrap()));
        all_once(claimed, 4);
    });
}

#[test]
fn the_committer_takes_a_range_only_if_nobody_has_any_of_it() {
    explore("two claim, the committer takes all", None, &["all", "not all"], |seen| {
        let claims = Arc::new(Claims::new());
        let others = [2, 2].map(|most| {
            let claims = claims.clone();
            thread::spawn(move || {
                let first = claims.next(4, most);
                assert!(first.is_empty() || claims.are_past(first.start));
                first.collect::<Vec<u32>>()
            })
        });
        let all = claims.all(0, 3);
        seen.note(if all { "all" } else { "not all" });
        let mut claimed: Vec<u32> = if all { (0..3).collect() } else { Vec::new() };
        others.into_iter().for_each(|other| claimed.extend(other.join().unwrap()));
        claimed.extend(claim(&claims, 4, 4));
        all_once(claimed, 4);
    });
}
