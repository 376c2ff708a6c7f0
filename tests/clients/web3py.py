"""web3.py: transfers, a contract, logs, blocks, several calls in one request, subscriptions.

    $WEFT_CACHE/clients/python/bin/python web3py.py --rpc http://127.0.0.1:8545 --ws ws://127.0.0.1:8545
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import traceback

from eth_account import Account
from web3 import AsyncWeb3, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, ContractLogicError

MNEMONIC = "test test test test test test test test test test test junk"
ACCOUNT = 4  # as in lib/check.mjs
DEADLINE_S = 30

arguments = argparse.ArgumentParser()
arguments.add_argument("--rpc", default="http://127.0.0.1:8545")
arguments.add_argument("--ws")
options = arguments.parse_args()
options.ws = options.ws or options.rpc.replace("http", "ws", 1)

Account.enable_unaudited_hdwallet_features()
account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{ACCOUNT}")
w3 = Web3(Web3.HTTPProvider(options.rpc, request_kwargs={"timeout": DEADLINE_S}))
checks = []


def check(what):
    """Registers a check; checks run in the order of the file."""

    def register(function):
        checks.append((what, function))
        return function

    return register


def compiled(name):
    """ABI and code of one of the tests' contracts."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "contracts.mjs")
    path = subprocess.run(["node", script], check=True, capture_output=True, text=True).stdout.strip()
    with open(path, encoding="utf-8") as file:
        return json.load(file)[name]


def send(transaction):
    """Signs, sends, and waits for a receipt of success."""
    signed = account.sign_transaction(transaction)
    receipt = w3.eth.wait_for_transaction_receipt(w3.eth.send_raw_transaction(signed.raw_transaction), timeout=DEADLINE_S)
    assert receipt.status == 1, receipt
    return receipt


def plain(to, value, **more):
    """A transfer with every field that web3.py does not fill in by itself."""
    base = {"from": account.address, "to": to, "value": value, "chainId": w3.eth.chain_id}
    base["nonce"] = w3.eth.get_transaction_count(account.address)
    base.update(more)
    if "gasPrice" not in base:
        base["maxPriorityFeePerGas"] = w3.eth.max_priority_fee
        base["maxFeePerGas"] = 2 * w3.eth.get_block("latest").baseFeePerGas + base["maxPriorityFeePerGas"]
    base["gas"] = w3.eth.estimate_gas(base)
    return base


@check("connected, chain id")
def _():
    assert w3.is_connected()
    assert w3.eth.chain_id == 31337


@check("transfer (EIP-1559)")
def _():
    to = Account.create().address
    before = w3.eth.get_balance(account.address)
    receipt = send(plain(to, 10**15))
    assert w3.eth.get_balance(to) == 10**15
    assert w3.eth.get_balance(account.address) == before - 10**15 - receipt.gasUsed * receipt.effectiveGasPrice
    transaction = w3.eth.get_transaction(receipt.transactionHash)
    assert transaction.blockHash == receipt.blockHash and transaction["from"] == account.address
    assert w3.eth.get_raw_transaction(receipt.transactionHash)[:1] == b"\x02"


@check("transfer (legacy), and with an access list")
def _():
    to = Account.create().address
    receipt = send(plain(to, 1, gasPrice=w3.eth.gas_price))
    assert receipt.type == 0
    entry = {"address": to, "storageKeys": ["0x" + "00" * 32]}
    receipt = send(plain(to, 1, gasPrice=w3.eth.gas_price, accessList=[entry]))
    assert receipt.type == 1
    assert len(w3.eth.get_transaction(receipt.transactionHash).accessList) == 1


@check("blocks: by number, hash and tag, with transactions, extraData of 32 bytes at most")
def _():
    latest = w3.eth.get_block("latest", full_transactions=True)
    assert len(latest.extraData) <= 32
    assert w3.eth.get_block(latest.hash).number == latest.number
    assert w3.eth.get_block(latest.number).hash == latest.hash
    assert w3.eth.get_block_transaction_count(latest.number) == len(latest.transactions)
    assert [each.transactionIndex for each in latest.transactions] == list(range(len(latest.transactions)))
    assert w3.eth.get_transaction_by_block(latest.hash, 0).hash == latest.transactions[0].hash
    receipts = w3.eth.get_block_receipts(latest.number)
    assert sum(each.gasUsed for each in receipts) == latest.gasUsed
    assert w3.eth.get_block("finalized").number <= w3.eth.get_block("safe").number <= latest.number


