"""Queries of the native protocol: name and positional parameters in, a map out. HTTP reads ask the same questions.

`[QUERY, id, name, params]` → `[REPLY, id, seq, value]`; `seq` is the last input that the value contains. Units: node.views.describe.

    status []                                       node, versions, seq, batches
    markets []            market [market]           rules and present of markets
    account [address]                               equity, margin, balances, positions, totals of open orders, agents
    nonces [signer, account]                        nonces kept for a signing key, newest last; of the account it signs for
    orders [address, market=0]                      open orders
    order [id] or [address, client id (16 bytes)]   one order; by client id only while it is open
    order_life [id]                                 order, fills, inputs, batches that contain them
    fills|order_history|ledger|funding [address, page...]     page = limit, newestFirst, cursor, start, stop: `rows`, `next`
    trades [market, page...]
    candles [market, interval s, limit, start, stop]
    book [market, depth=20, step=0]                 depth 0: all levels; step: prices put together at multiples of it
    book_orders [market, depth=0]                   the book order by order, in the order of trading
    funding_rates [market, page...]                 hourly rates
    portfolio [address, span]                       values, net inflow and volume over a day, week, month or all time (0-3)
    limits [address]                                requests used and allowed, and what the next one waits for
    margin [address, order]                         what the order (10 fields, as in an action) would need
    what_if [address, orders, moves]                after [[market, side, size, price], ...] and [[market, ppm], ...]
    receipt [seq]                                   record, signed cycle, Merkle path
    account_proof [address]                         leaf and path in the newest sealed state
    batches [limit, before]   batch [id]            batches and their settlement
    deposits [owner]                                deposits that L1 shows and that are not credited yet
    solvency []                                     the newest signed statement of what is owed, asset by asset
    solvency_proof [address]                        the account's leaves and paths in it
    auctions [limit=100]                            portfolios in liquidation that anybody may take a share of now
    vault [id=1]                                    shares of a vault and what they are worth
    withdrawal [index]                              how far a withdrawal is, with its claim once it can be made

Markets are named by id or name. Accounts are public: the ledger is data on L1.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from node.core.ledger.signers import find_signer
from node.core.state import Account, State
from node.gateway.arguments import Arguments, QueryRefusedError
from node.gateway.portraits import account_portrait, market_portrait, order_margin_portrait
from node.gateway.ports import ReadRefusedError, Settlement, Writer
from node.gateway.shelf import Shelf
from node.gateway.suppositions import supposed_moves, supposed_orders, supposition_portrait
from node.gateway.waterfall import auctions_portrait, vault_portrait
from node.views import describe
from node.views.history import PAGE_ROWS_MAX, Page, PageQuery
from node.views.intervals import INTERVALS_S
from node.views.portfolio import Sample, Span
from node.views.rows import HistoryKind, OrderRow
from node.views.streams import StreamKey, StreamName
from proto.ids import BACKSTOP_VAULT, AccountId, Address, MarketId, VaultId
from proto.intents import IntentError, IntentKind, OrderSpec, PlaceOrder, intent_of
from proto.ledger import Section
from proto.reject import RejectCode
from proto.units import TIME_MS_MAX, U16_MAX, U32_MAX, U64_MAX

Answer = tuple[int, Any]
LimitsOf = Callable[[Address], dict[str, int]]
"""What an account may still send."""
_FILLS_OF_ORDER_MAX: Final = 1_000
_WEIGHTS: Final[dict[str, int]] = {
    "status": 2, "markets": 2, "market": 2, "account": 2, "nonces": 2, "orders": 5, "order": 2, "book": 2, "margin": 2, "what_if": 5,
    "fills": 20, "order_history": 20, "ledger": 20, "funding": 20, "trades": 20, "candles": 20, "receipt": 5,
    "book_orders": 20, "funding_rates": 20, "portfolio": 20, "limits": 2, "account_proof": 20, "batches": 5, "batch": 2, "order_life": 20,
    "deposits": 2, "withdrawal": 5, "auctions": 20, "vault": 2, "solvency": 5, "solvency_proof": 20,
}  # fmt: skip
_OF_MARKET: Final = (
    StreamName.BOOK, StreamName.BOOK_ORDERS, StreamName.TRADES, StreamName.BBO, StreamName.TICKER, StreamName.CANDLES,
)  # fmt: skip


class Queries:
    """Answers questions from the writer's state and from the views."""

    def __init__(
        self, writer: Writer, shelf: Shelf, settlement: Settlement, status: Callable[[], dict[str, Any]], limits: LimitsOf
    ) -> None:
        self._writer = writer
        self._settlement = settlement
        self._shelf = shelf
        self._views = shelf.views
        self._status = status
        self._limits = limits
        self._state = writer.peek(lambda state: state)  # For names only: markets and accounts never go away.
        self._questions: dict[str, Callable[[Arguments], Awaitable[Answer]]] = {
            "status": self._ask_status, "markets": self._ask_markets, "market": self._ask_market,
            "account": self._ask_account, "nonces": self._ask_nonces, "orders": self._ask_orders, "order": self._ask_order,
            "order_life": self._ask_order_life, "book": self._ask_book, "margin": self._ask_margin, "what_if": self._ask_what_if,
            "candles": self._ask_candles, "receipt": self._ask_receipt, "account_proof": self._ask_account_proof,
            "batches": self._ask_batches, "batch": self._ask_batch,
            "fills": self._of_account(HistoryKind.FILLS), "order_history": self._of_account(HistoryKind.ORDERS),
            "ledger": self._of_account(HistoryKind.LEDGER), "funding": self._of_account(HistoryKind.FUNDING),
            "trades": self._of_market(HistoryKind.TRADES), "funding_rates": self._of_market(HistoryKind.RATES),
            "book_orders": self._ask_book_orders, "portfolio": self._ask_portfolio, "limits": self._ask_limits,
            "auctions": self._ask_auctions, "vault": self._ask_vault,
            "deposits": self._ask_deposits, "withdrawal": self._ask_withdrawal,
            "solvency": self._ask_solvency, "solvency_proof": self._ask_solvency_proof,
        }  # fmt: skip
        assert self._questions.keys() == _WEIGHTS.keys()

    def weight(self, name: str) -> int:
        """What asking costs."""
        return _WEIGHTS.get(name, 2)

    async def ask(self, name: str, params: list[Any]) -> Answer:
        """Seq and value. Raises QueryRefusedError. The caller sets the timeout."""
        question = self._questions.get(name)
        if question is None:
            raise QueryRefusedError(RejectCode.QUERY_UNKNOWN, name[:64])
        try:
            return await question(Arguments(params))
        except ReadRefusedError as error:
            raise QueryRefusedError(error.code, "") from error

    def stream_key(self, name: str, params: list[Any]) -> StreamKey:
        """The stream of a subscription: [market], [market, interval s] for candles, or [address]. Raises QueryRefusedError."""
        if name not in list(StreamName):
            raise QueryRefusedError(RejectCode.STREAM_UNKNOWN, name[:64])
        stream, arguments = StreamName(name), Arguments(params)
        owner = arguments.market(self._state) if stream in _OF_MARKET else arguments.account(self._state)
        interval = _interval(arguments) if stream == StreamName.CANDLES else 0
        arguments.done()
        return StreamKey(stream, owner, interval)

    # --- from the state ---------------------------------------------------------------------------------------------------

    async def _read(self, fn: Callable[[State], Any]) -> Answer:
        return await self._writer.read(lambda state: (state.seq, fn(state)))

    async def _ask_status(self, arguments: Arguments) -> Answer:
        arguments.done()
        cursor = await self._writer.read(lambda state: state.queue_cursor)
        facts = {"seq": self._views.seq, "time": self._views.time, "queue_cursor": cursor}
        return self._views.seq, {**self._status(), **facts}

    async def _ask_markets(self, arguments: Arguments) -> Answer:
        arguments.done()
        return await self._read(lambda state: [market_portrait(state, market) for market in state.markets.values()])

    async def _ask_market(self, arguments: Arguments) -> Answer:
        number = arguments.market(self._state)
        arguments.done()
        return await self._read(lambda state: market_portrait(state, state.markets[MarketId(number)]))

    async def _ask_account(self, arguments: Arguments) -> Answer:
        number = arguments.account(self._state)
        arguments.done()
        return await self._read(lambda state: account_portrait(state, _account(state, number)))

    async def _ask_nonces(self, arguments: Arguments) -> Answer:
        key = arguments.address("signer")
        account = arguments.address("account") if arguments.more() else _own_account(self._state, key)
        arguments.done()

        def nonces(state: State) -> list[int]:
            found = find_signer(state, account, key)
            if isinstance(found, RejectCode):
                raise QueryRefusedError(found, f"0x{key.hex()}")
            return list(found[1].nonces)

        return await self._read(nonces)

    async def _ask_margin(self, arguments: Arguments) -> Answer:
        number = arguments.account(self._state)
        order = _order_spec(arguments.items("order"))
        arguments.done()
        if order.market not in self._state.markets:
            raise QueryRefusedError(RejectCode.MARKET_UNKNOWN, f"market {order.market}")
        return await self._read(lambda state: order_margin_portrait(state, _account(state, number), order))

    async def _ask_what_if(self, arguments: Arguments) -> Answer:
        number = arguments.account(self._state)
        orders, moves = supposed_orders(self._state, arguments), supposed_moves(self._state, arguments)
        arguments.done()
        return await self._read(lambda state: supposition_portrait(state, _account(state, number), orders, moves))

    # --- from the views ---------------------------------------------------------------------------------------------------

    async def _ask_orders(self, arguments: Arguments) -> Answer:
        number = arguments.account(self._state)
        market = arguments.uint("market", U16_MAX, 0)
        arguments.done()
        rows = self._views.orders.of_account(number)
        return self._views.seq, [describe.order_map(row) for row in rows if market in (0, row.market)]

    def _find_order(self, arguments: Arguments) -> OrderRow:
        row: OrderRow | None
        if len(arguments) > 1:
            number, client_id = arguments.account(self._state), int.from_bytes(arguments.raw("clientId", 16), "big")
            rows = self._views.orders.of_account(number)
            row = next((row for row in rows if client_id and row.client_id == client_id), None)
        else:
            row = self._views.orders.find(arguments.uint("order", U64_MAX))
        arguments.done()
        if row is None:
            raise QueryRefusedError(RejectCode.ORDER_UNKNOWN, "")
        return row

    def _order(self, row: OrderRow) -> dict[str, Any]:
        return {"address": self._state.accounts[row.account].address, **describe.order_map(row)}

    async def _ask_order(self, arguments: Arguments) -> Answer:
        await self._shelf.caught_up()
        return self._views.seq, self._order(self._find_order(arguments))

    async def _ask_order_life(self, arguments: Arguments) -> Answer:
        await self._shelf.caught_up()
        row = self._find_order(arguments)
        views = self._views
        fills = await asyncio.to_thread(views.history.fills_of_order, row, _FILLS_OF_ORDER_MAX)
        inputs = sorted({row.seq, row.last_seq, *(fill.seq for fill in fills)})
        batches = {batch.id: batch for batch in map(views.batches.of_seq, inputs) if batch is not None}
        return views.seq, {
            "order": self._order(row),
            "fills": [describe.fill_map(fill) for fill in fills],
            "inputs": [
                {"seq": seq, "batch": batch.id if (batch := views.batches.of_seq(seq)) else 0} for seq in inputs
            ],
            "batches": [describe.batch_map(batches[number]) for number in sorted(batches)],
        }

    async def _ask_book(self, arguments: Arguments) -> Answer:
        market, depth = arguments.market(self._state), arguments.uint("depth", U16_MAX, 20)
        step = arguments.uint("step", U64_MAX, 0)
        arguments.done()
        return self._views.seq, describe.book_map(market, self._views.books[market], depth, step)

    async def _ask_book_orders(self, arguments: Arguments) -> Answer:
        market, depth = arguments.market(self._state), arguments.uint("depth", U16_MAX, 0)
        arguments.done()
        return self._views.seq, describe.queues_map(market, self._views.queues[market], depth)

    async def _ask_candles(self, arguments: Arguments) -> Answer:
        market, interval = arguments.market(self._state), _interval(arguments)
        limit = arguments.uint("limit", PAGE_ROWS_MAX, 100)
        start, stop = arguments.uint("start", TIME_MS_MAX, 0), arguments.uint("stop", TIME_MS_MAX, TIME_MS_MAX)
        arguments.done()
        await self._shelf.caught_up()
        seq = self._shelf.flushed_seq
        rows = await asyncio.to_thread(self._views.candles.page, market, interval, start, stop, limit)
        return seq, [describe.candle_map(row) for row in rows]

    def _of_account(self, kind: HistoryKind) -> Callable[[Arguments], Awaitable[Answer]]:
        async def ask(arguments: Arguments) -> Answer:
            number = arguments.account(self._state)
            return await self._page(kind, number, arguments)

        return ask

    def _of_market(self, kind: HistoryKind) -> Callable[[Arguments], Awaitable[Answer]]:
        async def ask(arguments: Arguments) -> Answer:
            return await self._page(kind, arguments.market(self._state), arguments)

        return ask

    async def _ask_portfolio(self, arguments: Arguments) -> Answer:
        number, span = arguments.account(self._state), Span(arguments.uint("span", Span.ALL))
        arguments.done()
        await self._shelf.caught_up()
        views = self._views
        seq, now, present = views.seq, views.time, views.measure(number)
        _, found = await asyncio.to_thread(views.portfolio.history, number, span, now)
        return seq, [describe.sample_map(sample) for sample in (*found, Sample(now, *present))]

    async def _ask_limits(self, arguments: Arguments) -> Answer:
        address = arguments.address()
        arguments.done()
        return self._views.seq, self._limits(address)

    async def _page(self, kind: HistoryKind, owner: int, arguments: Arguments) -> Answer:
        query: PageQuery = arguments.page()
        arguments.done()
        await self._shelf.caught_up()
        seq = self._shelf.flushed_seq
        page: Page = await asyncio.to_thread(self._views.history.page, kind, owner, query)
        rows = [
            {"cursor": list(cursor), **describe.history_map(row)}
            for cursor, row in zip(page.cursors, page.rows, strict=True)
        ]
        return seq, {"rows": rows, "next": list(page.after) if page.after is not None else []}

    async def _ask_batches(self, arguments: Arguments) -> Answer:
        limit, before = arguments.uint("limit", PAGE_ROWS_MAX, 20), arguments.uint("before", U64_MAX, 0)
        arguments.done()
        return self._views.seq, [describe.batch_map(row) for row in self._views.batches.newest(limit, before)]

    async def _ask_batch(self, arguments: Arguments) -> Answer:
        number = arguments.uint("batch", U64_MAX)
        arguments.done()
        row = self._views.batches.find(number)
        if row is None:
            raise QueryRefusedError(RejectCode.BATCH_UNKNOWN, f"batch {number}")
        return self._views.seq, describe.batch_map(row)

    # --- proofs -----------------------------------------------------------------------------------------------------------

    async def _ask_deposits(self, arguments: Arguments) -> Answer:
        owner = arguments.address("owner")
        arguments.done()
        return self._views.seq, self._settlement.pending_deposits(owner)

    async def _ask_auctions(self, arguments: Arguments) -> Answer:
        limit = arguments.uint("limit", PAGE_ROWS_MAX, 100)
        arguments.done()
        return await self._read(lambda state: auctions_portrait(state, limit))

    async def _ask_vault(self, arguments: Arguments) -> Answer:
        number = VaultId(arguments.uint("vault", U16_MAX, BACKSTOP_VAULT))
        arguments.done()
        if number not in self._state.vaults:
            raise QueryRefusedError(RejectCode.VAULT_UNKNOWN, f"vault {number}")
        return await self._read(lambda state: vault_portrait(state, state.vaults[number]))

    async def _ask_withdrawal(self, arguments: Arguments) -> Answer:
        index = arguments.uint("index", U32_MAX)
        arguments.done()
        found = self._settlement.withdrawal(index)
        if found is None:
            raise QueryRefusedError(RejectCode.WITHDRAWAL_UNKNOWN, f"withdrawal {index}")
        return self._views.seq, found

    async def _ask_solvency(self, arguments: Arguments) -> Answer:
        arguments.done()
        return self._views.seq, self._stated(self._settlement.solvency())

    async def _ask_solvency_proof(self, arguments: Arguments) -> Answer:
        address = arguments.address("address")
        arguments.done()
        return self._views.seq, self._stated(self._settlement.solvency_proof(address))

    def _stated(self, found: dict[str, Any] | None) -> dict[str, Any]:
        if found is None:
            raise QueryRefusedError(RejectCode.PROOF_NOT_AVAILABLE, "no statement of solvency was made yet")
        return found

    async def _ask_receipt(self, arguments: Arguments) -> Answer:
        seq = arguments.uint("seq", U64_MAX)
        arguments.done()
        receipt = await asyncio.to_thread(self._writer.receipt, seq)
        if receipt is None:
            raise QueryRefusedError(RejectCode.RECEIPT_UNKNOWN, f"seq {seq}")
        cycle = receipt.cycle
        batch = self._views.batches.of_seq(seq)
        return self._views.seq, {
            "seq": seq, "record": receipt.record, "position": receipt.position, "siblings": list(receipt.siblings),
            "first_seq": cycle.first_seq, "count": cycle.size, "root": cycle.root, "head": cycle.head,
            "signature": cycle.signature, "batch": batch.id if batch is not None else 0,
        }  # fmt: skip

    async def _ask_account_proof(self, arguments: Arguments) -> Answer:
        number = arguments.account(self._state)
        arguments.done()
        found = await self._writer.prove(Section.ACCOUNTS, number)
        if not found.words:
            raise QueryRefusedError(RejectCode.PROOF_NOT_AVAILABLE, f"account {number}")
        header = found.header
        return header.last_seq, {
            "batch": header.batch_id, "account": number, "section": int(Section.ACCOUNTS), "leaf": found.words,
            "bitmap": found.proof.bitmap, "siblings": list(found.proof.siblings), "state_root": header.state_root,
            "sections": list(header.roots.sections), "system": header.roots.system,
        }  # fmt: skip


def _interval(arguments: Arguments) -> int:
    """Seconds of an interval given by them or by its name."""
    interval = arguments.uint_or_text("interval", U32_MAX)
    found = INTERVALS_S.get(interval) if isinstance(interval, str) else interval
    if found is None or found not in INTERVALS_S.values():
        known = ", ".join(f"{name} ({seconds})" for name, seconds in INTERVALS_S.items())
        raise QueryRefusedError(RejectCode.FIELD_OUT_OF_RANGE, f"interval must be one of {known}")
    return found


def _order_spec(items: list[Any]) -> OrderSpec:
    """An order as an action would carry it."""
    try:
        intent = intent_of([int(IntentKind.PLACE_ORDER), bytes(20), 0, 0, items])
    except IntentError as error:
        raise QueryRefusedError(error.code, error.detail) from error
    assert isinstance(intent, PlaceOrder)
    return intent.order


def _account(state: State, number: int) -> Account:
    return state.accounts[AccountId(number)]


def _own_account(state: State, key: Address) -> Address:
    """The account that a key alone stands for: its own, else the one that it is an agent of."""
    agent = state.agents.get(key)
    return key if agent is None or key in state.by_address else state.accounts[agent.account].address
