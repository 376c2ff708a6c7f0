//! Whether a service's addresses are free, or taken by itself.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::super::finding::Finding;
use super::super::plan::Plan;

/// Each address of the plan. `running`: the service itself answers at its gRPC address.
pub fn check(plan: &Plan, running: bool) -> Vec<Finding> {
    let name = plan.service.name();
    let mut found: Vec<Finding> =
        plan.listens.iter().map(|(option, address)| one(name, option, *address, running)).collect();
    for (at, (option, address)) in plan.listens.iter().enumerate() {
        if let Some((other, _)) =
            plan.listens[..at].iter().find(|(_, earlier)| earlier == address && address.port() != 0)
        {
            let words = format!("--{other} and --{option} are both {address}");
            found.push(Finding::problem("port", name, words, format!("give --{option} another port")));
        }
    }
    found
}

fn one(name: &'static str, option: &str, address: SocketAddr, running: bool) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::fine("port", name, format!("{address} (--{option}) is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && running => {
            Finding::fine("port", name, format!("{address} (--{option}) is taken, and the service runs"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::problem(
            "port",
            name,
            format!("{address} (--{option}) is taken by something that is not this service"),
            format!("`ss -ltnp 'sport = :{}'` shows what; end it, or give --{option} another port", address.port()),
        ),
        Err(error) => Finding::problem(
            "port",
            name,
            format!("{address} (--{option}): {error}"),
            "listen on an address of this machine, and on a port from 1024",
        ),
    }
}
