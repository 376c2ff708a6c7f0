//! Precompiled contracts of which some are elsewhere, or gone: for simulations that say so.

use alloy_primitives::Address;
use alloy_primitives::map::{AddressMap, AddressSet};
use revm::context_interface::ContextTr;
use revm::handler::{EthPrecompiles, PrecompileProvider};
use revm::interpreter::{CallInputs, InterpreterResult};
use revm::primitives::hardfork::SpecId;

/// Ethereum's precompiled contracts, with changes.
#[derive(Clone, Debug)]
pub(crate) struct Precompiles {
    inner: EthPrecompiles,
    /// Where each of those that are there has its code from.
    places: AddressMap<Address>,
}

impl Precompiles {
    /// Those of a fork, all in their places.
    pub(crate) fn new(spec: SpecId) -> Self {
        let inner = EthPrecompiles::new(spec);
        let places = inner.warm_addresses().iter().map(|address| (*address, *address)).collect();
        Self { inner, places }
    }

    pub(crate) fn has(&self, address: &Address) -> bool {
        self.places.contains_key(address)
    }

    /// An account with ordinary code takes its place.
    pub(crate) fn remove(&mut self, address: &Address) {
        self.places.remove(address);
    }

    /// The one at `from` answers at `to`. One that was there is lost.
    pub(crate) fn rename(&mut self, from: &Address, to: Address) {
        if let Some(origin) = self.places.get(from).copied() {
            self.places.insert(to, origin);
        }
    }
}

impl<C: ContextTr> PrecompileProvider<C> for Precompiles
where
    EthPrecompiles: PrecompileProvider<C, Output = InterpreterResult>,
{
    type Output = InterpreterResult;

    fn set_spec(&mut self, _: <C::Cfg as revm::context_interface::Cfg>::Spec) -> bool {
        // It is that of the block, for which these were made.
        false
    }

    fn run(&mut self, context: &mut C, inputs: &CallInputs) -> Result<Option<InterpreterResult>, String> {
        match self.places.get(&inputs.bytecode_address) {
            None => Ok(None),
            Some(origin) if *origin == inputs.bytecode_address => self.inner.run(context, inputs),
            Some(origin) => self.inner.run(context, &CallInputs { bytecode_address: *origin, ..inputs.clone() }),
        }
    }

    /// Those of the fork, as in go-ethereum: what is elsewhere costs what any account costs.
    fn warm_addresses(&self) -> &AddressSet {
        self.inner.warm_addresses()
    }

    fn contains(&self, address: &Address) -> bool {
        self.places.contains_key(address)
    }
}
