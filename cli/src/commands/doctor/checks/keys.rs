//! Key files: there, whole, and for their owner's eyes only.

use std::os::unix::fs::PermissionsExt;

use weft_primitives::Address;

use super::super::finding::Finding;
use super::super::plan::Plan;
use crate::commands::services::PUBLIC_KEYS;
use crate::secrets;

/// The plan's key file, if it has one.
pub fn check(plan: &Plan) -> Vec<Finding> {
    let (Some(key), name) = (&plan.key, plan.service.name()) else { return Vec::new() };
    let path = key.path.display();
    if key.made && matches!(secrets::from_environment(), Ok(Some(_))) {
        return vec![Finding::fine("key", name, format!("the key is in {}", secrets::SECRET_KEY))];
    }
    let mode = match std::fs::metadata(&key.path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && key.made => {
            return vec![Finding::fine("key", name, format!("{path} is not there yet; the service makes it"))];
        }
        Err(error) => {
            let fix = format!("make it with `weft keys new {path}`, or correct --key-file");
            return vec![Finding::problem("key", name, format!("{path}: {error}"), fix)];
        }
    };
    let address = match secrets::load(&key.path) {
        Ok(signer) => signer.address(),
        Err(error) => {
            let fix = "put the key back from your copy; a new one has another address";
            return vec![Finding::problem("key", name, error.to_string(), fix)];
        }
    };
    let mut found = vec![Finding::fine("key", name, format!("{path} is the key of {address}"))];
    if mode & 0o077 != 0 {
        let words = format!("others may read {path} (mode {:o})", mode & 0o777);
        found.push(Finding::warning("key", name, words, format!("chmod 600 {path}")));
    }
    if PUBLIC_KEYS.contains(&address) {
        let fix = "make your own with `weft keys new` before anything of value depends on it";
        found.push(Finding::warning("key", name, format!("{path} is a development key that everyone knows"), fix));
    }
    found
}

/// Whose key the plan has, if it can be read.
pub fn address(plan: &Plan) -> Option<Address> {
    let key = plan.key.as_ref()?;
    let signer = match key.made.then(secrets::from_environment) {
        Some(Ok(Some(signer))) => Some(signer),
        _ => secrets::load(&key.path).ok(),
    };
    signer.map(|signer| signer.address())
}
