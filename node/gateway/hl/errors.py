"""Refusals in the words that clients of the dialect look for."""

from typing import Final

from proto.hl.actions import HlTwapCancel, HlTwapOrder
from proto.hl.reading import address_text
from proto.ids import Address
from proto.reject import SENTENCES, RejectCode

DESERIALIZE: Final = "Failed to deserialize the JSON body into the target type"
_NEVER_PLACED: Final = "Order was never placed, already canceled, or filled."
_ORDER: Final[dict[RejectCode, str]] = {
    RejectCode.ORDER_PRICE_OFF_TICK: "Price must be divisible by tick size.",
    RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL: "Order must have minimum value of $10.",
    RejectCode.MARGIN_INSUFFICIENT: "Insufficient margin to place order.",
    RejectCode.REDUCE_ONLY_WOULD_INCREASE: "Reduce only order would increase position.",
    RejectCode.ORDER_PRICE_OUTSIDE_BAND: "Order price cannot be more than 80% away from the reference price",
    RejectCode.ORDER_SIZE_ZERO: "Order has zero size.",
    RejectCode.ORDER_SIZE_OFF_LOT: "Order has invalid size.",
    RejectCode.FIELD_OUT_OF_RANGE: "Order has invalid size.",
    RejectCode.ORDER_PRICE_ZERO: "Order has invalid price.",
    RejectCode.TRIGGER_LEVEL_REACHED: "Invalid TP/SL price.",
    RejectCode.OPEN_INTEREST_CAP: "Order would increase open interest while open interest is capped",
}
_ENVELOPE: Final[dict[RejectCode, str]] = {
    RejectCode.SIGNATURE_MALFORMED: "Unable to recover signer.",
    RejectCode.SIGNATURE_INVALID: "Unable to recover signer.",
    RejectCode.SIGNATURE_HIGH_S: "Unable to recover signer.",
    RejectCode.ACTION_EXPIRED: "Action already expired",
    RejectCode.WITHDRAWAL_EXCEEDS_FREE_COLLATERAL: "Insufficient balance for withdrawal",
    RejectCode.TRANSFER_EXCEEDS_FREE_COLLATERAL: "Insufficient balance for token transfer",
    RejectCode.BALANCE_INSUFFICIENT: "Insufficient balance for token transfer",
    RejectCode.ACCOUNT_NAME_INVALID: "Sub-account name must be between 1 and 16 characters long",
    RejectCode.SCHEDULE_LIMIT: "Cannot set scheduled cancel: it was triggered 10 times today",
    RejectCode.AGENT_NAME_INVALID: "Extra agent name must be between 1 and 16 characters long",
}
_NEVER: Final = (RejectCode.ORDER_UNKNOWN, RejectCode.ORDER_NOT_YOURS)


def order_error(code: int, asset: int) -> str:
    """Why one order was refused."""
    known = RejectCode(code)
    return f"{_ORDER.get(known, SENTENCES[known])} asset={asset}"


def immediate_error(asset: int) -> str:
    """An order that should trade at once and could not."""
    return f"Order could not immediately match against any resting orders. asset={asset}"


def post_only_error(asset: int, bid: str, ask: str) -> str:
    """A post-only order that would have traded."""
    return f"Post only order would have immediately matched, bbo was {bid} @ {ask}. asset={asset}"


def cancel_error(code: int, asset: int) -> str:
    """Why one order was not cancelled."""
    known = RejectCode(code)
    return f"{_NEVER_PLACED if known in _NEVER else SENTENCES[known]} asset={asset}"


def modify_error(code: int, asset: int) -> str:
    """Why one order was not modified."""
    if RejectCode(code) in _NEVER:
        return f"Cannot modify canceled or filled order asset={asset}"
    return order_error(code, asset)


_TWAP: Final = (
    RejectCode.MARKET_UNKNOWN, RejectCode.ORDER_SIZE_OFF_LOT, RejectCode.FIELD_OUT_OF_RANGE, RejectCode.ORDER_SIZE_ZERO,
    RejectCode.TWAP_LIMIT, RejectCode.REDUCE_ONLY_WOULD_INCREASE, RejectCode.MARKET_HALTED, RejectCode.MARKET_CANCEL_ONLY,
    RejectCode.INDEX_STALE,
)  # fmt: skip


def twap_error(code: RejectCode, action: HlTwapOrder | HlTwapCancel) -> str | None:
    """Why a time-sliced order was not placed or cancelled; None where the whole action was refused for other reasons."""
    if code == RejectCode.TWAP_DURATION and isinstance(action, HlTwapOrder):
        return f"Invalid TWAP duration: {action.minutes} min(s)"
    if code == RejectCode.TWAP_UNKNOWN:
        return "TWAP was never placed, already canceled, or filled."
    if code == RejectCode.TWAP_SLICE_TOO_SMALL:
        return order_error(RejectCode.ORDER_BELOW_MINIMUM_NOTIONAL, action.asset)
    return order_error(code, action.asset) if code in _TWAP else None


def unknown_signer(signer: Address) -> str:
    """The recovered key is nobody's here, which is also what a wrong signature looks like."""
    return f"User or API Wallet {address_text(signer)} does not exist."


def envelope_error(code: RejectCode, nonce: int, vault: Address | None, *, withdrawal: bool) -> str:
    """Why a whole action was refused."""
    match code:
        case RejectCode.BALANCE_INSUFFICIENT if withdrawal:
            return _ENVELOPE[RejectCode.WITHDRAWAL_EXCEEDS_FREE_COLLATERAL]
        case RejectCode.NONCE_REPLAYED:
            return f"Invalid nonce: duplicate nonce {nonce}"
        case RejectCode.NONCE_TOO_OLD:
            return f"Invalid nonce: nonce too low {nonce}"
        case RejectCode.NONCE_TOO_FAR_AHEAD:
            return f"Invalid nonce: nonce too high {nonce}"
        case RejectCode.ACCOUNT_UNKNOWN | RejectCode.SIGNER_NOT_AUTHORISED if vault is not None:
            return f"Vault not registered: {address_text(vault)}"
        case _:
            return _ENVELOPE.get(code, SENTENCES[code])
