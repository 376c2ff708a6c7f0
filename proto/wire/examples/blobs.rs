//! Puts a document on the DA layer, gets it back, proves that it is there, and lists its namespace.
//!
//! ```sh
//! cargo run --release -p weft-wire --example blobs -- http://127.0.0.1:9200
//! ```

use std::error::Error;

use weft_da::verify_checkpoint;
use weft_primitives::Namespace;
use weft_wire::DaClient;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:9200".to_owned());
    let namespace = Namespace::named("rust example").ok_or("a name has at most 32 ASCII characters")?;
    let document = format!("the first line of the ledger, {:?}", std::time::SystemTime::now());

    let da = DaClient::new(&url)?;
    // Better known from elsewhere than asked: here the node is trusted for who it is.
    let signer = da.info().await?.signer;

    let put = da.put_blob(namespace, document.clone().into()).await?;
    let hash = put.blob.proof.entry.hash;
    println!("stored as {hash} in DA block {}", put.blob.height);
    // The client has compared the bytes with the hash.
    assert_eq!(da.get_blob(namespace, hash).await?, document.as_bytes());

    let proven = da.blob_proof(namespace, hash).await?;
    verify_checkpoint(&proven.header, signer)?;
    proven.proof.verify(&proven.header.header)?;
    println!("proved with {} hashes and a signature", proven.proof.path.len());

    let (listing, header) = da.list_namespace(proven.height, namespace).await?;
    verify_checkpoint(&header, signer)?;
    let listed = listing.verify(&header.header, &namespace)?;
    println!("{} documents of the namespace in that block, none left out", listed.entries().len());
    Ok(())
}
