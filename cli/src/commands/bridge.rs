//! `weft tx force`, `weft deposit`, `weft withdraw`, `weft claim`, and settlement's accounts.

use std::time::{Duration, Instant};

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, B256, Bytes, Log, LogData, TxKind, U256, keccak256};
use serde_json::{Value, json};
use weft_primitives::withdrawal::{CONTRACT, Claim, Proof, Summary};
use weft_primitives::{Deposit, Funding, Withdrawal};
use weft_settlement::{InboxReceipt, Status};
use weft_wire::SettlementClient;

use super::inbox;
use super::settlement::force::Source;
use crate::amount::in_ether;
use crate::args::{ClaimArgs, DepositArgs, Following, ForceArgs, Signing, WithdrawArgs};
use crate::output::{Exit, Failure, print};
use crate::transactor::{Rpc, sign, signer};

/// Pause between two looks.
const POLL: Duration = Duration::from_millis(200);

/// `withdraw(address)`.
const WITHDRAW: [u8; 4] = [0x51, 0xcf, 0xf8, 0xd9];

/// `weft tx force`.
pub async fn force(args: ForceArgs) -> Result<Exit, Failure> {
    let client = SettlementClient::new(&args.settlement_url)?;
    let raw = match &args.raw {
        Some(raw) => raw.clone(),
        None => transfer(&client, &args).await?,
    };
    let hash = keccak256(&raw);
    let answer = client.submit_inbox(raw.0).await?;
    let receipt = InboxReceipt {
        index: answer.index,
        time_ms: answer.time_ms,
        deadline_ms: answer.deadline_ms,
        force_ms: answer.force_ms,
        log_seq: answer.log_seq,
    };
    if args.sender.quiet && !args.following.wait {
        println!("{hash}");
        return Ok(Exit::Ok);
    }
    tell(&client, &receipt, &args.following, args.endpoints.json, Some(hash)).await
}

/// The transaction that the arguments describe. What is given is not asked of the sequencer, which may be away.
async fn transfer(client: &SettlementClient, args: &ForceArgs) -> Result<Bytes, Failure> {
    let signer = signer(args.sender.from, args.sender.key_file.as_deref())?;
    let rpc = Rpc::new(&args.endpoints.rpc_url)?;
    let tip: u128 = args.sender.priority_fee.saturating_to();
    let max_fee = match args.max_fee {
        Some(max_fee) => max_fee.saturating_to(),
        None => rpc.max_fee(tip).await?,
    };
    let nonce = match args.nonce {
        Some(nonce) => nonce,
        None => rpc.nonce(signer.address()).await?,
    };
    let transaction = TxEip1559 {
        chain_id: client.info().await?.chain_id,
        nonce,
        gas_limit: args.gas_limit,
        max_fee_per_gas: max_fee,
        max_priority_fee_per_gas: tip.min(max_fee),
        to: args.to.map_or(TxKind::Create, TxKind::Call),
        value: args.value,
        ..TxEip1559::default()
    };
    sign(&signer, transaction)
}

/// Says what was put into the inbox, and what has become of it if that is to be waited for.
async fn tell(
    client: &SettlementClient,
    receipt: &InboxReceipt,
    following: &Following,
    json: bool,
    hash: Option<B256>,
) -> Result<Exit, Failure> {
    let followed = if following.wait {
        Some(inbox::follow(client, receipt, Duration::from_secs(following.timeout_s)).await?)
    } else {
        None
    };
    let mut value = inbox::describe(receipt, followed.as_ref());
    if let Some(hash) = hash {
        value["hash"] = json!(hash);
    }
    print(json, &value, || {
        let text = inbox::in_words(receipt, followed.as_ref());
        hash.map_or(text.clone(), |hash| format!("{hash}\n  {text}"))
    })?;
    let there = followed.as_ref().is_none_or(|followed| followed.commitment.is_some());
    Ok(if there { Exit::Ok } else { Exit::Undecided })
}

fn amount(value: U256) -> Result<u128, Failure> {
    u128::try_from(value).map_err(|_| Failure("the amount is 2^128 wei or more".to_owned()))
}

async fn config_hash(client: &SettlementClient) -> Result<B256, Failure> {
    Ok(B256::try_from(&client.info().await?.config_hash[..])?)
}

