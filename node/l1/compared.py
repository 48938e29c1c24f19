"""An L1 client that believes only what several nodes say alike.

One node can lie, lag or sit on a branch of its own; who asks two that different people run is deceived only if both are. Every
question about history goes to all of them. Invariants:
- An answer is returned only if all nodes give it. Where one does not have it yet, nobody has; where two differ,
  L1NodesDisagree, which is a kind of L1Unavailable: whoever asks waits and asks again, so trading goes on and no deposit is
  credited meanwhile.
- `latest`, `safe` and `finalized` mean the lowest that any node calls so.
- What is a suggestion or an offer (fees, gas estimates, the pool) is asked of the first node; transactions are handed to all.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

from node.l1.answers import L1Block, L1Error, L1Log, L1NodesDisagree, L1Receipt, L1Refused, L1Transaction, first_of
from node.l1.rpc import BlockTag, CallMessage, L1Client, L1ClientSettings, Topics
from proto.ids import Address

NODES_MAX: Final = 4
_HEADS: Final = ("latest", "safe", "finalized")
_Answer = TypeVar("_Answer")


def open_l1(urls: Sequence[str], timeout_s: float = 10.0) -> L1Client:
    """The client for one node, or for several that must agree. Raises ValueError where there are none or too many."""
    if not 1 <= len(urls) <= NODES_MAX or len(dict.fromkeys(urls)) != len(urls):
        raise ValueError(f"name 1 to {NODES_MAX} different L1 nodes")
    settings = [L1ClientSettings(url=url, timeout_s=timeout_s) for url in urls]
    return L1Client(settings[0]) if len(settings) == 1 else ComparedL1Client(settings)


class ComparedL1Client(L1Client):
    """Several endpoints of one chain. Use as an async context manager."""

    def __init__(self, settings: Sequence[L1ClientSettings]) -> None:
        super().__init__(settings[0])
        self._first = L1Client(settings[0])
        self._clients = (self._first, *(L1Client(each) for each in settings[1:]))

    async def __aenter__(self) -> Self:
        """Open all connection pools."""
        for client in self._clients:
            await client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        for client in self._clients:
            await client.__aexit__(kind, error, trace)

    async def request(self, method: str, *params: object) -> object:
        """A raw call, of the first node only: nothing of it is compared."""
        return await self._first.request(method, *params)

    async def _all(self, ask: Callable[[L1Client], Awaitable[_Answer]]) -> list[_Answer]:
        """Everybody's answer. Raises the first node's error; L1NodesDisagree where only some refuse."""

        async def one(client: L1Client) -> _Answer | L1Refused:
            try:
                return await ask(client)
            except L1Refused as refused:
                return refused

        try:
            async with asyncio.TaskGroup() as tasks:
                started = [tasks.create_task(one(client)) for client in self._clients]
        except* L1Error as group:
            raise first_of(group) from None
        found = [task.result() for task in started]
        answers = [answer for answer in found if not isinstance(answer, L1Refused)]
        if len(answers) == len(found):
            return answers
        refusals = [answer for answer in found if isinstance(answer, L1Refused)]
        if answers or any(refused.data != refusals[0].data for refused in refusals):
            raise L1NodesDisagree(f"one L1 node refuses what another answers: {refusals[0].message}")
        raise refusals[0]

    async def _same(self, what: str, ask: Callable[[L1Client], Awaitable[_Answer]]) -> _Answer:
        """The answer that all give."""
        found = await self._all(ask)
        for at, answer in enumerate(found[1:], 1):
            if answer != found[0]:
                raise L1NodesDisagree(f"{what}: L1 nodes 1 and {at + 1} differ")
        return found[0]

    async def _same_or_none(self, what: str, ask: Callable[[L1Client], Awaitable[_Answer | None]]) -> _Answer | None:
        """The answer that all give; None where one does not have it."""
        found = await self._all(ask)
        if any(answer is None for answer in found):
            return None
        for at, answer in enumerate(found[1:], 1):
            if answer != found[0]:
                raise L1NodesDisagree(f"{what}: L1 nodes 1 and {at + 1} differ")
        return found[0]

    async def _height(self, at: BlockTag) -> BlockTag:
        """A tag that moves, as the height that all nodes have reached."""
        if at != "latest":
            return at
        return await self.block_number()

    # -- the chain --------------------------------------------------------------------------------------------------

    async def chain_id(self) -> int:
        """The chain that all serve."""
        return await self._same("chain id", lambda client: client.chain_id())

    async def block_number(self) -> int:
        """Height of the newest block that all have."""
        return min(await self._all(lambda client: client.block_number()))

    async def block(self, at: BlockTag) -> L1Block | None:
        """The block at a height or tag; None if one node has none (yet)."""
        if at in _HEADS:
            heads = await self._all(lambda client: client.block(at))
            known = [head.number for head in heads if head is not None]
            if len(known) < len(heads):
                return None
            at = min(known)
        return await self._same_or_none(f"block {at}", lambda client: client.block(at))

    async def block_by_hash(self, block_hash: bytes) -> L1Block | None:
        """The block with this hash; None if one node does not have it."""
        return await self._same_or_none("block by hash", lambda client: client.block_by_hash(block_hash))

    async def logs(
        self, first: int, last: int, addresses: Sequence[Address] = (), topics: Topics = ()
    ) -> tuple[L1Log, ...]:
        """Matching logs of blocks first…last, in chain order."""
        what = f"logs of blocks {first} to {last}"
        return await self._same(what, lambda client: client.logs(first, last, addresses, topics))

    async def logs_of_block(
        self, block: L1Block, addresses: Sequence[Address] = (), topics: Topics = ()
    ) -> tuple[L1Log, ...]:
        """Matching logs of exactly this block."""
        what = f"logs of block {block.number}"
        return await self._same(what, lambda client: client.logs_of_block(block, addresses, topics))

    async def receipt(self, transaction_hash: bytes) -> L1Receipt | None:
        """What became of a transaction; None while one node does not have it in a block."""
        return await self._same_or_none("receipt", lambda client: client.receipt(transaction_hash))

    async def transaction(self, transaction_hash: bytes) -> L1Transaction | None:
        """A transaction with its input data; None if one node does not know it."""
        return await self._same_or_none("transaction", lambda client: client.transaction(transaction_hash))

    # -- its state --------------------------------------------------------------------------------------------------

    async def call(self, message: CallMessage, at: BlockTag = "latest") -> bytes:
        """Return data of a call. Raises L1Refused with the revert data if it reverts everywhere."""
        height = await self._height(at)
        return await self._same("call result", lambda client: client.call(message, height))

    async def estimate_gas(self, message: CallMessage) -> int:
        """The first node's estimate."""
        return await self._first.estimate_gas(message)

    async def nonce(self, account: Address, at: BlockTag = "latest") -> int:
        """Number of transactions of the account in blocks; of the first node's pool too where `at` is pending."""
        if at == "pending":
            return await self._first.nonce(account, at)
        height = await self._height(at)
        return await self._same("nonce", lambda client: client.nonce(account, height))

    async def balance(self, account: Address, at: BlockTag = "latest") -> int:
        """Wei."""
        height = await self._height(at)
        return await self._same("balance", lambda client: client.balance(account, height))

    async def code(self, account: Address, at: BlockTag = "latest") -> bytes:
        """Contract code, empty for an ordinary account."""
        height = await self._height(at)
        return await self._same("code", lambda client: client.code(account, height))

    async def storage(self, account: Address, slot: int, at: BlockTag = "latest") -> bytes:
        """One 32-byte storage word."""
        height = await self._height(at)
        return await self._same("storage word", lambda client: client.storage(account, slot, height))

    # -- offers -----------------------------------------------------------------------------------------------------

    async def send_raw(self, raw: bytes, transaction_hash: bytes) -> None:
        """Hand a signed transaction to all nodes. Raises L1Refused if the first one does not take it."""
        for client in self._clients[1:]:
            with contextlib.suppress(L1Error):  # They hear of it from the first one too.
                await client.send_raw(raw, transaction_hash)
        await self._first.send_raw(raw, transaction_hash)

    async def priority_fee_wei(self) -> int:
        """The first node's suggestion for the tip, wei per gas."""
        return await self._first.priority_fee_wei()
