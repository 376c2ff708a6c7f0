//! `weft light`.

use std::collections::BTreeSet;
use std::time::Duration;

use alloy_primitives::Address;
use futures::future::join_all;
use serde_json::json;
use weft_light::{BlobClaim, BlobError, ChainConfidence, Judgement, Listeners, Verdict, progress_bar};
use weft_service::page::Role;
use weft_service::{Shutdown, listen};
use weft_wire::{CustodyClient, LightClient};

use super::blob::documents;
use crate::args::{LightArgs, LightBlobArgs, LightCommand};
use crate::output::{Exit, Failure, print};

/// How long a node may take to say whom it shares the rows with.
const SHARES_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the daemon, or judges one or several blocks and ends.
pub async fn run(args: LightArgs) -> Result<Exit, Failure> {
    match args.command.clone() {
        Some(LightCommand::Blob(blob)) => return restore(*blob).await,
        Some(LightCommand::Status { light_url, json }) => return status(&light_url, json).await,
        None => {}
    }
    args.log_options.init()?;
    let config = args.to_config()?;
    if args.is_daemon() {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let listeners = Listeners {
            grpc: listen::bind(config.grpc_listen, "grpc-listen").await?,
            http: listen::bind(config.http_listen, "http-listen").await?,
        };
        args.page.tell(&[(Role::Light, listeners.http.local_addr()?)]);
        Box::pin(weft_light::run(config, listeners, shutdown)).await?;
        return Ok(Exit::Ok);
    }
    if let Some(height) = args.until {
        let urls = config.da_urls.clone();
        let summary = weft_light::run_until(config, height, progress_bar()).await?;
        let bad = !summary.not_available.is_empty();
        print(args.json, &summary, || {
            let now = summary.judged_now;
            let bad: Vec<u64> = summary.not_available.iter().map(|judgement| judgement.height).collect();
            let chain = summary.confidence.as_ref().map_or("none".to_owned(), sure);
            format!(
                "{now} blocks judged up to height {}; not available: {bad:?}\nconfidence over the chain: {chain}",
                summary.height
            )
        })?;
        if bad {
            tell_of_shares(&urls).await;
        }
        return Ok(if bad { Exit::Invalid } else { Exit::Ok });
    }
    let Some(target) = args.once else { return Ok(Exit::Usage) };
    let urls = config.da_urls.clone();
    let judgement = weft_light::run_once(config, target, progress_bar()).await?;
    print(args.json, &judgement, || in_words(&judgement))?;
    if matches!(judgement.verdict, Verdict::Unavailable { .. }) {
        tell_of_shares(&urls).await;
    }
    Ok(match judgement.verdict {
        Verdict::Available => Exit::Ok,
        Verdict::Undecided => Exit::Undecided,
        _ => Exit::Invalid,
    })
}

/// Rows that were not to be had may lie with nodes that were not asked: those that share the rows have a part each.
async fn tell_of_shares(urls: &[String]) {
    let shares = urls.iter().map(|url| async {
        let info = CustodyClient::new(url).ok()?;
        tokio::time::timeout(SHARES_TIMEOUT, info.info()).await.ok()?.ok()
    });
    let shares: Vec<_> = join_all(shares).await.into_iter().flatten().collect();
    let asked: BTreeSet<Address> = shares.iter().map(|share| share.node).collect();
    let members: BTreeSet<Address> = shares.iter().flat_map(|share| share.members.addresses()).copied().collect();
    let others: Vec<String> = members.difference(&asked).map(Address::to_string).collect();
    if !others.is_empty() {
        let (few, all) = (members.len() - others.len(), members.len());
        let others = others.join(", ");
        eprintln!("note: {few} of {all} nodes that share the rows were asked; give --da-url for each of: {others}");
    }
}

