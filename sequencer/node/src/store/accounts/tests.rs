//! The index beside a list of blocks, over both key-value stores.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use alloy_primitives::LogData;
use proptest::prelude::*;
use weft_primitives::{BatchHeader, BlockHeader};
use weft_state::{Undo, UpdateBatch};

use super::*;
use crate::store::{
    BatchRecord, BatchStage, Imported, Kv, LogState, MemoryKv, NewBlock, Replaced, RocksKv, StoredBlock,
};

/// Accounts that anything happens to; the zero address is the first.
const ACCOUNTS: u8 = 6;

fn account(of: u8) -> Address {
    Address::repeat_byte(of)
}

/// What a transaction does: its sender, its recipient (or a contract is made) and whether it succeeds, and who gives what
/// kind of token to whom.
#[derive(Clone, Debug)]
struct Deed {
    from: u8,
    to: Option<u8>,
    contract: u8,
    success: bool,
    tokens: Vec<(u8, u8, bool)>,
}

fn deed() -> impl Strategy<Value = Deed> {
    let account = 0..ACCOUNTS;
    let tokens = prop::collection::vec((account.clone(), account.clone(), any::<bool>()), 0..3);
    (1..ACCOUNTS, prop::option::weighted(0.8, account.clone()), account, any::<bool>(), tokens)
        .prop_map(|(from, to, contract, success, tokens)| Deed { from, to, contract, success, tokens })
}

impl Deed {
    fn receipt(&self) -> Receipt {
        let transfer = |(from, to, unique): &(u8, u8, bool)| {
            let mut topics = vec![TRANSFER, account(*from).into_word(), account(*to).into_word()];
            topics.extend(unique.then_some(B256::with_last_byte(7)));
            Log { address: account(0xee), data: LogData::new_unchecked(topics, Default::default()) }
        };
        Receipt {
            transaction_hash: B256::ZERO,
            transaction_type: 2,
            from: account(self.from),
            to: self.to.map(account),
            contract_address: self.to.is_none().then(|| account(self.contract)),
            success: self.success,
            gas_used: 0,
            cumulative_gas_used: 0,
            effective_gas_price: 0,
            logs: self.tokens.iter().map(transfer).collect(),
        }
    }

    fn kinds(&self, of: u8) -> Kinds {
        let token = of != 0 && self.tokens.iter().any(|(from, to, _)| *from == of || *to == of);
        let all = [
            (self.from == of, Kinds::SENT),
            (self.to == Some(of), Kinds::RECEIVED),
            (self.to.is_none() && self.success && self.contract == of, Kinds::CREATED),
            (token, Kinds::TOKEN),
        ];
        all.into_iter().filter(|(is, _)| *is).fold(Kinds::default(), |kinds, (_, more)| kinds.with(more))
    }
}

#[derive(Clone, Debug)]
enum Step {
    Blocks(Vec<Vec<Deed>>),
    /// A follower takes back some.
    RollBack(usize),
    /// A forced batch takes the place of some.
    Replace(usize, Vec<Deed>),
    Fill,
    /// The process ends and begins again, with the index or without.
    Restart(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let block = || prop::collection::vec(deed(), 0..4);
    prop_oneof![
        5 => prop::collection::vec(block(), 1..4).prop_map(Step::Blocks),
        2 => (0..4_usize).prop_map(Step::RollBack),
        1 => (0..4_usize, block()).prop_map(|(count, deeds)| Step::Replace(count, deeds)),
        2 => Just(Step::Fill),
        2 => any::<bool>().prop_map(Step::Restart),
    ]
}

fn block(number: u64) -> StoredBlock {
    let header = BlockHeader { number, ..BlockHeader::default() };
    let (inbox_acc, withdrawals) = (B256::ZERO, 0);
    StoredBlock { hash: header.hash_slow(), header, body: Default::default(), inbox_cursor: 0, inbox_acc, withdrawals }
}

fn batch() -> BatchRecord {
    BatchRecord {
        stage: BatchStage::Available,
        header: BatchHeader { version: 1, ..BatchHeader::default() },
        signed: None,
    }
}

/// A chain whose blocks do nothing but what is in their receipts.
struct Subject<'a> {
    open: &'a dyn Fn() -> Arc<dyn Kv>,
    store: Option<ChainStore>,
    kept: bool,
    /// The model.
    blocks: Vec<Vec<Deed>>,
}

