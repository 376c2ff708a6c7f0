//! Sends a signed transaction, sees it in the stream of blocks, follows it to finality.
//!
//! ```sh
//! cargo run --release -p weft-wire --example transactions -- $(cast mktx --private-key KEY TO --value 1gwei)
//! ```
//!
//! The first argument is the signed transaction, the second where the sequencer is (http://127.0.0.1:9100).

use std::error::Error;
use std::time::{Duration, Instant};

use alloy_primitives::{Bytes, hex, keccak256};
use futures::StreamExt;
use weft_wire::SequencerClient;
use weft_wire::pb::sequencer::v1::TransactionStage;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let transaction = Bytes::from(hex::decode(arguments.next().ok_or("a signed transaction is needed, 0x...")?)?);
    let url = arguments.next().unwrap_or_else(|| "http://127.0.0.1:9100".to_owned());
    let hash = keccak256(&transaction);

    let sequencer = SequencerClient::new(&url)?;
    let info = sequencer.info().await?;
    println!("chain {}, block {}, final up to {}", info.chain_id, info.latest_block, info.finalized_block);

    // Every block from the next one on, with its receipts, without gaps.
    let mut blocks = sequencer.subscribe_blocks(Some(info.latest_block + 1)).await?;

    // The answer comes when the transaction is in a block that is on the disk.
    let start = Instant::now();
    let receipt = sequencer.submit_and_wait(transaction.into(), Duration::from_secs(5)).await?;
    println!("{hash} in block {} after {:?}", receipt.block_number, start.elapsed());

    loop {
        let (block, receipts, _promise) = blocks.next().await.ok_or("the stream has ended")??;
        if receipts.contains(&receipt) {
            println!("the stream shows it in block {}", block.header.number);
            break;
        }
    }

    let mut stage = TransactionStage::Unspecified;
    loop {
        let status = sequencer.transaction_status(hash).await?;
        if status.stage() != stage {
            stage = status.stage();
            println!("{}", stage.as_str_name());
        }
        if let (TransactionStage::Finalized, Some(batch)) = (stage, status.batch_index) {
            println!("final in batch {batch}");
            return Ok(());
        }
        if start.elapsed() > Duration::from_secs(60) {
            return Err("not final after a minute".into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
