"""Blocks, transactions, receipts and logs as the JSON that Ethereum clients expect."""

from typing import Any

from node.l1.blobs import blob_fee_wei
from node.l1.chain.block import EMPTY_UNCLES_HASH, FEE_RECIPIENT, Block, logs_bloom
from node.l1.chain.index import PlacedLog
from node.l1.chain.trie import EMPTY_ROOT
from node.l1.transactions import TYPE_BLOB, TYPE_FEE_MARKET, TYPE_LEGACY, Transaction
from proto.hashing import ZERO_HASH


def quantity(value: int) -> str:
    """Integer as 0x-hex without leading zeros."""
    return hex(value)


def data(value: bytes) -> str:
    """Bytes as 0x-hex."""
    return "0x" + value.hex()


def block_json(block: Block, *, full: bool) -> dict[str, Any]:
    """eth_getBlockBy…; transactions as hashes or in full."""
    header = block.header
    transactions: list[Any]
    if full:
        transactions = [transaction_json(tx, (block, index)) for index, tx in enumerate(block.transactions)]
    else:
        transactions = [data(tx.hash) for tx in block.transactions]
    return {
        "number": quantity(header.number),
        "hash": data(header.hash),
        "parentHash": data(header.parent_hash),
        "nonce": "0x0000000000000000",
        "sha3Uncles": data(EMPTY_UNCLES_HASH),
        "logsBloom": data(header.bloom),
        "transactionsRoot": data(header.transactions_root),
        "stateRoot": data(header.state_root),
        "receiptsRoot": data(header.receipts_root),
        "miner": data(FEE_RECIPIENT),
        "difficulty": "0x0",
        "totalDifficulty": "0x0",
        "extraData": data(header.extra),
        "size": quantity(block.size_bytes),
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp_s),
        "mixHash": data(header.randao),
        "baseFeePerGas": quantity(header.base_fee_wei),
        "withdrawalsRoot": data(EMPTY_ROOT),
        "withdrawals": [],
        "blobGasUsed": quantity(header.blob_gas_used),
        "excessBlobGas": quantity(header.excess_blob_gas),
        "parentBeaconBlockRoot": data(ZERO_HASH),
        "uncles": [],
        "transactions": transactions,
    }


def transaction_json(tx: Transaction, place: tuple[Block, int] | None) -> dict[str, Any]:
    """eth_getTransactionByHash; `place` is None while the transaction waits."""
    price = tx.max_fee_wei if place is None else tx.effective_price(place[0].header.base_fee_wei)
    rendered: dict[str, Any] = {
        "type": quantity(tx.kind),
        "hash": data(tx.hash),
        "nonce": quantity(tx.nonce),
        "blockHash": None if place is None else data(place[0].hash),
        "blockNumber": None if place is None else quantity(place[0].number),
        "transactionIndex": None if place is None else quantity(place[1]),
        "from": data(tx.sender),
        "to": None if tx.to is None else data(tx.to),
        "value": quantity(tx.value_wei),
        "gas": quantity(tx.gas_limit),
        "gasPrice": quantity(price),
        "input": data(tx.data),
        "chainId": quantity(tx.chain_id),
        "v": quantity(tx.v),
        "r": quantity(tx.r),
        "s": quantity(tx.s),
    }
    if tx.kind != TYPE_LEGACY:
        rendered["yParity"] = quantity(tx.v)
        rendered["accessList"] = [
            {"address": data(address), "storageKeys": [data(slot.to_bytes(32, "big")) for slot in slots]}
            for address, slots in tx.access_list
        ]
    if tx.kind in (TYPE_FEE_MARKET, TYPE_BLOB):
        rendered["maxFeePerGas"] = quantity(tx.max_fee_wei)
        rendered["maxPriorityFeePerGas"] = quantity(tx.max_priority_fee_wei)
    if tx.kind == TYPE_BLOB:
        rendered["maxFeePerBlobGas"] = quantity(tx.max_blob_fee_wei)
        rendered["blobVersionedHashes"] = [data(blob_hash) for blob_hash in tx.blob_hashes]
    return rendered


def receipt_json(block: Block, index: int) -> dict[str, Any]:
    """eth_getTransactionReceipt."""
    tx, receipt = block.transactions[index], block.receipts[index]
    first = block.first_log_index[index]
    logs = [
        PlacedLog(entry, block.number, block.hash, tx.hash, index, first + position)
        for position, entry in enumerate(receipt.logs)
    ]
    blob: dict[str, Any] = {}
    if tx.kind == TYPE_BLOB:
        fee = blob_fee_wei(block.header.excess_blob_gas)
        blob = {"blobGasUsed": quantity(tx.blob_gas), "blobGasPrice": quantity(fee)}
    return blob | {
        "type": quantity(tx.kind),
        "transactionHash": data(tx.hash),
        "transactionIndex": quantity(index),
        "blockHash": data(block.hash),
        "blockNumber": quantity(block.number),
        "from": data(tx.sender),
        "to": None if tx.to is None else data(tx.to),
        "cumulativeGasUsed": quantity(receipt.cumulative_gas),
        "gasUsed": quantity(receipt.gas_used),
        "effectiveGasPrice": quantity(receipt.effective_price_wei),
        "contractAddress": None if receipt.contract is None else data(receipt.contract),
        "logs": [log_json(log, block.header.timestamp_s) for log in logs],
        "logsBloom": data(logs_bloom(receipt.logs)),
        "status": "0x1" if receipt.success else "0x0",
    }


def log_json(log: PlacedLog, timestamp_s: int | None = None) -> dict[str, Any]:
    """One element of eth_getLogs."""
    rendered: dict[str, Any] = {
        "address": data(log.entry.address),
        "topics": [data(topic) for topic in log.entry.topics],
        "data": data(log.entry.data),
        "blockNumber": quantity(log.block_number),
        "blockHash": data(log.block_hash),
        "transactionHash": data(log.transaction_hash),
        "transactionIndex": quantity(log.transaction_index),
        "logIndex": quantity(log.log_index),
        "removed": False,
    }
    if timestamp_s is not None:
        rendered["blockTimestamp"] = quantity(timestamp_s)
    return rendered