impl<'a> Subject<'a> {
    fn new(open: &'a dyn Fn() -> Arc<dyn Kv>, kept: bool) -> Self {
        let store = Some(ChainStore::new(open()).index_accounts(kept).unwrap());
        Self { open, store, kept, blocks: Vec::new() }
    }

    fn store(&self) -> &ChainStore {
        self.store.as_ref().unwrap()
    }

    /// Does `work` with a block as it is stored.
    fn with<T>(number: u64, deeds: &[Deed], work: impl FnOnce(NewBlock<'_>) -> T) -> T {
        let (block, updates, undo) = (block(number), UpdateBatch::default(), Undo::default());
        let receipts: Vec<Receipt> = deeds.iter().map(Deed::receipt).collect();
        let (access_list, codes, forget_undo) = (None, &[][..], 0..0);
        work(NewBlock {
            block: &block,
            receipts: &receipts,
            access_list,
            updates: &updates,
            undo: &undo,
            codes,
            forget_undo,
        })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Blocks(blocks) => {
                for deeds in blocks {
                    let number = self.blocks.len() as u64;
                    Self::with(number, &deeds, |new| self.store().put_blocks([new])).unwrap();
                    self.blocks.push(deeds);
                }
            }
            Step::RollBack(count) => {
                let Some(latest) = self.blocks.len().checked_sub(1) else { return };
                let to = latest - count.min(latest);
                let log = LogState::default();
                self.store().roll_back(latest as u64, to as u64, 0, &[], &log).unwrap();
                self.blocks.truncate(to + 1);
            }
            Step::Replace(count, deeds) => {
                let Some(latest) = self.blocks.len().checked_sub(1) else { return };
                let first = (latest + 1 - count.min(latest)) as u64;
                let blocks = (first..=latest as u64).map(block).collect();
                let replaced = Replaced { leaves: Default::default(), blocks };
                Self::with(first, &deeds, |new| self.store().replace(&replaced, &new, &batch())).unwrap();
                self.blocks.truncate(first as usize);
                self.blocks.push(deeds);
            }
            Step::Fill => _ = self.store().fill_accounts().unwrap(),
            Step::Restart(kept) => {
                self.store = None;
                (self.store, self.kept) = (Some(ChainStore::new((self.open)()).index_accounts(kept).unwrap()), kept);
            }
        }
    }

    /// Everything about an account, page by page; and from which block on it is all.
    fn history(&self, of: u8, page: usize) -> Option<AccountTransactions> {
        let mut before = Place { number: self.blocks.len() as u64, index: 0 };
        let mut all = AccountTransactions { found: Vec::new(), complete_from: 0 };
        loop {
            let next = self.store().account_transactions(&account(of), before, page).unwrap()?;
            all.complete_from = all.complete_from.max(next.complete_from);
            all.found.extend(&next.found);
            match next.found.last() {
                Some((place, _)) => before = *place,
                None => return Some(all),
            }
        }
    }

    fn model(&self, of: u8) -> Vec<(Place, Kinds)> {
        let deeds = (0..).zip(&self.blocks).flat_map(|(number, deeds)| {
            (0..).zip(deeds).map(move |(index, deed)| (Place { number, index }, deed.kinds(of)))
        });
        let mut all: Vec<_> = deeds.filter(|(_, kinds)| *kinds != Kinds::default()).collect();
        all.reverse();
        all
    }

    fn check(&self, page: usize) {
        for of in 0..ACCOUNTS {
            let Some(all) = self.history(of, page) else {
                assert!(!self.kept);
                continue;
            };
            assert!(self.kept && all.complete_from <= self.blocks.len() as u64);
            let wanted = self.model(of);
            assert!(all.found.iter().all(|found| wanted.contains(found)), "nothing that is not there");
            let complete = |all: Vec<(Place, Kinds)>| -> Vec<_> {
                all.into_iter()
                    .filter(|(place, _)| place.number >= self.store().accounts_from().unwrap().unwrap())
                    .collect()
            };
            assert_eq!(complete(all.found), complete(wanted));
        }
    }
}

