//! Recovering senders on many threads.

use alloy_primitives::Bytes;
use proptest::prelude::*;
use weft_primitives::transaction::TransactionError;

use super::*;
use crate::recover::{Recovery, recover_all, recover_each};

fn raw() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        4 => (1u8..9, 0u64..9).prop_map(|(seed, nonce)| transfer(&signer(seed), nonce, Address::ZERO, 1).raw().clone()),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
    ]
}

type Seen = Vec<Result<(Address, Bytes), TransactionError>>;

fn seen(results: impl IntoIterator<Item = Result<Transaction, TransactionError>>) -> Seen {
    results.into_iter().map(|result| result.map(|it| (it.sender(), it.raw().clone()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn parallel_is_sequential(raw in proptest::collection::vec(raw(), 0..24)) {
        let want = seen(raw.iter().map(|raw| Transaction::decode(raw.clone(), CHAIN_ID)));
        for threads in 1..=3 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            prop_assert_eq!(&seen(pool.install(|| recover_each(&raw, CHAIN_ID))), &want);
        }
        prop_assert_eq!(&seen(Recovery::new(raw.iter().cloned(), CHAIN_ID)), &want);
        let first_error = want.iter().position(Result::is_err);
        match recover_all(&raw, CHAIN_ID) {
            Ok(all) => prop_assert_eq!((first_error, all.len()), (None, raw.len())),
            Err((at, error)) => prop_assert_eq!((Some(at), Some(&error)), (first_error, want[at].as_ref().err())),
        }
    }
}