@check("deploy, transact, read")
def _():
    global counter
    artifact = compiled("Counter")
    factory = w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    fields = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
    receipt = send(factory.constructor(20).build_transaction(fields))
    counter = w3.eth.contract(address=receipt.contractAddress, abi=artifact["abi"])
    assert w3.eth.get_code(counter.address)
    assert counter.functions.count().call() == 20
    fields["nonce"] += 1
    receipt = send(counter.functions.add(3).build_transaction(fields))
    assert counter.functions.count().call() == 23
    assert counter.functions.count().call(block_identifier=receipt.blockNumber - 1) == 20


@check("event logs: from the receipt, by query, by filter")
def _():
    poll = counter.events.Counted.create_filter(from_block="latest")
    fields = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
    receipt = send(counter.functions.add(1).build_transaction(fields))
    (event,) = counter.events.Counted().process_receipt(receipt)
    assert event.args.by == account.address and event.args.count == 24
    found = counter.events.Counted().get_logs(from_block=0, argument_filters={"by": account.address})
    assert [each.args.count for each in found] == [23, 24]
    assert found[-1].transactionHash == receipt.transactionHash
    assert [each.args.count for each in poll.get_new_entries()][-1:] == [24]
    assert poll.get_new_entries() == []
    assert w3.eth.uninstall_filter(poll.filter_id)


@check("reverts: reason and custom error, decoded")
def _():
    artifact = compiled("Refuser")
    factory = w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
    fields = {"from": account.address, "nonce": w3.eth.get_transaction_count(account.address)}
    receipt = send(factory.constructor().build_transaction(fields))
    refuser = w3.eth.contract(address=receipt.contractAddress, abi=artifact["abi"])
    try:
        refuser.functions.withReason().call()
        raise AssertionError("no revert")
    except ContractLogicError as error:
        assert "not today" in error.message, error
    try:
        refuser.functions.withError(3).call()
        raise AssertionError("no revert")
    except ContractCustomError as error:
        selector = Web3.keccak(text="TooSmall(uint256,uint256)")[:4].hex()
        assert selector in str(error.data), error


@check("several calls in one request")
def _():
    with w3.batch_requests() as batch:
        batch.add(w3.eth.get_block("latest"))
        batch.add(w3.eth.get_balance(account.address))
        batch.add(counter.functions.count())
        block, balance, count = batch.execute()
    assert block.number > 0 and balance > 0 and count == 24


@check("fee history")
def _():
    history = w3.eth.fee_history(3, "latest", [50.0])
    assert len(history.baseFeePerGas) == len(history.gasUsedRatio) + 1 == len(history.reward) + 1
    assert all(0 <= ratio <= 1 for ratio in history.gasUsedRatio)


@check("new blocks over WebSocket")
def _():
    async def watch():
        async with AsyncWeb3(WebSocketProvider(options.ws)) as socket:
            subscription = await socket.eth.subscribe("newHeads")
            receipt = await asyncio.to_thread(send, plain(account.address, 0))
            async for message in socket.socket.process_subscriptions():
                head = message["result"]
                assert message["subscription"] == subscription and len(head["extraData"]) <= 32
                if head["hash"] == receipt.blockHash:
                    break
            assert await socket.eth.unsubscribe(subscription)

    asyncio.run(asyncio.wait_for(watch(), DEADLINE_S))


def main():
    passed = 0
    for what, function in checks:
        try:
            function()
            passed += 1
            print(f"ok web3.py: {what}", flush=True)
        except Exception:  # a failed check is reported, and the next one runs
            print(f"not ok web3.py: {what}")
            print("    " + traceback.format_exc()[-4000:].strip().replace("\n", "\n    "), flush=True)
    print(f"{passed} passed, {len(checks) - passed} failed")
    return 0 if passed == len(checks) else 1


sys.exit(main())
