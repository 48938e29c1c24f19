"""The client: signs, numbers, sends, matches answers, reconnects, resumes streams.

    async with NovateClient("ws://127.0.0.1:8080/v1/ws", key) as client:
        market = await client.market("BTC-PERPETUAL")
        order = await client.place_order(market, Side.BUY, price="60000", size="0.01")
        await client.cancel(order.order)

Methods wait for the durable answer and raise RefusedError where the node or the rules refuse. `start` sends without waiting and gives a
future; `send_signed` takes bytes that were signed earlier and calls back: the cheapest way. While there is no connection, actions raise
NotConnectedError; queries and subscriptions wait for the next one. An action whose connection broke before its answer ends in
OutcomeUnknownError.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from node.client.amounts import Human, Market, order_spec
from node.client.answers import Ack, Hello, OrderAnswer, Reply, refused_of
from node.client.connection import Answered, Connection
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError
from node.client.nonces import NonceSource
from node.client.order_actions import OrderActions
from node.client.reads import Reads
from node.client.settings import ClientSettings
from node.client.streams import Subscription, plain
from node.client.suppositions import MoveText, OrderText
from proto.frames import (
    ActionFrame,
    FrameKind,
    PartingFrame,
    PingFrame,
    QueryFrame,
    ReportFrame,
    RevokePublisherFrame,
    SubscribeFrame,
    UnsubscribeFrame,
    encode_client_frame,
)
from proto.ids import ALL_MARKETS, BACKSTOP_VAULT, Address, AssetId, MarketId, VaultId
from proto.inputs import IndexPrice, OracleReport, RevokePublisher
from proto.intents import (
    SCOPE_TRADE,
    ApproveAgent,
    CancelAll,
    CreateSubAccount,
    Intent,
    OrderSpec,
    PlaceOrder,
    PlaceOrders,
    RevokeAgent,
    SelfTrade,
    Side,
    TakeOver,
    TimeInForce,
    Transfer,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
    encode_intent,
)
from proto.signing.eip712 import Domain, intent_digest, report_digest, revocation_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import AssetUnits, Ppm, TimeMs

_NO_EXPIRY: Final = TimeMs(0)
_PARTING_AHEAD_MS: Final = 20 * 3_600_000  # Above every nonce that is used meanwhile, below the day that one may be ahead.


class NovateClient(OrderActions, Reads):
    """One connection of one signing key; `account` is the account acted for (the key's own unless given)."""

    def __init__(
        self,
        url: str,
        key: SigningKey | None = None,
        *,
        account: Address | None = None,
        settings: ClientSettings | None = None,
    ) -> None:
        """Without `key` only queries and streams work."""
        self._url = url
        self._key = key
        self._account = account or (key.address if key is not None else None)
        self._settings = settings or ClientSettings()
        self._nonces = NonceSource()
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._failed: BaseException | None = None
        self._subscriptions: dict[int, Subscription] = {}  # By their id on the current connection.
        self._all: list[Subscription] = []
        self._stack = contextlib.AsyncExitStack()
        self._supervisor: asyncio.Task[None] | None = None
        self._markets: dict[str | int, Market] = {}
        self._parts = False  # Whether orders are cancelled when the connection ends.
        self.connects = 0
        """Connections made so far."""

    # --- life -------------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Connect; keeps trying for `connect_s`. Raises the last failure."""
        session = await self._stack.enter_async_context(aiohttp.ClientSession())
        group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._supervisor = group.create_task(self._supervise(session))
        try:
            async with asyncio.timeout(self._settings.connect_s):
                await self._connected.wait()
        except BaseException:
            await self._leave()
            raise
        if self._failed is not None:
            await self._leave()
            raise self._failed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._leave()

    async def _leave(self) -> None:
        assert self._supervisor is not None, "entered first"
        self._supervisor.cancel()
        for subscription in self._all:
            subscription.fail(None)
        await self._stack.aclose()

    async def _supervise(self, session: aiohttp.ClientSession) -> None:
        """Connect again whenever the connection ends, waiting longer after each failure."""
        settings, backoff = self._settings, self._settings.backoff_s
        while True:
            try:
                connection = await Connection.connect(session, self._url, settings, self._on_event)
            except ProtocolError as error:
                self._failed = error
                self._connected.set()
                return
            except (OSError, aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(backoff * random.uniform(0.5, 1.0))
                backoff = min(2 * backoff, settings.backoff_max_s)
                continue
            backoff = settings.backoff_s
            self._connection = connection
            self.connects += 1
            self._subscriptions.clear()
            for subscription in self._all:
                self._subscribe(subscription)
            if self._parts:
                frame_id = connection.next_id()
                connection.send(frame_id, self._parting_frame(frame_id), lambda _: None)
            self._connected.set()
            try:
                await connection.run()
            finally:
                self._connected.clear()
                self._connection = None

    # --- who and where ----------------------------------------------------------------------------------------------------

    @property
    def hello(self) -> Hello:
        """The node's greeting. Raises NotConnectedError."""
        return self._open().hello

    @property
    def domain(self) -> Domain:
        """Where signatures for this node are valid."""
        return self.hello.domain

    @property
    def address(self) -> Address:
        """The account acted for."""
        assert self._account is not None, "a client without key acts for nobody"
        return self._account

    @property
    def in_flight(self) -> int:
        """Frames without an answer."""
        return self._connection.in_flight if self._connection is not None else 0

    def _open(self) -> Connection:
        if self._connection is None:
            raise NotConnectedError("no connection to the node at the moment")
        return self._connection

    # --- sending ----------------------------------------------------------------------------------------------------------

    def sign(self, intent: Intent) -> bytes:
        """The key's signature of an intent for this node."""
        assert self._key is not None, "a client without key signs nothing"
        return self._key.sign(intent_digest(self.domain, intent))

    def send_signed(self, action: bytes, signature: bytes, answered: Answered) -> None:
        """Send an encoded, signed action. `answered` gets the frame (ACK or REFUSAL), or None where the connection ended first."""
        connection = self._open()
        frame_id = connection.next_id()
        connection.send(frame_id, encode_client_frame(ActionFrame(frame_id, action, signature)), answered)

    def start(self, intent: Intent) -> asyncio.Future[Ack]:
        """Sign and send without waiting. The future gives the Ack, RefusedError or OutcomeUnknownError."""
        future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        self.send_signed(encode_intent(intent), self.sign(intent), lambda items: _settle(future, items))
        return future

    async def act(self, intent: Intent) -> Ack:
        """Sign, send, wait. Raises RefusedError, OutcomeUnknownError, NotConnectedError."""
        try:
            async with asyncio.timeout(self._settings.answer_s):
                return await self.start(intent)
        except TimeoutError:
            raise OutcomeUnknownError(f"no answer within {self._settings.answer_s} s") from None

    def head(self, expires_after: TimeMs = _NO_EXPIRY) -> tuple[Address, int, TimeMs]:
        """The three fields that begin every intent: account, a fresh nonce, expiry."""
        return self.address, self._nonces.next(), expires_after

    async def _ask(self, encode: Callable[[int], bytes]) -> list[Any]:
        """Send a frame that may be sent again, and wait for its answer; over a new connection if need be."""
        async with asyncio.timeout(self._settings.answer_s):
            while True:
                await self._connected.wait()
                if self._failed is not None:
                    raise self._failed
                connection = self._connection
                if connection is None or not connection.open:
                    await asyncio.sleep(self._settings.backoff_s)
                    continue
                future: asyncio.Future[list[Any] | None] = asyncio.get_running_loop().create_future()
                frame_id = connection.next_id()
                connection.send(frame_id, encode(frame_id), lambda items, to=future: _give(to, items))  # type: ignore[misc]
                items = await future
                if items is None:
                    continue
                if items[0] == FrameKind.REFUSAL:
                    raise refused_of(items)
                return items

    # --- actions ----------------------------------------------------------------------------------------------------------

    async def place(self, order: OrderSpec, expires_after: TimeMs = _NO_EXPIRY) -> OrderAnswer:
        """Place one order, in protocol units."""
        ack = await self.act(PlaceOrder(*self.head(expires_after), order))
        return ack.orders()[0].check(ack.seq)

    async def place_many(self, orders: list[OrderSpec], expires_after: TimeMs = _NO_EXPIRY) -> list[OrderAnswer]:
        """Place up to 50 orders; each answer has its own code."""
        return (await self.act(PlaceOrders(*self.head(expires_after), tuple(orders)))).orders()

    async def place_order(
        self,
        market: Market,
        side: Side,
        *,
        size: Human,
        price: Human | None = None,
        time_in_force: TimeInForce | None = None,
        reduce_only: bool = False,
        client_id: int = 0,
        self_trade: SelfTrade = SelfTrade.EXPIRE_MAKER,
        good_til: TimeMs = _NO_EXPIRY,
    ) -> OrderAnswer:
        """Place one order in human units; without `price` a market order. It ends at `good_til` (ms since the epoch), if given."""
        return await self.place(
            order_spec(
                market, side, size=size, price=price, time_in_force=time_in_force, reduce_only=reduce_only,
                client_id=client_id, self_trade=self_trade, good_til=good_til,
            )
        )  # fmt: skip

    async def cancel_on_disconnect(self, *, enabled: bool = True) -> None:
        """Have all orders of the account cancelled when this connection ends; also on those that replace it.

        A signed CancelAll is left with the node, with a nonce 20 hours ahead: call this again before they are over. A node that stops or
        crashes cancels nothing: `schedule_cancel` is what holds then.
        """
        self._parts = enabled
        await self._ask(self._parting_frame)

    def _parting_frame(self, frame_id: int) -> bytes:
        if not self._parts:
            return encode_client_frame(PartingFrame(frame_id, b"", b""))
        intent = CancelAll(self.address, self._nonces.next() + _PARTING_AHEAD_MS, _NO_EXPIRY, ALL_MARKETS)
        return encode_client_frame(PartingFrame(frame_id, encode_intent(intent), self.sign(intent)))

    async def withdraw(self, asset: AssetId, amount: AssetUnits, destination: Address) -> int:
        """Debit an asset for a claim on L1. Returns the withdrawal's index."""
        return (await self.act(Withdraw(*self.head(), destination, asset, amount))).value()

    async def transfer(self, asset: AssetId, amount: AssetUnits, destination: Address) -> Ack:
        """Move an asset to another account."""
        return await self.act(Transfer(*self.head(), destination, asset, amount))

    async def take_over(self, liquidated: Address, share: int, worst_price: Ppm, market: MarketId = ALL_MARKETS) -> int:
        """Take a share (1e-12) of an account in liquidation, at no more than `worst_price` of its value. Returns the reward, micro-USDC."""
        return (await self.act(TakeOver(*self.head(), liquidated, market, share, worst_price))).value()

    async def vault_deposit(self, amount: AssetUnits, vault: VaultId = BACKSTOP_VAULT) -> int:
        """Buy shares of a vault for micro-USDC. Returns how many."""
        return (await self.act(VaultDeposit(*self.head(), vault, amount))).value()

    async def vault_withdraw(self, shares: int, vault: VaultId = BACKSTOP_VAULT) -> int:
        """Give shares of a vault back. Returns the time (ms since the epoch) from which they are paid."""
        return (await self.act(VaultWithdraw(*self.head(), vault, shares))).value()

    async def approve_agent(
        self, agent: Address, name: str = "", valid_until: TimeMs = _NO_EXPIRY, scope: int = SCOPE_TRADE,
        markets: tuple[MarketId, ...] = (),
    ) -> Ack:
        """Let a key sign trading actions for this account: in `markets` (none given: all), and with SCOPE_REDUCE_ONLY added to
        `scope` reduce-only orders alone. The name takes at most 32 bytes."""
        padded = name.encode().ljust(32, b"\0")
        return await self.act(ApproveAgent(*self.head(), agent, valid_until, scope, padded, tuple(sorted(markets))))

    async def revoke_agent(self, agent: Address) -> Ack:
        """Take an agent's approval back."""
        return await self.act(RevokeAgent(*self.head(), agent))

    async def create_sub_account(self, index: int) -> int:
        """Create sub-account number `index`. Returns its account id."""
        return (await self.act(CreateSubAccount(*self.head(), index))).value()

    async def report(self, time: TimeMs, prices: tuple[IndexPrice, ...]) -> Ack:
        """Send a publisher's signed prices."""
        assert self._key is not None, "a report is signed"
        report = OracleReport(time, prices, self._key.sign(report_digest(self.domain, time, prices)))
        future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        connection = self._open()
        frame_id = connection.next_id()
        connection.send(
            frame_id, encode_client_frame(ReportFrame(frame_id, report)), lambda items: _settle(future, items)
        )
        async with asyncio.timeout(self._settings.answer_s):
            return await future

    async def revoke_publisher(self, publisher: Address, time: TimeMs) -> Ack:
        """Vote to have a publisher's key revoked; the key's own vote does it at once. Raises RefusedError."""
        assert self._key is not None, "a vote is signed"
        vote = RevokePublisher(publisher, time, self._key.sign(revocation_digest(self.domain, publisher, time)))
        future: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        connection = self._open()
        frame_id = connection.next_id()
        connection.send(
            frame_id, encode_client_frame(RevokePublisherFrame(frame_id, vote)), lambda items: _settle(future, items)
        )
        async with asyncio.timeout(self._settings.answer_s):
            return await future

    # --- questions --------------------------------------------------------------------------------------------------------

    async def query(self, name: str, *params: Any) -> Reply:
        """Ask a question of the protocol by name. Raises RefusedError, TimeoutError."""
        items = await self._ask(lambda frame_id: encode_client_frame(QueryFrame(frame_id, name, list(params))))
        return Reply(items[2], plain(items[3]))

    async def ping(self) -> int:
        """The node's time in ms."""
        return int((await self._ask(lambda frame_id: encode_client_frame(PingFrame(frame_id))))[2])

    async def markets(self) -> list[Market]:
        """All markets, with their units."""
        rows = (await self.query("markets")).value
        found = [Market(MarketId(row["id"]), row["name"], row["size_decimals"], row) for row in rows]
        for market in found:
            self._markets[market.name] = self._markets[market.id] = market
        return found

    async def market(self, name: str | int) -> Market:
        """A market by name or id; asked once."""
        if name not in self._markets:
            await self.markets()
        if name not in self._markets:
            await self.query("market", name)  # Raises the node's refusal.
        return self._markets[name]

    async def account(self, address: Address | None = None) -> dict[str, Any]:
        """Equity, margin, balances, positions of an account (one's own by default)."""
        found: dict[str, Any] = (await self.query("account", address or self.address)).value
        return found

    async def what_if(
        self, orders: Sequence[OrderText], moves: Sequence[MoveText], address: Address | None = None
    ) -> dict[str, Any]:
        """The account (one's own by default) after these orders and then these moves. Raises AmountError, RefusedError."""
        wanted = []
        for order in orders:
            market = await self.market(order.market)
            price = 0 if order.price is None else market.price(order.price)
            wanted.append([market.id, order.side.value, market.size(order.size), price])
        moved = [[(await self.market(move.market)).id, move.ppm] for move in moves]
        found: dict[str, Any] = (await self.query("what_if", address or self.address, wanted, moved)).value
        return found

    async def open_orders(self, address: Address | None = None, market: int = 0) -> list[dict[str, Any]]:
        """Open orders of an account."""
        found: list[dict[str, Any]] = (await self.query("orders", address or self.address, market)).value
        return found

    async def pages(
        self, name: str, owner: Any, *, limit: int = 100, newest_first: bool = True
    ) -> list[dict[str, Any]]:
        """All rows of a paged history (`fills`, `order_history`, `ledger`, `funding`, `trades`), page by page."""
        rows: list[dict[str, Any]] = []
        cursor: list[int] = []
        while True:
            page = (await self.query(name, owner, limit, newest_first, cursor)).value
            rows.extend(page["rows"])
            cursor = page["next"]
            if not cursor:
                return rows

    # --- streams ----------------------------------------------------------------------------------------------------------

    def subscribe(self, name: str, *params: Any) -> Subscription:
        """A stream as an async iterator; it survives disconnects. End it with `unsubscribe`."""
        subscription = Subscription(name, list(params), self._settings.events_held, self._resubscribe)
        self._all.append(subscription)
        if self._connection is not None and self._connection.open:
            self._subscribe(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription."""
        self._all.remove(subscription)
        self._release(subscription)
        subscription.fail(None)

    def _release(self, subscription: Subscription) -> None:
        number, subscription.id = subscription.id, 0
        self._subscriptions.pop(number, None)
        if number and self._connection is not None and self._connection.open:
            self._connection.send(number, encode_client_frame(UnsubscribeFrame(number)), _ignore)

    def _resubscribe(self, subscription: Subscription) -> None:
        """Fetch what was let go, from the last number on."""
        self._release(subscription)
        subscription.resumed()
        if self._connection is not None and self._connection.open:
            self._subscribe(subscription)

    def _subscribe(self, subscription: Subscription) -> None:
        connection = self._open()
        number = subscription.id = connection.next_id()
        self._subscriptions[number] = subscription
        frame = SubscribeFrame(number, subscription.name, subscription.params, subscription.last_number)

        def answered(items: list[Any] | None) -> None:
            if items is None or subscription.id != number:
                return
            if items[0] == FrameKind.REFUSAL:
                self._subscriptions.pop(number, None)
                subscription.fail(refused_of(items))
            elif items[0] == FrameKind.SNAPSHOT:
                subscription.take(items)

        connection.send(number, encode_client_frame(frame), answered)

    def _on_event(self, items: list[Any]) -> None:
        subscription = self._subscriptions.get(items[1])
        if subscription is not None:
            subscription.take(items)


def _settle(future: asyncio.Future[Ack], items: list[Any] | None) -> None:
    if future.done():
        return
    if items is None:
        future.set_exception(OutcomeUnknownError("the connection ended before the answer"))
    elif items[0] == FrameKind.REFUSAL:
        future.set_exception(refused_of(items))
    else:
        future.set_result(Ack(items[2], items[3], items[4]))


def _give(future: asyncio.Future[list[Any] | None], items: list[Any] | None) -> None:
    if not future.done():
        future.set_result(items)


def _ignore(_items: list[Any] | None) -> None:
    return