/// `weft deposit`.
pub async fn deposit(args: DepositArgs) -> Result<Exit, Failure> {
    let client = SettlementClient::new(&args.settlement_url)?;
    let signer = signer(args.signing.from, args.signing.key_file.as_deref())?;
    let (account, _) = client.account(signer.address()).await?;
    let config_hash = config_hash(&client).await?;
    let deposit = Deposit::sign(config_hash, &signer, account.nonce, args.to, amount(args.value)?);
    let receipt = client.deposit(&deposit).await?;
    tell(&client, &receipt, &args.following, args.json, None).await
}

/// `weft withdraw`.
pub async fn withdraw(args: WithdrawArgs) -> Result<Exit, Failure> {
    let rpc = Rpc::new(&args.endpoints.rpc_url)?;
    let recipient = match args.to {
        Some(to) => to,
        None => signer(args.sender.from, args.sender.key_file.as_deref())?.address(),
    };
    let input = [&WITHDRAW[..], recipient.into_word().as_slice()].concat();
    let raw = rpc.call_with_value(&args.sender, CONTRACT, args.value, input.into()).await?;
    let hash = keccak256(&raw);
    let receipt = rpc.call("eth_sendRawTransactionSync", json!([raw])).await?;
    let Some(withdrawal) = withdrawals(&receipt).into_iter().next() else {
        return Err(Failure(format!("{hash} withdrew nothing: does this chain have withdrawals (weft.withdrawals)?")));
    };
    if args.sender.quiet {
        println!("{}", withdrawal.index);
        return Ok(Exit::Ok);
    }
    let value = json!({
        "hash": hash,
        "index": withdrawal.index,
        "sender": withdrawal.sender,
        "recipient": withdrawal.recipient,
        "amount": withdrawal.amount.to_string(),
    });
    print(args.endpoints.json, &value, || {
        format!(
            "{hash}\n  withdrawal {}: {} for {recipient}\n  once final: weft claim {}",
            withdrawal.index,
            in_ether(U256::from(withdrawal.amount)),
            withdrawal.index
        )
    })?;
    Ok(Exit::Ok)
}

/// The withdrawals in a receipt.
fn withdrawals(receipt: &Value) -> Vec<Withdrawal> {
    let logs = receipt["logs"].as_array().map_or(&[][..], Vec::as_slice);
    logs.iter()
        .filter_map(|log| {
            let address = serde_json::from_value(log["address"].clone()).ok()?;
            let topics = serde_json::from_value(log["topics"].clone()).ok()?;
            let data: Bytes = serde_json::from_value(log["data"].clone()).ok()?;
            Withdrawal::from_log(&Log { address, data: LogData::new(topics, data)? })
        })
        .collect()
}

/// `weft claim`.
pub async fn claim(args: ClaimArgs) -> Result<Exit, Failure> {
    let (rpc, client) = (Rpc::new(&args.endpoints.rpc_url)?, SettlementClient::new(&args.settlement_url)?);
    let index = number(&rpc, &args.what).await?;
    if let Some(log_seq) = client.paid(index).await? {
        return Err(Failure(format!("withdrawal {index} was paid before, by log entry {log_seq}")));
    }
    let limit = if args.wait { Duration::from_secs(args.timeout_s) } else { Duration::ZERO };
    let Some(claim) = proved(&rpc, index, limit).await? else {
        let text = format!("withdrawal {index} is not final yet (--wait waits for it)");
        print(args.endpoints.json, &json!({ "index": index, "paid": false }), || text)?;
        return Ok(Exit::Undecided);
    };
    check(&client, &claim).await?;
    let credited = client.claim(&claim).await?;
    let Withdrawal { recipient, amount, .. } = claim.withdrawal;
    let value = json!({
        "index": index,
        "paid": true,
        "recipient": recipient,
        "amount": amount.to_string(),
        "balance": credited.balance.to_string(),
        "batch": claim.batch_index,
        "log_seq": credited.log_seq,
    });
    print(args.endpoints.json, &value, || {
        format!(
            "withdrawal {index}: {} paid to {recipient}, whose account now has {}",
            in_ether(U256::from(amount)),
            in_ether(U256::from(credited.balance))
        )
    })?;
    Ok(Exit::Ok)
}

/// A withdrawal's number, from itself or from the transaction that made it.
async fn number(rpc: &Rpc, what: &str) -> Result<u64, Failure> {
    if let Ok(index) = what.parse() {
        return Ok(index);
    }
    let hash: B256 =
        what.parse().map_err(|_| Failure(format!("`{what}` is neither a number nor a transaction hash")))?;
    let receipt = rpc.call("eth_getTransactionReceipt", json!([hash])).await?;
    let found = withdrawals(&receipt).into_iter().next();
    found.map(|withdrawal| withdrawal.index).ok_or_else(|| Failure(format!("{hash} has withdrawn nothing")))
}