/// Restores a blob and writes it.
async fn restore(args: LightBlobArgs) -> Result<Exit, Failure> {
    args.log_options.init()?;
    let namespace = args.namespace.unwrap_or_else(documents);
    let claim = BlobClaim { namespace, hash: args.hash, height: args.height, offset: None, length: None };
    let blob = match weft_light::run_blob(args.to_config(), claim, progress_bar()).await {
        Ok(blob) => blob,
        Err(error @ BlobError::NotIncluded { .. }) => {
            eprintln!("error: {error}");
            return Ok(Exit::Invalid);
        }
        Err(error) => return Err(error.into()),
    };
    let Some(path) = args.output else {
        std::io::Write::write_all(&mut std::io::stdout(), &blob.bytes)?;
        return Ok(Exit::Ok);
    };
    std::fs::write(&path, &blob.bytes).map_err(|error| Failure(format!("cannot write {}: {error}", path.display())))?;
    print(args.json, &blob, || {
        let how = if blob.rebuilt { "rebuilt from other rows" } else { "from its own rows" };
        let megabytes_s = blob.length as f64 / 1e3 / blob.elapsed_ms.max(1e-3);
        format!(
            "{} bytes of DA block {}, {how}: {} rows downloaded, {} kept from sampling\n  {} bytes received in {:.1} ms ({megabytes_s:.1} MB/s of the blob); its hash fits",
            blob.length, blob.height, blob.rows_downloaded, blob.rows_kept, blob.downloaded_bytes, blob.elapsed_ms,
        )
    })?;
    Ok(Exit::Ok)
}

/// Asks a running light client.
async fn status(url: &str, json: bool) -> Result<Exit, Failure> {
    let status = LightClient::new(url)?.status().await?;
    let node = |node: &weft_wire::pb::light::v1::NodeRecord| {
        json!({
            "url": node.url, "lies": node.lies, "missing": node.missing, "timed_out": node.timed_out,
            "failed": node.failed, "share": node.share, "last_fault": node.last_fault,
        })
    };
    let value = json!({
        "trusted": status.trusted.map(|(address, _)| address),
        "network_id": status.trusted.map(|(_, network_id)| network_id),
        "header_height": status.header_height,
        "judged_height": status.judged_height,
        "target_confidence": status.target_confidence,
        "chain": status.chain,
        "chain_fault": status.chain_fault,
        "nodes": status.nodes.iter().map(node).collect::<Vec<_>>(),
    });
    print(json, &value, || {
        let none = || "none".to_owned();
        let mut text = format!(
            "trusted signer   {}\nnewest header    {}\njudged up to     {}\nconfidence       {}",
            status.trusted.map_or_else(none, |(address, network)| format!("{address} (network {network})")),
            status.header_height,
            status.judged_height.map_or_else(none, |height| height.to_string()),
            status.chain.as_ref().map_or_else(none, sure),
        );
        if let Some(fault) = &status.chain_fault {
            text += &format!("\nCHAIN FAULT      {fault}");
        }
        for node in &status.nodes {
            text += &format!(
                "\nnode {}  {} lies, {} missing, {} timed out, {} failed",
                node.url, node.lies, node.missing, node.timed_out, node.failed
            );
        }
        text
    })?;
    Ok(if status.chain_fault.is_some() { Exit::Invalid } else { Exit::Ok })
}

/// Confidence over the chain, in words.
fn sure(chain: &ChainConfidence) -> String {
    let lowest = chain.lowest.map_or(String::new(), |lowest| {
        format!(", the least sure height {} with {:.5} %", lowest.height, lowest.confidence * 100.0)
    });
    let others = match chain.exceptions {
        0 => String::new(),
        count => format!("; {count} heights are not accepted: {:?}", chain.exception_heights),
    };
    format!(
        "heights {} to {}: all {} accepted ones are available with {:.5} %{lowest}{others}",
        chain.from_height,
        chain.to_height,
        chain.available,
        chain.joint * 100.0
    )
}

fn in_words(judgement: &Judgement) -> String {
    format!(
        "DA block {}: {}\n  available with {:.5} %, rightly encoded with {:.5} % ({} samples)\n  {} of {} bytes downloaded in {:.1} ms",
        judgement.height,
        judgement.verdict.name().replace('_', " "),
        judgement.available * 100.0,
        judgement.encoded * 100.0,
        judgement.samples,
        judgement.downloaded_bytes,
        judgement.payload_bytes,
        judgement.elapsed_ms,
    )
}
