#!/usr/bin/env python3
"""Sends a signed transaction by gRPC, sees it in the stream of blocks, follows it to finality.

    pip install grpcio grpcio-tools eth-account
    python3 transactions.py [--sequencer 127.0.0.1:9100] [--rpc http://127.0.0.1:8545]
"""

import argparse
import json
import time
import urllib.request

import grpc
from eth_account import Account

from stubs import sequencer_pb2 as pb
from stubs import sequencer_pb2_grpc

# An account of the development chain: everybody knows its key.
KEY = "0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356"
FRIEND = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
TIMEOUT_S = 20


def rpc(url, method, *params):
    """One call of Ethereum's JSON-RPC: nonces and fees are asked there."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return json.load(answer)["result"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequencer", default="127.0.0.1:9100")
    parser.add_argument("--rpc", default="http://127.0.0.1:8545")
    args = parser.parse_args()

    with grpc.insecure_channel(args.sequencer) as channel:
        sequencer = sequencer_pb2_grpc.SequencerStub(channel)
        info = sequencer.GetInfo(pb.GetInfoRequest(), timeout=TIMEOUT_S)
        print(f"chain {info.chain_id}, block {info.latest_block}, final up to {info.finalized_block}")

        account = Account.from_key(KEY)
        signed = account.sign_transaction(
            {
                "chainId": info.chain_id,
                "nonce": int(rpc(args.rpc, "eth_getTransactionCount", account.address, "pending"), 16),
                "to": FRIEND,
                "value": 1_000_000_000,
                "gas": 21_000,
                "maxFeePerGas": 2 * int(rpc(args.rpc, "eth_gasPrice"), 16),
                "maxPriorityFeePerGas": 1_000_000_000,
            }
        )

        # Every block from the next one on, with its receipts, without gaps.
        blocks = sequencer.SubscribeBlocks(
            pb.SubscribeBlocksRequest(from_number=info.latest_block + 1), timeout=TIMEOUT_S
        )

        # The answer comes when the transaction is in a block that is on the disk.
        start = time.monotonic()
        request = pb.SubmitAndWaitRequest(transaction=signed.raw_transaction, timeout_ms=5_000)
        receipt = sequencer.SubmitAndWait(request, timeout=TIMEOUT_S).receipt
        assert receipt.success and receipt.transaction_hash == bytes(signed.hash)
        print(f"0x{signed.hash.hex()} in block {receipt.block_number} after {1e3 * (time.monotonic() - start):.0f} ms")

        for message in blocks:
            if signed.raw_transaction in message.block.transactions:
                assert message.block.hash == receipt.block_hash and receipt in message.receipts
                print(f"the stream shows it in block {message.block.number}")
                break
        blocks.cancel()

        # A refusal carries a stable reason beside gRPC's code.
        try:
            sequencer.SubmitTransaction(pb.SubmitTransactionRequest(transaction=b"\x02"), timeout=TIMEOUT_S)
            raise SystemExit("one byte was taken for a transaction")
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
            print(f"refused: {dict(error.trailing_metadata())['weft-reason']}")

        status, seen = None, 0
        while seen != pb.TRANSACTION_STAGE_FINALIZED:
            status = sequencer.GetTransactionStatus(
                pb.GetTransactionStatusRequest(transaction_hash=bytes(signed.hash)), timeout=TIMEOUT_S
            )
            if status.stage != seen:
                seen = status.stage
                print(pb.TransactionStage.Name(seen).removeprefix("TRANSACTION_STAGE_").lower())
            if time.monotonic() - start > 60:
                raise SystemExit("not final after a minute")
            time.sleep(0.05)
        print(f"final in batch {status.batch_index}")


if __name__ == "__main__":
    main()
