"""The client against a live gateway: actions, answers, refusals, questions."""

import asyncio

import pytest

from node.client.client import NovateClient
from node.client.errors import RefusedError
from node.client.reads import PortfolioSpan
from node.core.outcome import OrderState
from proto.ids import USDC
from proto.intents import PlaceOrder, Side, TimeInForce
from proto.reject import RejectCode
from proto.signing.secp256k1 import SigningKey
from proto.units import AssetUnits, Lots
from tests.gateway.live import live
from tests.sequencer.venue import TRADERS, USD, order

MAKER, TAKER = TRADERS[0], TRADERS[1]


async def test_two_traders_trade_and_see_it() -> None:
    async with live() as node:
        await node.fund(MAKER, 1_000_000)
        await node.fund(TAKER, 1_000_000)
        await node.price()
        async with NovateClient(node.url, MAKER) as maker, NovateClient(node.url, TAKER) as taker:
            market = await maker.market("BTC-PERPETUAL")
            resting = await maker.place_order(market, Side.SELL, price="60010", size="0.5", client_id=7)
            assert resting.state == OrderState.RESTING
            taken = await taker.place_order(market, Side.BUY, price="60010", size="0.2", time_in_force=TimeInForce.IOC)
            assert (taken.state, taken.filled) == (OrderState.FILLED, market.size("0.2"))
            [order] = await maker.open_orders()
            assert (order["id"], order["remaining"], order["client_id"]) == (resting.order, market.size("0.3"), 7)
            account = await taker.account()
            assert account["positions"][0]["position_size"] == market.size("0.2")
            [fill] = await taker.pages("fills", taker.address)
            assert (fill["price"], fill["size"], fill["is_taker"]) == (market.price("60010"), market.size("0.2"), True)
            amended = await maker.amend(resting.order, market.price("60010"), market.size("0.1"))
            assert amended.remaining == market.size("0.1")
            assert (await maker.cancel_client_id(7)).state == OrderState.CANCELLED
            assert await maker.open_orders() == []
            book = (await maker.query("book", "BTC-PERPETUAL")).value
            assert (book["bids"], book["asks"]) == ([], [])


async def test_refusals_carry_code_sentence_and_seq() -> None:
    async with live() as node:
        await node.fund(MAKER, 1_000)
        await node.price()
        async with NovateClient(node.url, MAKER) as client:
            market = await client.market(1)
            with pytest.raises(RefusedError, match="MARGIN_INSUFFICIENT") as refused:
                await client.place_order(market, Side.BUY, price="60000", size="1")
            assert refused.value.seq > 0
            with pytest.raises(RefusedError, match="NOTHING_TO_CANCEL"):
                await client.cancel_all()
            with pytest.raises(RefusedError, match="MARKET_UNKNOWN"):
                await client.market("XYZ")
        stranger = SigningKey(b"\x77" * 32)
        async with NovateClient(node.url, stranger) as client:
            with pytest.raises(RefusedError) as unknown:
                await client.transfer(USDC, AssetUnits(1), MAKER.address)
            assert unknown.value.reject_code == RejectCode.SIGNER_UNKNOWN
            assert unknown.value.seq == 0


async def test_agents_and_sub_accounts() -> None:
    agent = SigningKey(b"\x55" * 32)
    async with live() as node:
        await node.fund(MAKER, 10_000)
        await node.price()
        async with NovateClient(node.url, MAKER) as owner, NovateClient(node.url, agent, account=MAKER.address) as bot:
            await owner.approve_agent(agent.address, "bot")
            market = await bot.market("ETH-PERPETUAL")
            placed = await bot.place_order(market, Side.BUY, price="2900", size="0.5")
            assert placed.state == OrderState.RESTING
            with pytest.raises(RefusedError, match="AGENT_SCOPE"):
                await bot.transfer(USDC, AssetUnits(USD), TAKER.address)
            assert (await owner.account())["agents"][0]["name"] == "bot"
            number = await owner.create_sub_account(1)
            assert number > 0
            await owner.revoke_agent(agent.address)
            with pytest.raises(RefusedError, match="AGENT_SCOPE"):  # Its nonces stay known, its powers are gone.
                await bot.amend(placed.order, market.price("2900"), Lots(1))


async def test_thousands_in_flight_are_answered_in_order() -> None:
    async with live() as node:
        await node.fund(MAKER, 1_000_000)
        await node.price()
        async with NovateClient(node.url, MAKER) as client:
            market = await client.market("ETH-PERPETUAL")
            futures = []
            for number in range(900):
                spec = order(market.id, Side.BUY, 2_000 * 100, 100, number + 1)
                futures.append(client.start(PlaceOrder(*client.head(), spec)))
            assert client.in_flight >= 900
            acks = [await asyncio.wait_for(future, 20) for future in futures]
            seqs = [ack.seq for ack in acks]
            assert seqs == sorted(seqs)
            assert all(ack.results[0][0] == 0 for ack in acks)


async def test_typed_reads_page_through_everything() -> None:
    async with live() as node:
        for key in TRADERS[:2]:
            await node.fund(key, 1_000_000)
        await node.price()
        async with NovateClient(node.url, TRADERS[0]) as one, NovateClient(node.url, TRADERS[1]) as two:
            market = await one.market("BTC-PERPETUAL")
            for number in range(7):
                await one.place_order(market, Side.BUY, size="0.01", price=str(60_000 - number))
                await two.place_order(market, Side.SELL, size="0.01", price=str(60_000 - number), time_in_force=TimeInForce.IOC)
            await one.place_order(market, Side.BUY, size="0.01", price="59000")
            await one.place_order(market, Side.BUY, size="0.02", price="59009")
            fills = [fill async for fill in one.fills(newest_first=False)]
            assert [market.price_of(fill.price) for fill in fills] == [60_000 - number for number in range(7)]
            assert {(fill.side, fill.is_taker) for fill in fills} == {(Side.BUY, False)}
            trades = [trade async for trade in one.trades("BTC-PERPETUAL")]
            assert [trade.trade for trade in trades] == [fill.trade for fill in reversed(fills)]
            later = [trade async for trade in one.trades(1, start=fills[3].time, newest_first=False)]
            assert [row.seq for row in later] == [row.seq for row in fills if row.time >= fills[3].time]
            changes = [row async for row in one.ledger()]
            assert sum(row.delta for row in changes) == changes[0].balance
            assert [row async for row in one.funding_payments()] == []
            (candle,) = await one.candles("BTC-PERPETUAL", "1M")
            assert (candle.trades, candle.close) == (7, fills[-1].price)
            book = await one.book("BTC-PERPETUAL", step=100)
            assert [(int(market.price_of(row.price)), row.orders) for row in book.bids] == [(59_000, 2)]
            values = await one.portfolio(PortfolioSpan.ALL)
            assert values[-1].pnl == values[-1].value - values[-1].net_inflow
            limits = await one.limits()
            assert (limits.requests_used, limits.traded) == (9, sum(fill.price * fill.size for fill in fills))
