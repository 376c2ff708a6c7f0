//! Where the page of a service finds the others; the same for every service.

use std::net::SocketAddr;

use clap::Args;
use weft_service::page::{Role, Service, Services};

/// The page.
#[derive(Args, Clone, Debug)]
pub struct PageArgs {
    /// Where browsers reach a service, ROLE=URL, as da=https://da.example; several times for several. Roles: sequencer,
    /// rpc, da, settlement, light, node. Those that are not named are taken to be at their usual ports beside this one.
    #[arg(long, value_name = "ROLE=URL", value_delimiter = ',', help_heading = "Page")]
    pub page_service: Vec<Service>,
}

impl PageArgs {
    /// Tells the pages of this process: what the operator said, then `own` addresses, then the usual ones.
    pub fn tell(&self, own: &[(Role, SocketAddr)]) {
        let named = Services::default().with_all(self.page_service.iter().cloned());
        own.iter().fold(named, |all, (role, address)| all.with(*role, format!("http://{address}"))).tell();
    }
}
