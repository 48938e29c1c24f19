"""EIP-712 typed data of the native dialect: one struct per action, fixed-width words, so that wallets show it and an EVM can check it.

Invariants:
- The domain binds name, version, L1 chain and the vault contract: a signature for one deployment is worthless on another.
- `TYPES` is the complete list of struct types; the digest of a message depends on every one of its fields.
Source of the scheme: EIP-712, "Typed structured data hashing and signing".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from proto.hashing import address_word, keccak
from proto.ids import Address
from proto.inputs import IndexPrice
from proto.intents import (
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
    Intent,
    NameAccount,
    OrderSpec,
    PlaceGroup,
    PlaceOrder,
    PlaceOrders,
    PlaceScale,
    PlaceTwap,
    ResetProtection,
    RevokeAgent,
    ScheduleCancel,
    SetLeverage,
    SetProtection,
    TakeOver,
    Transfer,
    TriggerSpec,
    VaultDeposit,
    VaultWithdraw,
    Withdraw,
)
from proto.units import TimeMs

_HEAD: Final = "address account,uint64 nonce,uint64 expiresAfter"
_ORDER: Final = (
    "Order(uint16 market,uint8 side,uint8 orderType,uint8 timeInForce,uint64 price,uint64 size,bool reduceOnly,"
    "uint128 clientId,uint8 selfTrade,uint64 goodTil)"
)
_TRIGGER: Final = "Trigger(uint8 kind,uint64 level,Order order)"
_AMEND: Final = "Amend(uint64 orderId,uint128 clientId,uint64 price,uint64 size)"
_MONEY: Final = "address destination,uint16 asset,uint64 amount"
TYPES: Final[dict[str, str]] = {
    "PlaceOrder": f"PlaceOrder({_HEAD},Order order){_ORDER}",
    "PlaceOrders": f"PlaceOrders({_HEAD},Order[] orders){_ORDER}",
    "CancelOrder": f"CancelOrder({_HEAD},uint64 orderId)",
    "CancelByClientId": f"CancelByClientId({_HEAD},uint128 clientId)",
    "CancelAll": f"CancelAll({_HEAD},uint16 market)",
    "AmendOrder": f"AmendOrder({_HEAD},uint64 orderId,uint128 clientId,uint64 price,uint64 size)",
    "Withdraw": f"Withdraw({_HEAD},{_MONEY})",
    "Transfer": f"Transfer({_HEAD},{_MONEY})",
    "ApproveAgent": f"ApproveAgent({_HEAD},address agent,uint64 validUntil,uint64 scope,bytes32 name,uint16[] markets)",
    "RevokeAgent": f"RevokeAgent({_HEAD},address agent)",
    "CreateSubAccount": f"CreateSubAccount({_HEAD},uint32 index)",
    "ScheduleCancel": f"ScheduleCancel({_HEAD},uint64 time)",
    "SetLeverage": f"SetLeverage({_HEAD},uint16 market,uint16 leverage,bool isolated)",
    "BuyCollateral": f"BuyCollateral({_HEAD},address owner,uint16 asset,uint64 amount)",
    "TakeOver": f"TakeOver({_HEAD},address liquidated,uint16 market,uint64 share,uint32 worstPrice)",
    "VaultDeposit": f"VaultDeposit({_HEAD},uint16 vault,uint64 amount)",
    "VaultWithdraw": f"VaultWithdraw({_HEAD},uint16 vault,uint64 shares)",
    "CancelOrders": f"CancelOrders({_HEAD},uint64[] orderIds,uint128[] clientIds)",
    "AmendOrders": f"AmendOrders({_HEAD},Amend[] amends){_AMEND}",
    "PlaceScale": f"PlaceScale({_HEAD},Order order,uint64 lastPrice,uint16 count,uint32 skew){_ORDER}",
    "PlaceGroup": f"PlaceGroup({_HEAD},uint8 grouping,Order[] orders,Trigger[] triggers){_ORDER}{_TRIGGER}",
    "PlaceTwap": (
        f"PlaceTwap({_HEAD},uint16 market,uint8 side,uint64 size,bool reduceOnly,uint32 seconds,uint32 slippage,uint64 price)"
    ),
    "CancelTwap": f"CancelTwap({_HEAD},uint64 twapId)",
    "SetProtection": (
        f"SetProtection({_HEAD},uint16 market,uint32 windowMs,uint32 freezeMs,uint64 quantity,uint64 delta)"
    ),
    "ResetProtection": f"ResetProtection({_HEAD},uint16 market)",
    "NameAccount": f"NameAccount({_HEAD},bytes32 name)",
    "Order": _ORDER,
    "Trigger": _TRIGGER + _ORDER,
    "Amend": _AMEND,
    "IndexPrice": "IndexPrice(uint16 index,uint64 price,uint64 confidence)",
    "Report": "Report(uint64 time,IndexPrice[] prices)IndexPrice(uint16 index,uint64 price,uint64 confidence)",
    "Solvency": "Solvency(uint64 batchId,bytes32 stateRoot,bytes32 treesHash)",
    "RevokePublisher": "RevokePublisher(address publisher,uint64 time)",
    "Receipt": "Receipt(bytes32 head,uint64 firstSeq,uint32 count,bytes32 root)",
    "Commitment": (
        "Commitment(uint64 batchId,bytes32 prevStateRoot,bytes32 stateRoot,bytes32 inputsRoot,bytes32 opsRoot,"
        "bytes32 dataHash,bytes32 rulesHash,bytes32 queueHash,uint64 lastSeq,uint64 opsCount,uint64 queueCursor,"
        "uint64 l2Time)"
    ),
    "Attestation": "Attestation(uint64 batchId,bytes32 commitmentHash)",
}
TYPE_HASHES: Final[dict[str, bytes]] = {name: keccak(text.encode()) for name, text in TYPES.items()}
_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
DOMAIN_NAME: Final = "Novate"
DOMAIN_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature is valid: the L1 chain and the vault contract on it."""

    chain_id: int
    contract: Address