/// The claim as the node proves it; `None` if it is not final in time.
async fn proved(rpc: &Rpc, index: u64, limit: Duration) -> Result<Option<Claim>, Failure> {
    let start = Instant::now();
    loop {
        let answer = rpc.call("weft_getWithdrawalProof", json!([format!("{index:#x}")])).await?;
        if !answer.is_null() {
            return read_proof(&answer).map(Some);
        }
        if start.elapsed() >= limit {
            return Ok(None);
        }
        tokio::time::sleep(POLL).await;
    }
}

fn read_proof(answer: &Value) -> Result<Claim, Failure> {
    let quantity = |field: &str| -> Result<U256, Failure> { Ok(serde_json::from_value(answer[field].clone())?) };
    let address = |field: &str| -> Result<Address, Failure> { Ok(serde_json::from_value(answer[field].clone())?) };
    let siblings: Vec<B256> = serde_json::from_value(answer["proof"].clone())?;
    let proof = Proof(siblings.try_into().map_err(|_| Failure("the node's proof has another depth".to_owned()))?);
    let withdrawal = Withdrawal {
        index: quantity("index")?.saturating_to(),
        sender: address("sender")?,
        recipient: address("recipient")?,
        amount: amount(quantity("amount")?)?,
    };
    Ok(Claim { batch_index: quantity("batchIndex")?.saturating_to(), withdrawal, proof })
}

/// The node is not trusted: the proof must lead to the root of a commitment that settlement has made final.
async fn check(client: &SettlementClient, claim: &Claim) -> Result<(), Failure> {
    let view = client.commitment(claim.batch_index).await?;
    let header = &view.signed.header;
    let tree = Summary { count: header.withdrawals_count, root: header.withdrawals_root };
    if view.status != Status::Finalized || !claim.holds(tree) {
        return Err(Failure(format!("the node's proof does not hold against batch {}", claim.batch_index)));
    }
    Ok(())
}

/// `weft settlement account`.
pub async fn account(client: &SettlementClient, address: Address, json: bool) -> Result<Exit, Failure> {
    let (account, totals) = client.account(address).await?;
    let value = json!({
        "address": address,
        "balance": account.balance.to_string(),
        "nonce": account.nonce,
        "totals": {
            "fundings": totals.fundings,
            "funded": totals.funded.to_string(),
            "accounts": totals.accounts().to_string(),
            "deposited": totals.deposited.to_string(),
            "claimed": totals.claimed().to_string(),
            "escrow": totals.escrow.to_string(),
        },
    });
    print(json, &value, || {
        let ether = |wei: u128| in_ether(U256::from(wei));
        format!(
            "{address}\n  balance    {}\n  deposits   {}\nall accounts {}, escrow {}, ever funded {}",
            ether(account.balance),
            account.nonce,
            ether(totals.accounts()),
            ether(totals.escrow),
            ether(totals.funded)
        )
    })?;
    Ok(Exit::Ok)
}

/// `weft settlement fund`.
pub async fn fund(
    client: &SettlementClient,
    signing: &Signing,
    to: Address,
    value: U256,
    json: bool,
) -> Result<Exit, Failure> {
    let operator = signer(signing.from, signing.key_file.as_deref())?;
    let (_, totals) = client.account(to).await?;
    let funding = Funding::sign(config_hash(client).await?, &operator, totals.fundings, to, amount(value)?);
    let credited = client.fund(&funding).await?;
    let value = json!({ "account": to, "balance": credited.balance.to_string(), "log_seq": credited.log_seq });
    print(json, &value, || format!("{to} now has {}", in_ether(U256::from(credited.balance))))?;
    Ok(Exit::Ok)
}

/// `weft settlement force-batch`.
pub async fn force_batch(
    client: &SettlementClient,
    source: &Source,
    timeout_s: u64,
    json: bool,
) -> Result<Exit, Failure> {
    let cursor = client.tip().await?.inbox_cursor;
    let Some(receipt) = inbox::receipt(client, cursor).await? else {
        return Err(Failure("no inbox item waits: there is nothing to force".to_owned()));
    };
    // The first answer tells why not; after that it is followed.
    match client.force_batch().await {
        Err(error) if error.reason == "WITNESS_NEEDED" => source.force(client).await?,
        answer => drop(answer?),
    }
    let following = Following { wait: true, timeout_s };
    tell(client, &receipt, &following, json, None).await
}
