"""Actions of the waterfall: taking over a share of what is liquidated, and the shares of a vault.

Each is a class of the union in proto.intents and has an arm in `read_risk_intent` and in `risk_intent_fields`.
"""

from dataclasses import dataclass
from typing import Any, Final

from proto.fields import fixed, uint
from proto.ids import ADDRESS_BYTES, Address, MarketId, VaultId
from proto.kinds import IntentKind
from proto.units import AMOUNT_MAX, PPM, RATE_SCALE, U16_MAX, AssetUnits, Ppm, TimeMs


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Take a share of an account in liquidation: its cross portfolio (market 0) or its isolated position in `market`.

    Positions come at the mark; the account pays the part (1 - price) of the share's value for them.
    """

    account: Address
    nonce: int
    expires_after: TimeMs
    liquidated: Address
    market: MarketId
    share: int  # 1e-12 of the portfolio.
    worst_price: Ppm  # Of the portfolio's mark value: the highest price that is accepted.


@dataclass(frozen=True, slots=True)
class VaultDeposit:
    """Buy shares of a vault with USDC."""

    account: Address
    nonce: int
    expires_after: TimeMs
    vault: VaultId
    amount: AssetUnits


@dataclass(frozen=True, slots=True)
class VaultWithdraw:
    """Give shares of a vault back; they are paid, at what they are worth then, after the vault's delay."""

    account: Address
    nonce: int
    expires_after: TimeMs
    vault: VaultId
    shares: int


RiskIntent = TakeOver | VaultDeposit | VaultWithdraw

RISK_INTENT_FIELDS: Final[dict[int, int]] = {
    IntentKind.TAKE_OVER: 4, IntentKind.VAULT_DEPOSIT: 2, IntentKind.VAULT_WITHDRAW: 2,
}  # fmt: skip


def read_risk_intent(kind: int, head: tuple[Address, int, TimeMs], items: list[Any]) -> RiskIntent:
    """The action of a kind in RISK_INTENT_FIELDS from its fields, as many as it has. Raises IntentError."""
    if kind == IntentKind.TAKE_OVER:
        return TakeOver(
            *head, Address(fixed(items[0], ADDRESS_BYTES, "liquidated")), MarketId(uint(items[1], U16_MAX, "market")),
            uint(items[2], RATE_SCALE, "share"), Ppm(uint(items[3], PPM, "worstPrice")),
        )  # fmt: skip
    vault, amount = VaultId(uint(items[0], U16_MAX, "vault")), items[1]
    if kind == IntentKind.VAULT_DEPOSIT:
        return VaultDeposit(*head, vault, AssetUnits(uint(amount, AMOUNT_MAX, "amount")))
    assert kind == IntentKind.VAULT_WITHDRAW, "every kind in RISK_INTENT_FIELDS has an arm"
    return VaultWithdraw(*head, vault, uint(amount, AMOUNT_MAX, "shares"))


def risk_intent_fields(intent: RiskIntent) -> list[Any]:
    """Kind, and the fields after the common ones."""
    match intent:
        case TakeOver():
            return [int(IntentKind.TAKE_OVER), intent.liquidated, intent.market, intent.share, intent.worst_price]
        case VaultDeposit():
            return [int(IntentKind.VAULT_DEPOSIT), intent.vault, intent.amount]
        case VaultWithdraw():
            return [int(IntentKind.VAULT_WITHDRAW), intent.vault, intent.shares]