@lru_cache(maxsize=8)
def domain_separator(domain: Domain) -> bytes:
    """EIP-712 domain separator."""
    words = (
        _DOMAIN_TYPE,
        keccak(DOMAIN_NAME.encode()),
        keccak(DOMAIN_VERSION.encode()),
        domain.chain_id.to_bytes(32, "big"),
        address_word(domain.contract),
    )
    return keccak(b"".join(words))


def _digest(domain: Domain, struct_hash: bytes) -> bytes:
    return keccak(b"\x19\x01" + domain_separator(domain) + struct_hash)


def _u(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _array(values: Sequence[int]) -> bytes:
    """The word of an array of numbers."""
    return keccak(b"".join(_u(value) for value in values))


def _order_hash(order: OrderSpec) -> bytes:
    words = (
        TYPE_HASHES["Order"],
        order.market.to_bytes(32, "big"),
        order.side.to_bytes(32, "big"),
        order.order_type.to_bytes(32, "big"),
        order.time_in_force.to_bytes(32, "big"),
        order.price.to_bytes(32, "big"),
        order.size.to_bytes(32, "big"),
        order.reduce_only.to_bytes(32, "big"),
        order.client_id.to_bytes(32, "big"),
        order.self_trade.to_bytes(32, "big"),
        order.good_til.to_bytes(32, "big"),
    )
    return keccak(b"".join(words))


def _trigger_hash(trigger: TriggerSpec) -> bytes:
    return keccak(TYPE_HASHES["Trigger"] + _u(trigger.kind) + _u(trigger.level) + _order_hash(trigger.order))


def _fields(intent: Intent) -> tuple[str, bytes]:
    """Primary type and the words after the three common ones."""
    match intent:
        case PlaceOrder():
            return "PlaceOrder", _order_hash(intent.order)
        case CancelByClientId():
            return "CancelByClientId", _u(intent.client_id)
        case CancelOrder():
            return "CancelOrder", _u(intent.order_id)
        case AmendOrder():
            return "AmendOrder", _u(intent.order_id) + _u(intent.client_id) + _u(intent.price) + _u(intent.size)
        case PlaceOrders():
            return "PlaceOrders", keccak(b"".join(_order_hash(order) for order in intent.orders))
        case CancelAll():
            return "CancelAll", _u(intent.market)
        case Withdraw():
            return "Withdraw", address_word(intent.destination) + _u(intent.asset) + _u(intent.amount)
        case Transfer():
            return "Transfer", address_word(intent.destination) + _u(intent.asset) + _u(intent.amount)
        case ApproveAgent():
            words = address_word(intent.agent) + _u(intent.valid_until) + _u(intent.scope) + intent.name
            return "ApproveAgent", words + _array(intent.markets)
        case RevokeAgent():
            return "RevokeAgent", address_word(intent.agent)
        case CreateSubAccount():
            return "CreateSubAccount", _u(intent.index)
        case ScheduleCancel():
            return "ScheduleCancel", _u(intent.time)
        case SetLeverage():
            return "SetLeverage", _u(intent.market) + _u(intent.leverage) + _u(intent.isolated)
        case BuyCollateral():
            return "BuyCollateral", address_word(intent.owner) + _u(intent.asset) + _u(intent.amount)
        case CancelOrders():
            return "CancelOrders", _array(intent.order_ids) + _array(intent.client_ids)
        case AmendOrders():
            rows = (_u(row.order_id) + _u(row.client_id) + _u(row.price) + _u(row.size) for row in intent.amends)
            return "AmendOrders", keccak(b"".join(keccak(TYPE_HASHES["Amend"] + row) for row in rows))
        case PlaceScale():
            words = _order_hash(intent.order) + _u(intent.last_price) + _u(intent.count) + _u(intent.skew)
            return "PlaceScale", words
        case PlaceGroup():
            orders = keccak(b"".join(_order_hash(order) for order in intent.orders))
            triggers = keccak(b"".join(_trigger_hash(trigger) for trigger in intent.triggers))
            return "PlaceGroup", _u(intent.grouping) + orders + triggers
        case PlaceTwap():
            terms = (intent.market, intent.side, intent.size, intent.reduce_only, intent.seconds, intent.slippage, intent.price)
            return "PlaceTwap", b"".join(_u(term) for term in terms)
        case CancelTwap():
            return "CancelTwap", _u(intent.twap_id)
        case SetProtection():
            bounds = (intent.market, intent.window_ms, intent.freeze_ms, intent.quantity, intent.delta)
            return "SetProtection", b"".join(_u(bound) for bound in bounds)
        case ResetProtection():
            return "ResetProtection", _u(intent.market)
        case NameAccount():
            return "NameAccount", intent.name
        case TakeOver():
            words = address_word(intent.liquidated) + _u(intent.market) + _u(intent.share)
            return "TakeOver", words + _u(intent.worst_price)
        case VaultDeposit():
            return "VaultDeposit", _u(intent.vault) + _u(intent.amount)
        case VaultWithdraw():
            return "VaultWithdraw", _u(intent.vault) + _u(intent.shares)


def intent_digest(domain: Domain, intent: Intent) -> bytes:
    """The 32 bytes that the signer of an action signs."""
    name, fields = _fields(intent)
    head = TYPE_HASHES[name] + address_word(intent.account) + _u(intent.nonce) + _u(intent.expires_after)
    return _digest(domain, keccak(head + fields))


def report_digest(domain: Domain, time: TimeMs, prices: tuple[IndexPrice, ...]) -> bytes:
    """The 32 bytes that a publisher signs."""
    lines = b"".join(
        keccak(TYPE_HASHES["IndexPrice"] + _u(line.index) + _u(line.price) + _u(line.confidence)) for line in prices
    )
    return _digest(domain, keccak(TYPE_HASHES["Report"] + _u(time) + keccak(lines)))


def revocation_digest(domain: Domain, publisher: Address, time: TimeMs) -> bytes:
    """The 32 bytes that a publisher signs to have a publisher's key revoked."""
    return _digest(domain, keccak(TYPE_HASHES["RevokePublisher"] + address_word(publisher) + _u(time)))


def receipt_digest(domain: Domain, head: bytes, first_seq: int, count: int, root: bytes) -> bytes:
    """The 32 bytes that the sequencer signs for each cycle."""
    return _digest(domain, keccak(TYPE_HASHES["Receipt"] + head + _u(first_seq) + _u(count) + root))


def solvency_digest(domain: Domain, batch_id: int, state_root: bytes, trees_hash: bytes) -> bytes:
    """The 32 bytes that the operator signs for a statement of solvency."""
    return _digest(domain, keccak(TYPE_HASHES["Solvency"] + _u(batch_id) + state_root + trees_hash))


def commitment_digest(domain: Domain, words: bytes) -> bytes:
    """The 32 bytes that the operator signs for a batch; `words` are the twelve fields of the commitment in order."""
    return _digest(domain, commitment_hash(words))


def commitment_hash(words: bytes) -> bytes:
    """The struct hash of a commitment: what the contract keeps of it, and what validators attest to."""
    assert len(words) == 12 * 32
    return keccak(TYPE_HASHES["Commitment"] + words)


def attestation_digest(domain: Domain, batch_id: int, commitment: bytes) -> bytes:
    """The 32 bytes that a validator signs for a batch; `commitment` is its struct hash."""
    return _digest(domain, keccak(TYPE_HASHES["Attestation"] + _u(batch_id) + commitment))