fn suite(open: &dyn Fn() -> Arc<dyn Kv>, kept: bool, steps: Vec<Step>, page: usize) {
    let mut subject = Subject::new(open, kept);
    for step in steps {
        subject.take(step);
        subject.check(page);
    }
    subject.take(Step::Restart(true));
    while subject.store().fill_accounts().unwrap().is_some() {
        subject.check(page);
    }
    assert_eq!(subject.store().accounts_from().unwrap(), Some(0));
    subject.check(page);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn in_memory(kept in any::<bool>(), steps in prop::collection::vec(step(), 1..30), page in 1..6_usize) {
        let kv = Arc::new(MemoryKv::default());
        suite(&|| kv.clone(), kept, steps, page);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn on_rocksdb(kept in any::<bool>(), steps in prop::collection::vec(step(), 20..30), page in 1..6_usize) {
        let folder = tempfile::tempdir().unwrap();
        suite(&|| Arc::new(RocksKv::open(folder.path()).unwrap()), kept, steps, page);
    }
}

fn sent(from: u8) -> Deed {
    Deed { from, to: Some(5), contract: 0, success: true, tokens: Vec::new() }
}

#[test]
fn blocks_from_before_come_in_bounded_steps() {
    let kv: Arc<dyn Kv> = Arc::new(MemoryKv::default());
    let open = || kv.clone();
    let mut subject = Subject::new(&open, false);
    let count = 2 * FILLED_BLOCKS + 10;
    subject.take(Step::Blocks((0..count).map(|number| vec![sent(1 + (number % 2) as u8)]).collect()));
    assert_eq!(subject.store().account_transactions(&account(1), Place { number: 9, index: 0 }, 5).unwrap(), None);
    subject.take(Step::Restart(true));
    let mut from = count;
    subject.check(50);
    while let Some(next) = subject.store().fill_accounts().unwrap() {
        assert!(next < from && from - next <= FILLED_BLOCKS);
        from = next;
        subject.check(50);
        // It goes on where it was.
        subject.take(Step::Restart(true));
    }
    assert_eq!((from, subject.history(1, 50).unwrap().found.len() as u64), (0, count / 2));
}

/// Blocks before an imported one are not there, and that is said for good.
#[test]
fn what_is_not_here_is_never_complete() {
    let store = ChainStore::new(Arc::new(MemoryKv::default())).index_accounts(true).unwrap();
    assert_eq!(store.accounts_from().unwrap(), Some(0));
    let (genesis, first) = (block(0), block(40));
    let receipts = [sent(1).receipt(), sent(2).receipt()];
    let (block, genesis, batch) = (&first, &genesis, batch());
    let (leaves, codes, withdrawals) = (&[][..], &[][..], &[][..]);
    let imported = Imported { genesis, block, receipts: &receipts, batch: &batch, leaves, codes, withdrawals };
    store.import(&imported).unwrap();
    let store = store.index_accounts(true).unwrap();
    assert_eq!(store.accounts_from().unwrap(), Some(41));
    assert_eq!((store.fill_accounts().unwrap(), store.fill_accounts().unwrap()), (Some(40), None));
    let found = store.account_transactions(&account(2), Place { number: 41, index: 0 }, 5).unwrap().unwrap();
    let place = Place { number: 40, index: 1 };
    assert_eq!(found, AccountTransactions { found: vec![(place, Kinds::SENT)], complete_from: 40 });
}

#[test]
fn only_transfers_as_tokens_have_them_count() {
    let log = |topics: Vec<B256>| Log { address: account(9), data: LogData::new_unchecked(topics, Default::default()) };
    let named = |topics: Vec<B256>| holders(&log(topics)).collect::<Vec<_>>();
    let (one, two) = (account(1).into_word(), account(2).into_word());
    assert_eq!(named(vec![TRANSFER, one, two]), [account(1), account(2)]);
    assert_eq!(named(vec![TRANSFER, B256::ZERO, two, B256::repeat_byte(3)]), [account(2)]);
    assert_eq!(named(vec![TRANSFER, B256::repeat_byte(1), two]), [account(2)], "a number is no address");
    for others in [vec![TRANSFER, one], vec![B256::repeat_byte(1), one, two], Vec::new()] {
        assert!(named(others).is_empty());
    }
}

#[test]
fn damaged_rows_are_no_panic() {
    for row in [&[0x80][..], &[0xff; 12], &[0xf0, 0xff, 0xff, 0xff, 0xff, 0x01, 0xf0, 0xff, 0xff, 0xff, 0xff, 0x01]] {
        assert!(matches!(decode(row), Err(StoreError::Damaged { .. })), "{row:?}");
    }
    assert!(block_of(&account(1), &[1; 27]).is_err());
    assert_eq!(block_of(&account(1), &[2; 28]).unwrap(), None);
}
