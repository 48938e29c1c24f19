"""The language of the scenario tables: one line per input or per fact that must hold.

    alice buy 5 @ 100 post id 7 => resting 0/5      an action, and what became of it: state filled/remaining, or a refusal's name
    agent>alice/0 sell 3 @ 99 ioc on 2 => ...       signed by `agent` for alice's sub-account 0, in market 2
    alice batch buy 1 @ 99 ; sell 1 @ 101 => resting 0/1 ; resting 0/1
    alice buy 1 @ 100 nonce=-5 expires=-1 => ...    nonce and expiry relative to now, in ms; til=1000: goodTil likewise
    alice hl {"type":"cancel",...} => ...           an action of the Hyperliquid-compatible dialect, as JSON without spaces; `vault alice/0`
    fills = 2@100 from #1, 1@101 from #3            what the last input traded, in order; `closed = #1 FILLED` likewise
    book 1 = 99x5[1,2] | 101x3[3]                   bids best first with their orders | asks
    cash alice = 9,999.5                            and balance, position, margin, mark, index, status, orders, work, account

Amounts are USDC (or whole ETH), prices USDC, sizes lots; market 1 where nothing else is said. `#3` is the order with id 3.
Every scenario starts with prices 100, 100 and 50,000 and with 10,000 USDC for alice, bob and carol.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from node.core.book.protection import is_frozen
from node.core.ledger import guards
from node.core.ledger.volume import day_of, payer, tier_of, volume_of
from node.core.liquidation.work import queue as work_queue
from node.core.margin.account import summary
from node.core.margin.collateral import borrow
from node.core.outcome import Applied, OrderResult, Outcome, Result
from node.core.params import DialectParams, Params
from node.core.state import (
    Account,
    BookSide,
    Market,
    MarketSetting,
    touch_market,
)
from proto.events import MarketStatus, OrderClosed, OrderFilled, TriggerClosed, TriggerFired, TwapClosed, TwapSliced
from proto.hashing import keccak
from proto.hl.actions import HlL1Request, HlRequest, HlUserRequest
from proto.hl.schema import parse_action, parse_user_action
from proto.ids import (
    BACKSTOP_ADDRESS,
    BACKSTOP_VAULT,
    BTC,
    ETH,
    INSURANCE_ADDRESS,
    TREASURY_ADDRESS,
    USDC,
    ZERO_ADDRESS,
    Address,
    AssetId,
    MarketId,
    OrderId,
    VaultId,
    share_asset,
    sub_account_address,
)
from proto.inputs import DepositSeen, FundingTick, Input, QueueItemSeen, SampleTick, SealTick, WorkTick
from proto.intents import (
    Amend,
    AmendOrder,
    AmendOrders,
    ApproveAgent,
    BuyCollateral,
    CancelAll,
    CancelByClientId,
    CancelOrder,
    CancelOrders,
    CancelTwap,
    CreateSubAccount,
    Grouping,
    Intent,
    NameAccount,
    OrderSpec,
    OrderType,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    RevokeAgent,
    ScheduleCancel,
    SelfTrade,
    SetLeverage,
    SetProtection,
    Side,
    TakeOver,
    TimeInForce,
    Transfer,
    TriggerKind,
    TriggerSpec,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
    encode_intent,
)
from proto.ledger import Section
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import (
    AssetUnits,
    Lots,
    Ppm,
    Price,
    TimeMs,
)
from tests.core.venue import GUARDED, PARAMS, PUBLISHERS, USD, Venue

ASSETS = {"USDC": (USDC, 6), "ETH": (ETH, 9), "BTC": (BTC, 8), "NONE": (AssetId(9), 6)}
CHAIN = {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}
VENUE_NAMES = {"insurance": INSURANCE_ADDRESS, "treasury": TREASURY_ADDRESS, "backstop": BACKSTOP_ADDRESS, "nobody": ZERO_ADDRESS}
TIMES_IN_FORCE = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "post": TimeInForce.POST_ONLY}
TRIGGERS = {"stop": TriggerKind.STOP, "take": TriggerKind.TAKE_PROFIT}
GROUPS = {
    "together": Grouping.NONE, "parent": Grouping.CHILDREN, "onposition": Grouping.POSITION, "pair": Grouping.PAIR,
}  # fmt: skip
SELF_TRADES = {"maker": SelfTrade.EXPIRE_MAKER, "taker": SelfTrade.EXPIRE_TAKER, "both": SelfTrade.EXPIRE_BOTH}


def address_of(name: str) -> Address:
    """A person's address; `alice/0` is her sub-account 0."""
    if name in VENUE_NAMES:
        return VENUE_NAMES[name]
    if name.startswith("publisher"):
        return PUBLISHERS[int(name[9:]) - 1]
    owner, _, number = name.partition("/")
    key = Address(keccak(owner.encode())[12:])
    return sub_account_address(key, int(number)) if number else key


