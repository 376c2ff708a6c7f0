//! Which accounts and slots a call touches (`eth_createAccessList`).

use alloy_eips::eip2930::AccessList;
use alloy_primitives::Address;
use revm_inspectors::access_list::AccessListInspector;

use super::call::{ending, refused};
use super::{At, Call, Ending, Override, SimulateError};
use crate::view::StateView;

/// Tries until the list stays the same. A list makes accesses cheaper, and with more gas a contract may do more.
const MOST_TRIES: usize = 8;

/// A call and the list for it.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What the call touches besides its sender, its recipient and precompiled contracts.
    pub list: AccessList,
    /// Gas that it uses with the list.
    pub gas_used: u64,
    /// How it ends.
    pub ending: Ending,
}

impl<V: StateView + ?Sized> At<'_, V> {
    /// The access list that a call should come with.
    pub fn access_list(&self, call: &Call, overrides: &[(Address, Override)]) -> Result<Listed, SimulateError> {
        let gas = self.gas_for(call, overrides)?;
        let mut call = call.clone();
        for _ in 1..MOST_TRIES {
            let listed = self.list_once(&call, overrides, gas)?;
            if listed.list == call.access_list {
                return Ok(listed);
            }
            call.access_list = listed.list;
        }
        self.list_once(&call, overrides, gas)
    }

    fn list_once(&self, call: &Call, overrides: &[(Address, Override)], gas: u64) -> Result<Listed, SimulateError> {
        let inspector = AccessListInspector::new(call.access_list.clone());
        let mut session = self.session(call, overrides, inspector)?;
        let done = session.run(call.transaction(self.rules.chain_id(), gas)).map_err(refused)?;
        let gas_used = done.result.tx_gas_used();
        let list = session.inspector().access_list();
        Ok(Listed { list, gas_used, ending: ending(done.result).0 })
    }
}
