//! `weft blob`: documents on the DA layer.

mod list;
#[cfg(test)]
mod tests;

use alloy_primitives::B256;
use serde_json::json;
use weft_da::{SignedHeader, verify_checkpoint};
use weft_primitives::Namespace;
use weft_wire::DaClient;
use weft_wire::client::StoredBlob;

use self::list::Range;
use crate::args::{BlobCommand, DaEndpoint};
use crate::output::{Exit, Failure, print};
use crate::secrets;

/// Namespace of documents that name none of their own.
const DOCUMENTS: &str = "weft documents";

pub(super) fn documents() -> Namespace {
    Namespace::named(DOCUMENTS).unwrap_or_default()
}

fn namespace(endpoint: &DaEndpoint) -> Namespace {
    endpoint.namespace.unwrap_or_else(documents)
}

/// Runs the command.
pub async fn run(command: BlobCommand) -> Result<Exit, Failure> {
    match command {
        BlobCommand::Put { file, quiet, key_file, endpoint } => {
            let data =
                std::fs::read(&file).map_err(|error| Failure(format!("cannot read {}: {error}", file.display())))?;
            let mut client = DaClient::new(&endpoint.da_url)?;
            if let Some(path) = key_file {
                client = client.with_signer(secrets::load(&path)?);
            }
            let put = client.put_blob(namespace(&endpoint), data.into()).await?;
            check(&endpoint, &put.blob)?;
            let hash = put.blob.proof.entry.hash;
            if quiet {
                println!("{hash}");
                return Ok(Exit::Ok);
            }
            let note = if put.duplicate { " (it was there before)" } else { "" };
            print(endpoint.json, &describe(&put.blob, put.duplicate), || {
                format!("{hash}\n  durable in DA block {}{note}, proof checked", put.blob.height)
            })?;
        }
        BlobCommand::Get { hash, output, endpoint } => {
            let data = DaClient::new(&endpoint.da_url)?.get_blob(namespace(&endpoint), hash).await?;
            match output {
                Some(path) => std::fs::write(&path, &data)
                    .map_err(|error| Failure(format!("cannot write {}: {error}", path.display())))?,
                None => std::io::Write::write_all(&mut std::io::stdout(), &data)?,
            }
        }
        BlobCommand::List { from, to, endpoint } => {
            let range = Range { namespace: namespace(&endpoint), trusted: endpoint.da_address, from, to };
            return list::run(&endpoint, range).await;
        }
        BlobCommand::Prove { hash, endpoint } => prove(&endpoint, hash).await?,
    }
    Ok(Exit::Ok)
}

async fn prove(endpoint: &DaEndpoint, hash: B256) -> Result<(), Failure> {
    let client = DaClient::new(&endpoint.da_url)?;
    let blob = client.blob_proof(namespace(endpoint), hash).await?;
    let signer = check(endpoint, &blob)?;
    print(endpoint.json, &describe(&blob, true), || {
        let header = &blob.header.header;
        format!(
            "{hash}\n  is in DA block {}, bytes {} to {} of its payload\n  header {} signed by {signer} at {} ms\n  proof of {} hashes checked",
            blob.height,
            blob.proof.entry.offset,
            blob.proof.entry.offset + blob.proof.entry.length,
            header.hash(),
            header.time_ms,
            blob.proof.path.len(),
        )
    })
}

/// Checks signature and proof; who signed.
fn check(endpoint: &DaEndpoint, blob: &StoredBlob) -> Result<alloy_primitives::Address, Failure> {
    let SignedHeader { header, signature } = blob.header;
    let signer = match endpoint.da_address {
        Some(trusted) => {
            verify_checkpoint(&blob.header, trusted)?;
            trusted
        }
        None => signature.recover(header.hash())?,
    };
    blob.proof.verify(&header)?;
    Ok(signer)
}

fn describe(blob: &StoredBlob, duplicate: bool) -> serde_json::Value {
    let entry = &blob.proof.entry;
    json!({
        "content_hash": entry.hash,
        "namespace": entry.namespace.to_string(),
        "height": blob.height,
        "index": blob.proof.position,
        "offset": entry.offset,
        "length": entry.length,
        "duplicate": duplicate,
        "header": alloy_primitives::hex::encode_prefixed(blob.header.encode()),
        "path": blob.proof.path,
    })
}
