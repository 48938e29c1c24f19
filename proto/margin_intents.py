"""Actions about margin: leverage in a market, buying what stands behind a debt above its cap.

Each is a class of the union in proto.intents and has an arm in `read_margin_intent` and in `margin_intent_fields`.
"""

from dataclasses import dataclass
from typing import Any, Final

from proto.fields import fixed, flag, uint
from proto.ids import ADDRESS_BYTES, Address, AssetId, MarketId
from proto.kinds import IntentKind
from proto.units import AMOUNT_MAX, U16_MAX, AssetUnits, TimeMs


@dataclass(frozen=True, slots=True)
class SetLeverage:
    """Choose the highest leverage of new risk in a market."""

    account: Address
    nonce: int
    expires_after: TimeMs
    market: MarketId
    leverage: int  # 0: the market's highest.
    isolated: bool  # Whether the position answers for itself alone; not offered yet.


@dataclass(frozen=True, slots=True)
class BuyCollateral:
    """Buy collateral of an account that owes more than its cap, at the index less the discount."""

    account: Address
    nonce: int
    expires_after: TimeMs
    owner: Address
    asset: AssetId
    amount: AssetUnits


MarginIntent = SetLeverage | BuyCollateral

MARGIN_INTENT_FIELDS: Final[dict[int, int]] = {
    IntentKind.SET_LEVERAGE: 3, IntentKind.BUY_COLLATERAL: 3,
}  # fmt: skip


def read_margin_intent(kind: int, head: tuple[Address, int, TimeMs], items: list[Any]) -> MarginIntent:
    """The action of a kind in MARGIN_INTENT_FIELDS from its fields, as many as it has. Raises IntentError."""
    if kind == IntentKind.BUY_COLLATERAL:
        return BuyCollateral(
            *head, Address(fixed(items[0], ADDRESS_BYTES, "owner")), AssetId(uint(items[1], U16_MAX, "asset")),
            AssetUnits(uint(items[2], AMOUNT_MAX, "amount")),
        )  # fmt: skip
    market = MarketId(uint(items[0], U16_MAX, "market"))
    assert kind == IntentKind.SET_LEVERAGE, "every kind in MARGIN_INTENT_FIELDS has an arm"
    return SetLeverage(*head, market, uint(items[1], U16_MAX, "leverage"), flag(items[2], "isolated"))


def margin_intent_fields(intent: MarginIntent) -> list[Any]:
    """Kind, and the fields after the common ones."""
    match intent:
        case SetLeverage():
            return [int(IntentKind.SET_LEVERAGE), intent.market, intent.leverage, intent.isolated]
        case BuyCollateral():
            return [int(IntentKind.BUY_COLLATERAL), intent.owner, intent.asset, intent.amount]