def number_of(text: str) -> Decimal:
    """A number that may have thousands separators."""
    return Decimal(text.replace(",", ""))


def shown(value: int, decimals: int) -> str:
    """A scaled integer as text, without trailing zeros."""
    return f"{Decimal(value).scaleb(-decimals).normalize():,f}"


T = TypeVar("T")


class Words:
    """The words of a line, taken from the left; options are taken from anywhere."""

    def __init__(self, text: str) -> None:
        self.left = text.split()

    def take(self) -> str:
        return self.left.pop(0)

    def option(self, name: str) -> str | None:
        """The word after `name`, or None."""
        if name not in self.left:
            return None
        at = self.left.index(name)
        del self.left[at]
        return self.left.pop(at)

    def setting(self, name: str) -> int | None:
        """N of `name=N`, or None."""
        for word in self.left:
            if word.startswith(f"{name}="):
                self.left.remove(word)
                return int(word.partition("=")[2])
        return None

    def flag(self, name: str) -> bool:
        if name in self.left:
            self.left.remove(name)
            return True
        return False

    def one_of(self, choices: dict[str, T], default: T) -> T:
        for name, value in choices.items():
            if self.flag(name):
                return value
        return default

    def end(self) -> None:
        assert not self.left, f"words that mean nothing: {self.left}"


