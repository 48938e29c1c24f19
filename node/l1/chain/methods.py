"""The JSON-RPC methods of the embedded chain: the table at the end of `Methods.__init__` is the whole subset.

Answers about blocks, receipts and logs show only what is on disk. `pending` means `latest`, except for
eth_getTransactionCount, which counts the pool. States are kept for the last blocks only (ledger.HISTORY_BLOCKS).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from node.l1.blobs import BLOB_BYTES, BLOBS_PER_TRANSACTION_MAX, blob_fee_wei
from node.l1.chain.block import Block
from node.l1.chain.build import next_base_fee, next_blob_excess
from node.l1.chain.calls import answer_call, estimate_gas
from node.l1.chain.index import LogFilter
from node.l1.chain.ledger import Chain, ReorgRefused, State, StateUnavailable
from node.l1.chain.mempool import PoolRefused
from node.l1.chain.params import (
    LIMIT_EXCEEDED,
    METHOD_NOT_FOUND,
    SERVER_ERROR,
    BlockRef,
    Params,
    RpcError,
    invalid,
    to_call,
    to_log_query,
)
from node.l1.chain.render import block_json, data, log_json, quantity, receipt_json, transaction_json
from node.l1.transactions import TYPE_BLOB, TransactionMalformed, decode_transaction
from proto.hashing import keccak

CLIENT_VERSION: Final = "novate-l1/1"
TIP_WEI: Final = 10**9
LOGS_MAX: Final = 20_000
FEE_HISTORY_BLOCKS_MAX: Final = 1_024
SIDECAR_BYTES_MAX: Final = BLOBS_PER_TRANSACTION_MAX * (BLOB_BYTES + 8_192)  # Beside a blob: commitment and 128 proofs.
INCREASE_TIME_MAX_S: Final = 10 * 365 * 86_400

Handler = Callable[[Params], Any]


class Methods:
    """Answers requests against one chain. `now_s` is the wall clock, for mining on request."""

    def __init__(self, chain: Chain, now_s: Callable[[], int]) -> None:
        self._chain = chain
        self._now_s = now_s
        # Name → (most parameters, handler).
        self._table: dict[str, tuple[int, Handler]] = {
            "web3_clientVersion": (0, lambda _: CLIENT_VERSION),
            "web3_sha3": (1, lambda params: data(keccak(params.data(0)))),
            "net_version": (0, lambda _: str(chain.settings.chain_id)),
            "net_listening": (0, lambda _: True),
            "eth_chainId": (0, lambda _: quantity(chain.settings.chain_id)),
            "eth_syncing": (0, lambda _: False),
            "eth_accounts": (0, lambda _: []),
            "eth_blockNumber": (0, lambda _: quantity(chain.index.head_number)),
            "eth_gasPrice": (0, lambda _: quantity(next_base_fee(chain.head.header) + TIP_WEI)),
            "eth_blobBaseFee": (0, lambda _: quantity(blob_fee_wei(next_blob_excess(chain.head.header)))),
            "eth_maxPriorityFeePerGas": (0, lambda _: quantity(TIP_WEI)),
            "eth_feeHistory": (3, self._fee_history),
            "eth_getBalance": (2, lambda p: quantity(self._state(p, 1).world.get(p.address(0)).balance_wei)),
            "eth_getCode": (2, lambda p: data(self._state(p, 1).world.get(p.address(0)).code)),
            "eth_getStorageAt": (3, self._storage_at),
            "eth_getTransactionCount": (2, self._transaction_count),
            "eth_call": (2, self._call),
            "eth_estimateGas": (2, self._estimate),
            "eth_sendRawTransaction": (1, self._send_raw),
            "eth_getTransactionByHash": (1, self._transaction),
            "eth_getTransactionReceipt": (1, self._receipt),
            "eth_getBlockByNumber": (2, lambda p: self._block(p.block(0), full=p.flag(1))),
            "eth_getBlockByHash": (2, lambda p: self._block(BlockRef(hash=p.hash(0)), full=p.flag(1))),
            "eth_getBlockReceipts": (1, self._block_receipts),
            "eth_getBlockTransactionCountByNumber": (1, self._block_transaction_count),
            "eth_getLogs": (1, self._logs),
        }
        if chain.settings.development:
            self._table |= {
                "evm_mine": (1, self._mine),
                "evm_increaseTime": (1, self._increase_time),
                "dev_reorg": (2, self._reorg),
            }

    def answer(self, method: str, params: object) -> Any:
        """The result of one request. Raises RpcError, or ChainStorageFailed when the process must end."""
        assert self._chain.is_whole, "a chain that failed in the middle of a change answers nothing"
        found = self._table.get(method)
        if found is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method[:64]} does not exist/is not available")
        maximum, handler = found
        return handler(Params(params, maximum))

    def blobs(self, block: str, hashes: Sequence[bytes]) -> list[bytes] | None:
        """Blobs of a block by height or tag, all or those named, in order; None if there is no such block or one is no longer kept."""
        ref = BlockRef(number=int(block)) if block.isdigit() else BlockRef(tag=block if block != "head" else "latest")
        number = self._number(ref)
        if number is None:
            return None
        found = [blob for blob_hash, blob in self._chain.blobs_of(number) if not hashes or blob_hash in hashes]
        kept = [blob for blob in found if blob is not None]
        return kept if len(kept) == len(found) else None

    def _number(self, ref: BlockRef) -> int | None:
        """Height of the block that is meant, None if there is no such block."""
        chain = self._chain
        if ref.hash is not None:
            return chain.index.number_of(ref.hash)
        if ref.number is not None:
            return ref.number if ref.number <= chain.index.head_number else None
        match ref.tag:
            case "earliest":
                return 0
            case "safe":
                return chain.safe_number
            case "finalized":
                return chain.finalized_number
            case _:
                return chain.index.head_number

    def _state(self, params: Params, index: int) -> State:
        return self._state_of(params.block(index))

    def _state_of(self, ref: BlockRef) -> State:
        number = self._number(ref)
        if number is None:
            raise RpcError(SERVER_ERROR, "header not found")
        try:
            return self._chain.state_at(number)
        except StateUnavailable as error:
            raise RpcError(SERVER_ERROR, str(error)) from None

    def _block(self, ref: BlockRef, *, full: bool) -> dict[str, Any] | None:
        number = self._number(ref)
        return None if number is None else block_json(self._chain.index.block(number), full=full)

    def _block_receipts(self, params: Params) -> list[dict[str, Any]] | None:
        number = self._number(params.block(0))
        if number is None:
            return None
        block = self._chain.index.block(number)
        return [receipt_json(block, index) for index in range(len(block.receipts))]

    def _block_transaction_count(self, params: Params) -> str | None:
        number = self._number(params.block(0))
        return None if number is None else quantity(len(self._chain.index.block(number).transactions))

    def _storage_at(self, params: Params) -> str:
        value = self._state(params, 2).world.get(params.address(0)).storage.get(params.quantity(1), 0)
        return data(value.to_bytes(32, "big"))

    def _transaction_count(self, params: Params) -> str:
        address = params.address(0)
        ref = params.block(1)
        state = self._state_of(ref)
        if ref.tag == "pending":
            return quantity(self._chain.pool.next_nonce(address, state.world))
        return quantity(state.world.get(address).nonce)

    def _call(self, params: Params) -> str:
        request = to_call(params.need(0))
        parent, state = self._call_place(params.block(1))
        return data(answer_call(state.executor, parent, request))

    def _estimate(self, params: Params) -> str:
        request = to_call(params.need(0))
        parent, state = self._call_place(params.block(1))
        return quantity(estimate_gas(state, parent, request, self._chain.settings.transaction_gas_cap))

    def _call_place(self, ref: BlockRef) -> tuple[Block, State]:
        state = self._state_of(ref)
        number = self._number(ref)
        assert number is not None, "the state was found"
        return self._chain.index.block(number), state

    def _send_raw(self, params: Params) -> str:
        raw = params.data(0)
        limit = self._chain.settings.transaction_bytes_max
        if raw[:1] == bytes((TYPE_BLOB,)):
            limit += SIDECAR_BYTES_MAX
        if len(raw) > limit:
            raise RpcError(SERVER_ERROR, f"oversized data: transaction size {len(raw)}, limit {limit}")
        try:
            tx = decode_transaction(raw)
            self._chain.submit(tx)
        except (TransactionMalformed, PoolRefused) as error:
            raise RpcError(SERVER_ERROR, str(error)) from None
        return data(tx.hash)

    def _transaction(self, params: Params) -> dict[str, Any] | None:
        transaction_hash = params.hash(0)
        place = self._chain.index.transaction(transaction_hash)
        if place is not None:
            block = self._chain.index.block(place[0])
            return transaction_json(block.transactions[place[1]], (block, place[1]))
        waiting = self._chain.pool.get(transaction_hash)
        return None if waiting is None else transaction_json(waiting, None)

    def _receipt(self, params: Params) -> dict[str, Any] | None:
        place = self._chain.index.transaction(params.hash(0))
        return None if place is None else receipt_json(self._chain.index.block(place[0]), place[1])

    def _logs(self, params: Params) -> list[dict[str, Any]]:
        query = to_log_query(params.need(0))
        if query.block_hash is not None:
            number = self._chain.index.number_of(query.block_hash)
            if number is None:
                raise RpcError(SERVER_ERROR, "unknown block")
            first = last = number
        else:
            first, last = self._edge(query.first), self._edge(query.last)
            if first > last:
                raise invalid("invalid block range params")
        found = self._chain.index.logs(first, last, LogFilter(query.addresses, query.topics), LOGS_MAX)
        if found is None:
            raise RpcError(LIMIT_EXCEEDED, f"query returned more than {LOGS_MAX} results")
        return [log_json(log) for log in found]

    def _edge(self, ref: BlockRef) -> int:
        """One end of a range; numbers beyond the head are allowed and empty."""
        if ref.hash is not None:
            raise invalid("a range takes block numbers or tags")
        number = self._number(ref)
        return number if number is not None else ref.number or 0

    def _fee_history(self, params: Params) -> dict[str, Any]:
        count = min(params.loose_quantity(0), FEE_HISTORY_BLOCKS_MAX)
        newest = self._number(params.block(1))
        if newest is None:
            raise RpcError(SERVER_ERROR, "request beyond head block")
        percentiles = params.get(2) or []
        if not isinstance(percentiles, list) or any(type(p) not in (int, float) for p in percentiles):
            raise invalid("expected a list of percentiles")
        blocks = [self._chain.index.block(number) for number in range(max(0, newest - count + 1), newest + 1)]
        fees = [block.header.base_fee_wei for block in blocks]
        rendered: dict[str, Any] = {
            "oldestBlock": quantity(blocks[0].number if blocks else newest),
            "baseFeePerGas": [quantity(fee) for fee in [*fees, next_base_fee(blocks[-1].header)]] if blocks else [],
            "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
        }
        if percentiles:
            rendered["reward"] = [[quantity(_tip_at(block, p)) for p in percentiles] for block in blocks]
        return rendered

    def _mine(self, params: Params) -> str:
        params.get(0)
        self._chain.mine(self._now_s())
        return "0x0"

    def _increase_time(self, params: Params) -> str:
        seconds = params.loose_quantity(0)
        if seconds > INCREASE_TIME_MAX_S:
            raise invalid(f"at most {INCREASE_TIME_MAX_S} seconds")
        return quantity(self._chain.increase_time(seconds))

    def _reorg(self, params: Params) -> str:
        """dev_reorg(depth, keep_transactions): the new head's hash."""
        depth = params.loose_quantity(0)
        try:
            head = self._chain.reorganise(depth, self._now_s(), keep_transactions=params.flag(1))
        except ReorgRefused as error:
            raise RpcError(SERVER_ERROR, str(error)) from None
        return data(head.hash)


def _tip_at(block: Block, percentile: float) -> int:
    """Effective tip below which this share of the block's gas paid."""
    base_fee = block.header.base_fee_wei
    paid = sorted(
        (tx.effective_tip(base_fee), receipt.gas_used)
        for tx, receipt in zip(block.transactions, block.receipts, strict=True)
    )
    if not paid:
        return 0
    threshold = block.header.gas_used * percentile / 100
    reached = 0
    for tip, gas in paid:
        reached += gas
        if reached >= threshold:
            return tip
    return paid[-1][0]
