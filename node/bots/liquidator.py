"""A liquidator: watches who is in liquidation, takes over what pays, and works what it holds off in the book, within limits.

It is a program on the native client alone. Invariants: it never bids for itself, never adds to an inventory that is full, and a refusal,
a lost connection or an unknown outcome never ends it.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from node.client.client import NovateClient
from node.client.errors import NotConnectedError, OutcomeUnknownError, ProtocolError, RefusedError
from node.client.settings import ClientSettings
from node.ops.logs import room_log
from proto.ids import Address, MarketId
from proto.intents import OrderSpec, OrderType, SelfTrade, Side, TimeInForce
from proto.reject import RejectCode
from proto.signing.secp256k1 import SigningKey
from proto.units import MICRO_USD_PER_USD, PPM, Lots, MicroUsd, Ppm, Price

_HALVINGS: Final = 4
_LEAST_LOTS: Final = 1
_ROWS: Final = 50

_log = room_log("bots")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidatorSettings:
    """When it bids and how it gets rid of what it has. Amounts in micro-USDC."""

    url: str
    price_max_ppm: Ppm = Ppm(970_000)
    """It pays at most this part of mark value: the rest is its reward and its risk."""
    reward_min: MicroUsd = MicroUsd(MICRO_USD_PER_USD // 10)
    """Less is not worth an action."""
    inventory_max: MicroUsd = MicroUsd(500_000 * MICRO_USD_PER_USD)
    """Notional it holds at most, all markets together."""
    slip_ppm: int = 2_000
    """It sells and buys back no further than this from the mark."""
    slice_ppm: int = 250_000
    """Part of a position that it reduces at a time."""
    poll_ms: int = 300

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if not 0 < self.price_max_ppm <= PPM or not 0 < self.slip_ppm < PPM or not 0 < self.slice_ppm <= PPM:
            raise ValueError("price_max_ppm, slip_ppm and slice_ppm must be above 0 and at most a million")
        if min(self.inventory_max, self.poll_ms) < 1 or self.reward_min < 0:
            raise ValueError("inventory_max and poll_ms must be positive, reward_min not negative")


def is_worth_it(settings: LiquidatorSettings, row: dict[str, Any], own: Address, held: int) -> bool:
    """Whether to bid for a row of `auctions`, holding `held` micro-USDC of notional now."""
    if row["address"] == own or not row["largest_share"]:
        return False
    notional = sum(abs(p["position_size"]) * p["mark"] for p in row["positions"]) * row["largest_share"] // 10**12
    return bool(
        row["price_ppm"] <= settings.price_max_ppm
        and row["reward"] >= settings.reward_min
        and held + notional <= settings.inventory_max
    )


class Liquidator:
    """One account that takes over."""

    def __init__(self, settings: LiquidatorSettings, key: SigningKey) -> None:
        self._settings = settings
        self._key = key
        self.taken = 0
        self.reward = 0
        self.refusals: Counter[str] = Counter()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        patience = ClientSettings(answer_s=5.0, backoff_max_s=1.0)
        while not stop.is_set():
            try:
                async with NovateClient(self._settings.url, self._key, settings=patience) as client:
                    while not stop.is_set():
                        await self._round(client)
                        await self._sleep(stop)
            except* (TimeoutError, ProtocolError, NotConnectedError, OutcomeUnknownError) as group:
                _log.warning("starts again", market="liquidations", error=str(group.exceptions[0])[:200])
                await self._sleep(stop)
        _log.info("liquidator left", takeovers=self.taken, reward_usd=self.reward / MICRO_USD_PER_USD)

    async def _round(self, client: NovateClient) -> None:
        try:
            account = await client.account()
        except RefusedError as error:
            if error.reject_code != RejectCode.ACCOUNT_UNKNOWN:
                raise
            return  # Its deposit may still be on its way.
        held = sum(abs(p["position_size"]) * p["mark"] for p in account["positions"])
        for row in (await client.query("auctions", _ROWS)).value:
            if is_worth_it(self._settings, row, client.address, held) and await self._bid(client, row):
                account = await client.account()
                held = sum(abs(p["position_size"]) * p["mark"] for p in account["positions"])
        for position in account["positions"]:
            await self._reduce(client, position)

    async def _bid(self, client: NovateClient, row: dict[str, Any]) -> bool:
        """Take the largest share, or a half, a quarter, … of it where margin does not allow more."""
        share = row["largest_share"]
        for _ in range(_HALVINGS):
            try:
                reward = await client.take_over(
                    row["address"], share, Ppm(row["price_ppm"]), MarketId(row["estate"])
                )
            except RefusedError as error:
                self.refusals[error.name] += 1
                if (
                    error.reject_code not in (RejectCode.MARGIN_INSUFFICIENT, RejectCode.TAKEOVER_SHARE_TOO_LARGE)
                    or share < 2
                ):
                    return False
                share //= 2
            else:
                self.taken += 1
                self.reward += reward
                _log.info(
                    "took over",
                    account=f"0x{row['address'].hex()}",
                    share_ppm=share // 10**6,
                    reward_usd=reward / 10**6,
                )
                return True
        return False

    async def _reduce(self, client: NovateClient, position: dict[str, Any]) -> None:
        """Sell or buy back a slice near the mark."""
        size, mark, settings = position["position_size"], position["mark"], self._settings
        side, sign = (Side.SELL, -1) if size > 0 else (Side.BUY, 1)
        lots = max(abs(size) * settings.slice_ppm // PPM, _LEAST_LOTS)
        spec = OrderSpec(
            MarketId(position["market"]), side, OrderType.MARKET, TimeInForce.IOC,
            Price(max(mark * (PPM + sign * settings.slip_ppm) // PPM, 1)), Lots(lots), reduce_only=True, client_id=0,
            self_trade=SelfTrade.EXPIRE_MAKER,
        )  # fmt: skip
        try:
            await client.place(spec)
        except RefusedError as error:
            self.refusals[error.name] += 1

    async def _sleep(self, stop: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._settings.poll_ms / 1_000):
                await stop.wait()
        except TimeoutError:
            return