class Script:
    """Runs lines against a venue and remembers every refusal that it met."""

    def __init__(self, params: Params = PARAMS) -> None:
        self.venue = Venue(params)
        self.last: Outcome = Applied((), ())
        self.refusals: list[RejectCode] = []
        self.nonces = 0
        self.touched_by_hand = False
        for number, price in ((1, 100), (2, 100), (3, 50_000)):
            self.venue.price(number, price * USD)
        for name in ("alice", "bob", "carol"):
            self.venue.deposit(address_of(name), 10_000 * USD)

    def line(self, text: str) -> None:
        """Run one line; AssertionError says what differs."""
        text, _, _ = text.partition("  --")
        if " = " in text and "=>" not in text:
            fact, _, expected = text.partition(" = ")
            found = self.fact(fact.split())
            assert found == expected.strip(), f"{fact.strip()} = {found}"
            return
        command, arrow, expected = text.partition("=>")
        done = self.command(command)
        if arrow:
            assert done == expected.strip(), f"gave {done}"
        else:
            assert isinstance(self.last, Applied), f"gave {done}"

    # Inputs.

    def command(self, text: str) -> str:
        """Apply one line's input and describe what it did."""
        words = Words(text)
        first = words.left[0]
        self.mark_of_ops = len(self.venue.state.ops)
        actions: dict[str, Callable[[Words], Input | None]] = {
            "deposit": self.deposit, "l1": self.queue_item, "work": lambda w: WorkTick(int(w.take())),
            "sample": lambda _: SampleTick(), "funding": lambda _: FundingTick(), "seal": self.seal_tick,
            "wait": self.wait, "price": self.price, "report": self.report, "status": self.set_status,
            "dialect": self.set_dialect, "venue": self.start_anew, "revoke": self.revoke, "isolate": self.isolate,
        }  # fmt: skip
        if first in actions:
            words.take()
            item = actions[first](words)
            words.end()
            if item is not None:
                self.last = self.venue.apply(item)
        else:
            signer, intent = self.foreign(words) if words.left[1:2] == ["hl"] else self.action(words)
            self.last = self.venue.act(intent, signer)
        return self.describe()

    def describe(self) -> str:
        """The last outcome in words."""
        if not isinstance(self.last, Applied):
            self.refusals.append(self.last.code)
            return self.last.code.name
        return " ; ".join(self.result(result) for result in self.last.results) or "ok"

    def result(self, result: Result) -> str:
        if not isinstance(result, OrderResult):
            return f"value {result.value}"
        if result.code:
            self.refusals.append(RejectCode(result.code))
            return RejectCode(result.code).name
        return f"{result.state.name.lower()} {result.filled}/{result.remaining}"

    def deposit(self, words: Words) -> Input:
        shift = words.setting("at")
        name, amount = words.take(), number_of(words.take())
        asset, decimals = words.one_of(ASSETS, ASSETS["USDC"])
        index = self.venue.state.queue_cursor + (shift or 0)
        return DepositSeen(index, address_of(name), asset, AssetUnits(int(amount.scaleb(decimals))))

    def queue_item(self, words: Words) -> Input:
        shift = words.setting("at")
        sender, verb = words.take(), words.take()
        index = self.venue.state.queue_cursor + (shift or 0)
        if verb == "raw":
            return QueueItemSeen(index, address_of(sender), bytes.fromhex(words.take()))
        assert verb == ":"
        _, intent = self.action(words)
        return QueueItemSeen(index, address_of(sender), encode_intent(intent))

    def seal_tick(self, words: Words) -> Input | None:
        shift = words.setting("at")
        if shift is not None:
            return SealTick(self.venue.state.batch_id + 1 + shift)
        self.venue.seal()
        self.last = Applied((), ())
        return None

    def wait(self, words: Words) -> None:
        self.venue.now += int(words.take())
        self.last = Applied((), ())

    def price(self, words: Words) -> None:
        self.venue.price(int(words.take()), int(number_of(words.take()).scaleb(6)))
        self.last = Applied((), ())

    def report(self, words: Words) -> None:
        shift = words.setting("at")
        name, index, price = words.take(), int(words.take()), int(number_of(words.take()).scaleb(6))
        self.last = self.venue.report(address_of(name), index, price, self.venue.now + (shift or 0))

    def set_status(self, words: Words) -> None:
        """By hand: no rule of this version enters post-only yet, and the rules of orders in it hold already."""
        market = self.venue.state.markets[MarketId(int(words.take()))]
        market.status = MarketStatus[words.take()]
        touch_market(self.venue.state, market)
        self.touched_by_hand = True
        self.last = Applied((), ())

    def start_anew(self, words: Words) -> None:
        """Another network from here on: `guarded` has everything on that guards a venue."""
        assert words.take() == "guarded"
        refusals = self.refusals
        self.__init__(GUARDED)  # type: ignore[misc]
        self.refusals = refusals

    def revoke(self, words: Words) -> None:
        """`revoke publisher1 by publisher2`, signed `at=` so many ms from now."""
        shift, voter = words.setting("at"), words.option("by")
        assert voter is not None
        self.last = self.venue.revoke(address_of(words.take()), address_of(voter), self.venue.now + (shift or 0))
    def isolate(self, words: Words) -> None:
        """By hand: somebody's setting for a market."""
        holder, market = self.holder(words.take()), MarketId(int(words.take()))
        holder.settings[market] = MarketSetting(isolated=True)
        self.venue.state.touched[Section.VENUE_ACCOUNTS][holder.id] = None
        self.touched_by_hand = True
        self.last = Applied((), ())

    def set_dialect(self, words: Words) -> None:
        """By hand: a network whose parameters close the dialect to owners."""
        assert words.take() == "closed"
        self.venue.state.params = replace(self.venue.state.params, dialects=DialectParams())
        self.touched_by_hand = True
        self.last = Applied((), ())

    def action(self, words: Words) -> tuple[Address, Intent]:
        """Signer and intent of a line `[signer>]account verb ...`."""
        self.nonces += 1
        shift, expires = words.setting("nonce"), words.setting("expires")
        who, verb = words.take(), words.take()
        signer, arrow, account = who.rpartition(">")
        if not arrow:
            signer = account.partition("/")[0]
        nonce = self.venue.now + (self.nonces if shift is None else shift)
        head = (address_of(account), nonce, TimeMs(0 if expires is None else self.venue.now + expires))
        intent = self.order_action(verb, head, words) or self.money_action(verb, head, words)
        words.end()
        return address_of(signer), intent

    def foreign(self, words: Words) -> tuple[Address, HlRequest]:
        """Signer and request of a line `signer hl JSON`; plus signs in it stand for spaces."""
        self.nonces += 1
        shift, expires, vault = words.setting("nonce"), words.setting("expires"), words.option("vault")
        signer, _, text = address_of(words.take()), words.take(), words.take().replace("+", " ")
        words.end()
        nonce = self.venue.now + (self.nonces if shift is None else shift)
        plain = json.loads(text, object_pairs_hook=lambda pairs: {k: self.filled(v) for k, v in pairs})
        user = (
            parse_user_action({**plain, "time": nonce, **CHAIN}) if plain["type"] in ("usdSend", "withdraw3", "spotSend") else None
        )
        if plain["type"] in ("approveAgent", "approveBuilderFee", "usdClassTransfer", "sendAsset"):
            user = parse_user_action({**plain, "nonce": nonce, **CHAIN})
        if user is not None:
            return signer, HlUserRequest(user[0], nonce, user[2])
        until = TimeMs(0 if expires is None else self.venue.now + expires)
        return signer, HlL1Request(parse_action(plain), nonce, address_of(vault) if vault else None, until)

    @staticmethod
    def filled(value: Any) -> Any:
        """`@bob` in JSON is bob's address."""
        return "0x" + address_of(value[1:]).hex() if isinstance(value, str) and value.startswith("@") else value

    def order_action(self, verb: str, head: tuple[Address, int, TimeMs], words: Words) -> Intent | None:
        if verb in ("buy", "sell"):
            words.left.insert(0, verb)
            return PlaceOrder(*head, self.order(words))
        if verb == "batch":
            parts = [Words(part) for part in " ".join(words.left).split(" ; ")]
            words.left = []
            return PlaceOrders(*head, tuple(self.order(part) for part in parts))
        if verb == "repeat":
            count, spec = int(words.take()), self.order(words)
            return PlaceOrders(*head, (spec,) * count)
        if verb == "scale":
            last, parts_of, skew = words.option("to"), words.setting("count"), words.option("skew")
            spec = self.order(words)
            market = self.venue.state.markets.get(spec.market, self.venue.state.markets[MarketId(1)])
            ppm = Ppm(int(number_of(skew or "1").scaleb(6)))
            return PlaceScale(*head, spec, price_in(market, last or "0"), parts_of or 2, ppm)
        if verb == "twap":
            seconds, slippage = int(words.option("for") or 300), number_of(words.option("slip") or "0.03")
            spec = self.order(words)
            return PlaceTwap(
                *head, spec.market, spec.side, spec.size, spec.reduce_only, seconds, Ppm(int(slippage.scaleb(6))), spec.price
            )
        if verb == "stoptwap":
            return CancelTwap(*head, OrderId(int(words.take()[1:])))
        if verb == "protect":
            window, freeze = int(words.option("window") or 0), int(words.option("freeze") or 0)
            quantity, delta = int(words.option("quantity") or 0), int(words.option("delta") or 0)
            return SetProtection(*head, MarketId(int(words.option("on") or 1)), window, freeze, quantity, delta)
        if verb == "unfreeze":
            return ResetProtection(*head, MarketId(int(words.option("on") or 1)))
        if verb == "name":
            return NameAccount(*head, bytes.fromhex(words.take()).ljust(32, b"\0"))
        if verb in TRIGGERS:
            words.left.insert(0, verb)
            return PlaceGroup(*head, Grouping.NONE, (), (self.trigger(words),))
        if verb in GROUPS:
            parts = [Words(part) for part in " ".join(words.left).split(" ; ")]
            words.left = []
            members = [self.trigger(part) if part.left[0] in TRIGGERS else self.order(part) for part in parts]
            orders = tuple(member for member in members if isinstance(member, OrderSpec))
            return PlaceGroup(*head, GROUPS[verb], orders, tuple(m for m in members if isinstance(m, TriggerSpec)))
        if verb == "amend":
            row = self.amend(words)
            return AmendOrder(*head, row.order_id, row.client_id, row.price, row.size)
        if verb == "amends":
            parts = [Words(part) for part in " ".join(words.left).split(" ; ")]
            words.left = []
            return AmendOrders(*head, tuple(self.amend(part) for part in parts))
        if verb == "cancels":
            named = [self.named(Words(part)) for part in " ".join(words.left).split(" ; ")]
            words.left = []
            ids, clients = [n for n, _ in named if n], [c for n, c in named if not n]
            return CancelOrders(*head, tuple(ids), tuple(clients))
        if verb == "cancel":
            number, client_id = self.named(words)
            return CancelOrder(*head, number) if number else CancelByClientId(*head, client_id)
        if verb == "schedule":
            ahead = words.take()
            return ScheduleCancel(*head, TimeMs(0 if ahead == "none" else self.venue.now + int(ahead)))
        if verb == "cancelall":
            return CancelAll(*head, MarketId(int(words.take())))
        return None

    def trigger(self, words: Words) -> TriggerSpec:
        """`stop sell 5 at 95 @ 90`; size 0: the whole position."""
        kind, level = TRIGGERS[words.take()], words.option("at") or "0"
        spec = self.order(words)
        known = self.venue.state.markets.get(spec.market, self.venue.state.markets[MarketId(1)])
        return TriggerSpec(kind, price_in(known, level), spec)

    def amend(self, words: Words) -> Amend:
        """`#3 5 @ 100 on 2`."""
        number, client_id = self.named(words)
        size, at = int(words.take()), words.take()
        assert at == "@"
        market = self.venue.state.markets[MarketId(int(words.option("on") or 1))]
        return Amend(number, client_id, price_in(market, words.take()), Lots(size))

    def named(self, words: Words) -> tuple[OrderId, int]:
        """`#3` or `id 7`."""
        client_id = words.option("id")
        return (OrderId(0), int(client_id)) if client_id else (OrderId(int(words.take()[1:])), 0)

    def order(self, words: Words) -> OrderSpec:
        market_order, ends = words.flag("market"), words.setting("til")
        tif = words.one_of(TIMES_IN_FORCE, TimeInForce.IOC if market_order else TimeInForce.GTC)
        spec = OrderSpec(
            MarketId(int(words.option("on") or 1)), Side.BUY, OrderType.MARKET if market_order else OrderType.LIMIT, tif,
            Price(0), Lots(0), words.flag("reduce"), int(words.option("id") or 0),
            words.one_of(SELF_TRADES, SelfTrade.EXPIRE_MAKER), TimeMs(0 if ends is None else self.venue.now + ends),
        )  # fmt: skip
        known = self.venue.state.markets.get(spec.market, self.venue.state.markets[MarketId(1)])
        price = words.option("@")
        side = Side.BUY if words.take() == "buy" else Side.SELL
        size = Lots(int(number_of(words.take())))
        words.end()
        return replace(spec, side=side, size=size, price=price_in(known, price) if price else Price(0))

    def money_action(self, verb: str, head: tuple[Address, int, TimeMs], words: Words) -> Intent:
        if verb in ("withdraw", "transfer"):
            amount, (asset, decimals) = number_of(words.take()), words.one_of(ASSETS, ASSETS["USDC"])
            destination = address_of(words.option("to") or "nobody")
            kind: type[Withdraw | Transfer] = Withdraw if verb == "withdraw" else Transfer
            return kind(*head, destination, asset, AssetUnits(int(amount.scaleb(decimals))))
        if verb == "approve":
            until, scope, markets = words.option("for"), words.option("scope"), words.option("on")
            valid = TimeMs(self.venue.now + int(until) if until else 0)
            return ApproveAgent(
                *head,
                address_of(words.take()),
                valid,
                int(scope or 1),
                bytes(32),
                tuple(MarketId(int(number)) for number in markets.split(",")) if markets else (),
            )
        if verb == "leverage":
            chosen = MarketId(int(words.option("on") or 1))
            return SetLeverage(*head, chosen, int(words.take()), words.flag("isolated"))
        if verb == "acquire":
            owner, (asset, decimals) = address_of(words.option("of") or "nobody"), words.one_of(ASSETS, ASSETS["USDC"])
            return BuyCollateral(*head, owner, asset, AssetUnits(int(number_of(words.take()).scaleb(decimals))))
        if verb == "takeover":
            market, worst = words.option("on"), number_of(words.option("at") or "1")
            liquidated, share = address_of(words.take()), number_of(words.take())
            return TakeOver(*head, liquidated, MarketId(int(market or 0)), int(share.scaleb(12)), Ppm(int(worst.scaleb(6))))
        if verb == "vault":
            verb, vault, number = words.take(), VaultId(int(words.option("number") or 1)), number_of(words.take())
            if verb == "deposit":
                return VaultDeposit(*head, vault, AssetUnits(int(number.scaleb(6))))
            assert verb == "withdraw"
            return VaultWithdraw(*head, vault, int(number.scaleb(6)))
        if verb == "revoke":
            return RevokeAgent(*head, address_of(words.take()))
        assert verb == "sub", f"no such verb: {verb}"
        return CreateSubAccount(*head, int(words.take()))

    # Facts.

    def fact(self, words: list[str]) -> str:
        """The present value of what a line names."""
        facts: dict[str, Callable[..., str]] = {
            "fills": self.fills, "closed": self.closed, "events": self.events,
            "fired": self.fired, "sliced": self.sliced, "triggers": self.triggers, "twaps": self.twaps,
            "protection": self.protection, "fees": self.fees, "volume": self.volume, "name": self.name,
            "book": self.book, "cash": self.cash,
            "balance": self.balance, "position": self.position, "margin": self.margin, "owes": self.owes, "mark": self.mark,
            "index": self.index, "status": self.status, "orders": self.orders, "work": self.work, "account": self.account,
            "switch": self.switch, "nonces": self.nonce_count, "interest": self.interest, "rate": self.rate,
            "cause": self.cause, "fractions": self.fractions, "depth": self.depth, "room": self.room,
            "shares": self.shares, "losses": self.losses, "moved": self.moved,
        }  # fmt: skip
        return facts[words[0]](*words[1:])

    def cause(self, number: str) -> str:
        """Why a market is not simply open."""
        return self.venue.state.markets[MarketId(int(number))].breaker.cause.name

    def fractions(self, number: str) -> str:
        """What forecast volatility asks for: initial, maintenance, in ppm."""
        market = self.venue.state.markets[MarketId(int(number))]
        return f"{market.initial_vol_ppm:,} {market.maintenance_vol_ppm:,}"

    def depth(self, number: str) -> str:
        """Averaged notional near the mark, in USDC: bids, asks."""
        depth = self.venue.state.markets[MarketId(int(number))].depth
        return f"{shown(depth.bids, 6)} {shown(depth.asks, 6)}"

    def room(self, symbol: str) -> str:
        """What of an asset may leave now."""
        asset, decimals = ASSETS[symbol]
        return shown(guards.room(self.venue.state, asset), decimals)

    def fills(self) -> str:
        assert isinstance(self.last, Applied)
        fills = [event for event in self.last.events if isinstance(event, OrderFilled)]
        return (
            ", ".join(f"{e.size}@{self.price_text(e.market, e.price)} from #{e.maker_order}" for e in fills) or "none"
        )

    def closed(self) -> str:
        """Orders and triggers that ended, with the refusal of a trigger's order."""
        assert isinstance(self.last, Applied)
        closed = [event for event in self.last.events if isinstance(event, OrderClosed | TriggerClosed | TwapClosed)]
        codes = [RejectCode(e.code) for e in closed if isinstance(e, TriggerClosed) and e.code]
        self.refusals += codes
        return ", ".join(
            f"#{e.twap if isinstance(e, TwapClosed) else e.order} {e.reason.name}"
            + (f" {RejectCode(e.code).name}" if isinstance(e, TriggerClosed) and e.code else "")
            for e in closed
        ) or "none"

    def fired(self) -> str:
        """Triggers that the last input fired, in order."""
        assert isinstance(self.last, Applied)
        return " ".join(f"#{e.order}" for e in self.last.events if isinstance(e, TriggerFired)) or "none"

    def protection(self, name: str, number: str = "1") -> str:
        """Traded, net, and whether it is frozen."""
        found = self.holder(name).protections.get(MarketId(int(number)))
        if found is None:
            return "none"
        return f"{found.traded} net {found.net}" + (" frozen" if is_frozen(found, self.venue.now) else "")

    def fees(self, name: str) -> str:
        """Taker and maker rate of today, in ppm: as the next fill would find them."""
        state, account = self.venue.state, self.holder(name)
        master = payer(state, account)
        tier = tier_of(state, volume_of(master, day_of(self.venue.now)))
        found = state.params.fees.tiers[tier - 1] if tier else state.params.fees
        return f"{found.taker_ppm} {found.maker_ppm}"

    def volume(self, name: str) -> str:
        """By day, oldest first."""
        rows = sorted(self.holder(name).volumes.items())
        return " ".join(shown(amount, 6) for _, amount in rows) or "none"

    def name(self, name: str) -> str:
        return self.holder(name).name.rstrip(b"\0").decode() or "none"

    def twaps(self, name: str) -> str:
        """Running time-sliced orders with what they have traded, and their next slice."""
        rows = sorted(self.holder(name).twaps.values(), key=lambda row: row.id)
        return " ".join(f"#{row.id}:{row.filled}/{row.size}:{row.next_slice}" for row in rows) or "none"

    def sliced(self) -> str:
        """Slices of the last input: lots, and the order or the refusal."""
        assert isinstance(self.last, Applied)
        rows = [event for event in self.last.events if isinstance(event, TwapSliced)]
        self.refusals += [RejectCode(row.code) for row in rows if row.code]
        return ", ".join(f"{e.lots} {RejectCode(e.code).name if e.code else f'#{e.order}'}" for e in rows) or "none"

    def triggers(self, name: str) -> str:
        """Waiting triggers with what they would place."""
        rows = sorted(self.holder(name).triggers.values(), key=lambda row: row.id)
        return " ".join(f"#{row.id}:{row.status.name.lower()}:{row.lots}" for row in rows) or "none"

    def events(self) -> str:
        assert isinstance(self.last, Applied)
        return " ".join(type(event).__name__ for event in self.last.events) or "none"

    def shares(self, name: str) -> str:
        """Shares of the backstop vault, in millions; of `all`: the total."""
        if name == "all":
            return shown(self.venue.state.vaults[BACKSTOP_VAULT].total_shares, 6)
        return shown(self.holder(name).balances.get(share_asset(BACKSTOP_VAULT), 0), 6)

    def losses(self, number: str) -> str:
        """Loss index of longs and of shorts in micro-USDC per lot, and the loss pool in USDC."""
        market = self.venue.state.markets[MarketId(int(number))]
        return f"{shown(market.long_loss_index, 12)} {shown(market.short_loss_index, 12)} {shown(market.loss_pool, 6)}"

    def moved(self) -> str:
        """Positions that the last input moved without the book: `alice>bob 5 for 500`."""
        names = {self.venue.state.by_address[address_of(name)]: name for name in self.people()}
        ops = [op for op in self.venue.state.ops[self.mark_of_ops :] if op[0] == OpKind.POSITION_MOVED]
        return ", ".join(f"{names[a]}>{names[b]} {size} on {m} for {shown(quote, 6)}" for _, a, b, m, size, quote in ops) or "none"

    def people(self) -> list[str]:
        """Everybody in the tables who has an account."""
        known = [*VENUE_NAMES, "alice", "bob", "carol", "dave", "erin"]
        return [name for name in known if address_of(name) in self.venue.state.by_address]

    def price_text(self, market: int, price: int) -> str:
        return shown(price, 6 - self.venue.state.markets[MarketId(market)].params.size_decimals)

    def book(self, number: str) -> str:
        market = self.venue.state.markets[MarketId(int(number))]

        def side(book: BookSide) -> str:
            rows = []
            for key in reversed(book.keys):
                level, ids = book.levels[key], []
                order = level.head
                while order is not None:
                    ids.append(str(order.id))
                    order = order.after
                rows.append(f"{self.price_text(int(number), level.price)}x{level.lots}[{','.join(ids)}]")
            return " ".join(rows) or "-"

        return f"{side(market.bids)} | {side(market.asks)}"

    def holder(self, name: str) -> Account:
        return self.venue.state.accounts[self.venue.state.by_address[address_of(name)]]

    def cash(self, name: str) -> str:
        return shown(self.holder(name).cash, 6)

    def balance(self, name: str, symbol: str) -> str:
        asset, decimals = ASSETS[symbol]
        return shown(self.holder(name).balances.get(asset, 0), decimals)

    def position(self, name: str, number: str = "1") -> str:
        held = self.holder(name).positions.get(MarketId(int(number)))
        return f"{held.size} entry {shown(held.entry, 6)}" if held is not None and held.size else "none"

    def margin(self, name: str) -> str:
        """Equity, initial, maintenance, free."""
        return " ".join(shown(value, 6) for value in summary(self.venue.state, self.holder(name))[:4])

    def owes(self, name: str) -> str:
        """Negative cash with the interest that has not been paid."""
        return shown(borrow(self.venue.state, self.holder(name)), 6)

    def mark(self, number: str) -> str:
        return self.price_text(int(number), self.venue.state.markets[MarketId(int(number))].mark)

    def index(self, number: str) -> str:
        found = next(index for index in self.venue.state.indices.values() if index.id == int(number))
        return f"{shown(found.price, 6)} {found.status.name}"

    def status(self, number: str) -> str:
        return self.venue.state.markets[MarketId(int(number))].status.name

    def interest(self, number: str) -> str:
        return str(self.venue.state.markets[MarketId(int(number))].open_interest)

    def rate(self, number: str) -> str:
        """Last hourly funding rate in percent."""
        return shown(self.venue.state.markets[MarketId(int(number))].funding_rate, 10)

    def orders(self, name: str) -> str:
        return " ".join(str(order) for order in sorted(self.holder(name).orders)) or "none"

    def switch(self, name: str) -> str:
        """How far off the scheduled cancel is, in ms."""
        time = self.holder(name).cancel_at
        return str(time - self.venue.now) if time else "none"

    def work(self) -> str:
        return " ".join(type(item).__name__ for item in work_queue(self.venue.state)) or "none"

    def account(self, name: str) -> str:
        """Id, master, keys that may sign."""
        found = self.venue.state.by_address.get(address_of(name))
        if found is None:
            return "none"
        account = self.venue.state.accounts[found]
        return f"{account.id} master {account.master} signers {len(account.signers)}"

    def nonce_count(self, name: str) -> str:
        account = self.venue.state.accounts[self.venue.state.by_address[address_of(name)]]
        return str(len(next(s for s in account.signers if not s.is_agent).nonces))


def price_in(market: Market, text: str) -> Price:
    """USDC to the market's price unit."""
    return Price(int(number_of(text).scaleb(6 - market.params.size_decimals)))
