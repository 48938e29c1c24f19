"""Client of an Ethereum node's JSON-RPC over HTTP.

Invariants:
- Every request has a timeout and every answer a size limit; nothing is retried here, callers own their backoff.
- Answers are checked against the question: ids, heights, hashes, filters. See `answers` for the three kinds of failure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from node.l1 import answers
from node.l1.answers import (
    L1AnswerTooLarge,
    L1Block,
    L1Lied,
    L1Log,
    L1Receipt,
    L1Refused,
    L1Transaction,
    L1Unavailable,
    L1WrongChain,
)
from node.l1.json_text import JsonRefused, parse_json
from proto.ids import Address

BlockTag = int | str
"""A height, or one of latest, pending, safe, finalized, earliest."""
Topics = Sequence[bytes | Sequence[bytes] | None]
"""Per position: one topic, alternatives, or None for any."""

HASHES_ONLY: Final = False  # Second parameter of eth_getBlockBy…: transactions not in full.
HTTP_OK: Final = 200
CODE_RATE_LIMITED: Final = 429
_TEXT_MAX: Final = 300  # Characters of a foreign message that reach our errors.


@dataclass(frozen=True, slots=True, kw_only=True)
class L1ClientSettings:
    """Where L1 is and how patient we are with it."""

    url: str
    timeout_s: float = 10.0
    response_bytes_max: int = 32 * 1024 * 1024
    connections_max: int = 8


@dataclass(frozen=True, slots=True)
class CallMessage:
    """A message for eth_call or eth_estimateGas."""

    to: Address | None
    data: bytes
    sender: Address | None = None
    value_wei: int = 0

    def to_json(self) -> dict[str, str]:
        """The transaction object."""
        fields = {"data": "0x" + self.data.hex()}
        if self.to is not None:
            fields["to"] = "0x" + self.to.hex()
        if self.sender is not None:
            fields["from"] = "0x" + self.sender.hex()
        if self.value_wei:
            fields["value"] = hex(self.value_wei)
        return fields


class L1Client:
    """One endpoint. Use as an async context manager."""

    def __init__(self, settings: L1ClientSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None
        self._last_id = 0

    async def __aenter__(self) -> Self:
        """Open the connection pool."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            connector=aiohttp.TCPConnector(limit=self._settings.connections_max),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(self, method: str, *params: Any) -> Any:
        """The raw result of one call. Raises L1Unavailable, L1Refused, L1Lied."""
        self._last_id += 1
        request_id = self._last_id
        body = await self._post({"jsonrpc": "2.0", "id": request_id, "method": method, "params": list(params)})
        try:
            answer = parse_json(body)
        except JsonRefused as error:
            raise L1Lied(f"{method}: {error}") from None
        if not isinstance(answer, dict):
            raise L1Lied(f"{method}: answer is not an object")
        if "error" in answer and answer["error"] is not None:
            raise _refusal(method, answer["error"])
        if answer.get("id") != request_id:
            raise L1Lied(f"{method}: answer to another request")
        if "result" not in answer:
            raise L1Lied(f"{method}: answer without result")
        return answer["result"]

    async def _post(self, payload: dict[str, Any]) -> bytes:
        assert self._session is not None, "L1Client is used inside `async with`"
        limit = self._settings.response_bytes_max
        try:
            async with self._session.post(self._settings.url, json=payload) as response:
                chunks, total = [], 0
                async for chunk in response.content.iter_any():
                    total += len(chunk)
                    if total > limit:
                        response.close()
                        raise L1AnswerTooLarge(f"{payload['method']}: answer exceeds {limit} bytes")
                    chunks.append(chunk)
                body = b"".join(chunks)
                if response.status != HTTP_OK and not body.lstrip().startswith(b"{"):
                    raise L1Unavailable(f"{payload['method']}: HTTP {response.status}")
                if response.status == CODE_RATE_LIMITED or response.status >= 500:
                    raise L1Unavailable(f"{payload['method']}: HTTP {response.status}")
                return body
        except TimeoutError:
            raise L1Unavailable(f"{payload['method']}: no answer in {self._settings.timeout_s} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise L1Unavailable(f"{payload['method']}: {type(error).__name__}: {str(error)[:_TEXT_MAX]}") from error

    # -- typed questions --------------------------------------------------------------------------------------------

    async def chain_id(self) -> int:
        """The chain that this endpoint serves."""
        return answers.quantity(await self.request("eth_chainId"), "chain id")

    async def expect_chain(self, chain_id: int) -> None:
        """Raise L1WrongChain unless the endpoint serves this chain."""
        found = await self.chain_id()
        if found != chain_id:
            raise L1WrongChain(chain_id, found)

    async def block_number(self) -> int:
        """Height of the newest block."""
        return answers.quantity(await self.request("eth_blockNumber"), "block number")

    async def block(self, at: BlockTag) -> L1Block | None:
        """The block at a height or tag; None if there is none (yet)."""
        result = await self.request("eth_getBlockByNumber", _tag(at), HASHES_ONLY)
        if result is None:
            return None
        found = answers.block(result)
        if isinstance(at, int) and found.number != at:
            raise L1Lied(f"asked for block {at}, got {found.number}")
        return found

    async def block_by_hash(self, block_hash: bytes) -> L1Block | None:
        """The block with this hash; None if the node does not have it."""
        result = await self.request("eth_getBlockByHash", _hex(block_hash), HASHES_ONLY)
        if result is None:
            return None
        found = answers.block(result)
        if found.hash != block_hash:
            raise L1Lied("asked for a block by hash, got another")
        return found

    async def logs(
        self, first: int, last: int, addresses: Sequence[Address] = (), topics: Topics = ()
    ) -> tuple[L1Log, ...]:
        """Matching logs of blocks first…last, in chain order."""
        query = {"fromBlock": hex(first), "toBlock": hex(last)}
        found = answers.logs(await self.request("eth_getLogs", query | _filter(addresses, topics)))
        if found and not first <= found[0].block_number <= found[-1].block_number <= last:
            raise L1Lied("logs: outside the range that was asked for")
        _check_filter(found, addresses, topics)
        return found

    async def logs_of_block(
        self, block: L1Block, addresses: Sequence[Address] = (), topics: Topics = ()
    ) -> tuple[L1Log, ...]:
        """Matching logs of exactly this block, whatever is canonical by now."""
        query: dict[str, Any] = {"blockHash": _hex(block.hash)}
        found = answers.logs(await self.request("eth_getLogs", query | _filter(addresses, topics)))
        if any((log.block_hash, log.block_number) != (block.hash, block.number) for log in found):
            raise L1Lied("logs: of another block than asked for")
        _check_filter(found, addresses, topics)
        return found

    async def receipt(self, transaction_hash: bytes) -> L1Receipt | None:
        """What became of a transaction; None while it is not in a block."""
        result = await self.request("eth_getTransactionReceipt", _hex(transaction_hash))
        if result is None:
            return None
        found = answers.receipt(result)
        if found.transaction_hash != transaction_hash:
            raise L1Lied("asked for a receipt, got another's")
        return found

    async def transaction(self, transaction_hash: bytes) -> L1Transaction | None:
        """A transaction with its input data; None if the node does not know it."""
        result = await self.request("eth_getTransactionByHash", _hex(transaction_hash))
        if result is None:
            return None
        found = answers.transaction(result)
        if found.hash != transaction_hash:
            raise L1Lied("asked for a transaction, got another")
        return found

    async def call(self, message: CallMessage, at: BlockTag = "latest") -> bytes:
        """Return data of a call. Raises L1Refused with the revert data if it reverts."""
        return answers.data(await self.request("eth_call", message.to_json(), _tag(at)), "call result")

    async def estimate_gas(self, message: CallMessage) -> int:
        """Gas that the message would need. Raises L1Refused with the revert data if it would revert."""
        return answers.quantity(await self.request("eth_estimateGas", message.to_json()), "gas estimate")

    async def send_raw(self, raw: bytes, transaction_hash: bytes) -> None:
        """Hand over a signed transaction. Raises L1Refused if it is not taken."""
        result = await self.request("eth_sendRawTransaction", _hex(raw))
        if answers.hash32(result, "transaction hash") != transaction_hash:
            raise L1Lied("the node names our transaction by another hash")

    async def nonce(self, account: Address, at: BlockTag = "latest") -> int:
        """Number of transactions that the account has in blocks (latest) or also in the pool (pending)."""
        return answers.quantity(await self.request("eth_getTransactionCount", _hex(account), _tag(at)), "nonce")

    async def balance(self, account: Address, at: BlockTag = "latest") -> int:
        """Wei."""
        return answers.quantity(await self.request("eth_getBalance", _hex(account), _tag(at)), "balance")

    async def code(self, account: Address, at: BlockTag = "latest") -> bytes:
        """Contract code, empty for an ordinary account."""
        return answers.data(await self.request("eth_getCode", _hex(account), _tag(at)), "code")

    async def storage(self, account: Address, slot: int, at: BlockTag = "latest") -> bytes:
        """One 32-byte storage word."""
        result = await self.request("eth_getStorageAt", _hex(account), hex(slot), _tag(at))
        return answers.hash32(result, "storage word")

    async def priority_fee_wei(self) -> int:
        """The node's suggestion for the tip, wei per gas."""
        return answers.quantity(await self.request("eth_maxPriorityFeePerGas"), "priority fee")


def _refusal(method: str, error: object) -> Exception:
    """The typed error for a JSON-RPC error object."""
    if not isinstance(error, dict) or type(error.get("code")) is not int:
        return L1Lied(f"{method}: malformed error")
    code, message, detail = error["code"], str(error.get("message", ""))[:_TEXT_MAX], error.get("data")
    if code == CODE_RATE_LIMITED:
        return L1Unavailable(f"{method}: rate limited")
    if isinstance(detail, dict):  # Some nodes wrap the revert data once more.
        detail = detail.get("data")
    try:
        output = answers.data(detail, "revert data") if isinstance(detail, str) else b""
    except L1Lied:
        output = b""  # Free text instead of revert data.
    return L1Refused(code, message, output)


def _tag(at: BlockTag) -> str:
    return hex(at) if isinstance(at, int) else at


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _filter(addresses: Sequence[Address], topics: Topics) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if addresses:
        query["address"] = [_hex(address) for address in addresses]
    if topics:
        query["topics"] = [
            _hex(topic) if isinstance(topic, bytes) else None if topic is None else [_hex(each) for each in topic]
            for topic in topics
        ]
    return query


def _check_filter(found: tuple[L1Log, ...], addresses: Sequence[Address], topics: Topics) -> None:
    """A node that returns what was not asked for is not to be believed."""
    wanted_addresses = frozenset(addresses)
    wanted = [None if topic is None else (topic,) if isinstance(topic, bytes) else tuple(topic) for topic in topics]
    for log in found:
        if wanted_addresses and log.address not in wanted_addresses:
            raise L1Lied("logs: of a contract that was not asked for")
        if len(log.topics) < len(wanted):
            raise L1Lied("logs: fewer topics than asked for")
        for choices, topic in zip(wanted, log.topics, strict=False):
            if choices and topic not in choices:
                raise L1Lied("logs: a topic that was not asked for")
