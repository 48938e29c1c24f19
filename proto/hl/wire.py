"""Canonical bytes of the dialect's requests, as journal and batch keep them.

    signed as agent message: [nonce, vault (20 bytes or empty), expiresAfter (0 = none signed), msgpack of the action]
    signed as typed data:    [nonce, signature chain id, kind, field, ...]

Invariant: decoding is total and strict: what `encode_request` would write differently is refused. The inner msgpack is the very text that
the client hashed, so a verifier hashes it as it lies there.
"""

from enum import IntEnum, unique
from typing import Any, Final

import msgpack

from proto.canonical import NotCanonicalError, pack, unpack
from proto.hl.actions import (
    HlAction,
    HlApproveAgent,
    HlApproveBuilderFee,
    HlL1Request,
    HlRequest,
    HlSendAsset,
    HlSpotSend,
    HlUsdClassTransfer,
    HlUsdSend,
    HlUserAction,
    HlUserRequest,
    HlWithdraw,
)
from proto.hl.reading import HlMalformedError, HlUnsupportedError, address, decimal, flag, text, uint
from proto.hl.schema import parse_action, plain_action
from proto.ids import ADDRESS_BYTES, Address
from proto.units import NONCE_MAX, TIME_MS_MAX, U64_MAX, TimeMs

ACTION_ITEMS_MAX: Final = 64


@unique
class HlUserKind(IntEnum):
    """Third element of a typed-data request."""

    USD_SEND = 1
    WITHDRAW = 2
    APPROVE_AGENT = 3
    APPROVE_BUILDER_FEE = 4
    USD_CLASS_TRANSFER = 5
    SPOT_SEND = 6
    SEND_ASSET = 7


def action_bytes(action: HlAction) -> bytes:
    """The msgpack that is hashed and signed."""
    packed: bytes = msgpack.packb(plain_action(action))
    return packed


def _read_action(data: bytes) -> HlAction:
    try:
        value = msgpack.unpackb(
            data, raw=False, strict_map_key=True, max_array_len=ACTION_ITEMS_MAX, max_map_len=ACTION_ITEMS_MAX,
            max_ext_len=0, max_bin_len=0, max_str_len=len(data),
        )  # fmt: skip
    except (ValueError, msgpack.exceptions.UnpackException) as error:
        raise HlMalformedError(f"not msgpack: {error}"[:200]) from None
    action = parse_action(value)
    if action_bytes(action) != data:
        raise HlMalformedError("not the canonical bytes of its action")
    return action


def _user_items(action: HlUserAction) -> list[Any]:
    match action:
        case HlUsdSend():
            return [HlUserKind.USD_SEND.value, action.destination, action.amount]
        case HlWithdraw():
            return [HlUserKind.WITHDRAW.value, action.destination, action.amount]
        case HlApproveAgent():
            return [HlUserKind.APPROVE_AGENT.value, action.agent, action.name]
        case HlApproveBuilderFee():
            return [HlUserKind.APPROVE_BUILDER_FEE.value, action.max_fee_rate, action.builder]
        case HlUsdClassTransfer():
            return [HlUserKind.USD_CLASS_TRANSFER.value, action.amount, action.to_perp]
        case HlSpotSend():
            return [HlUserKind.SPOT_SEND.value, action.destination, action.token, action.amount]
        case HlSendAsset():
            return [
                HlUserKind.SEND_ASSET.value, action.destination, action.source_dex, action.destination_dex, action.token,
                action.amount, action.from_sub_account,
            ]  # fmt: skip


def encode_request(request: HlRequest) -> bytes:
    """Canonical bytes of a request."""
    match request:
        case HlL1Request():
            return pack([request.nonce, request.vault or b"", request.expires_after, action_bytes(request.action)])
        case HlUserRequest():
            return pack([request.nonce, request.chain_id, *_user_items(request.action)])


def _raw_address(value: Any) -> Address:
    if type(value) is not bytes or len(value) != ADDRESS_BYTES:
        raise HlMalformedError("not an address")
    return Address(value)


def decode_l1_request(data: bytes) -> HlL1Request:
    """The request in its canonical bytes. Raises HlMalformedError."""
    try:
        row = unpack(data)
        if len(row) != 4 or type(row[3]) is not bytes:
            raise HlMalformedError("a request is [nonce, vault, expiresAfter, action]")
        vault = None if row[1] == b"" else _raw_address(row[1])
        return HlL1Request(_read_action(row[3]), uint(row[0], NONCE_MAX), vault, TimeMs(uint(row[2], TIME_MS_MAX)))
    except (NotCanonicalError, HlUnsupportedError) as error:
        raise HlMalformedError(str(error)) from None


def decode_user_request(data: bytes) -> HlUserRequest:
    """The request in its canonical bytes. Raises HlMalformedError."""
    try:
        row = unpack(data)
    except NotCanonicalError as error:
        raise HlMalformedError(str(error)) from None
    if len(row) < 5:
        raise HlMalformedError("a request is [nonce, chain, kind, field, field...]")
    return HlUserRequest(_user_action(row[2], row[3:]), uint(row[0], NONCE_MAX), uint(row[1], U64_MAX))


_FIELDS: Final = {
    HlUserKind.USD_SEND: 2, HlUserKind.WITHDRAW: 2, HlUserKind.APPROVE_AGENT: 2, HlUserKind.APPROVE_BUILDER_FEE: 2,
    HlUserKind.USD_CLASS_TRANSFER: 2, HlUserKind.SPOT_SEND: 3, HlUserKind.SEND_ASSET: 6,
}  # fmt: skip


def _user_action(kind: Any, row: list[Any]) -> HlUserAction:
    if type(kind) is not int or _FIELDS.get(kind) != len(row):  # type: ignore[call-overload]
        raise HlMalformedError("unknown kind, or another number of fields")
    first, second = row[0], row[1]
    match kind:
        case HlUserKind.USD_SEND | HlUserKind.WITHDRAW:
            address(first)
            decimal(second)
            return HlUsdSend(first, second) if kind == HlUserKind.USD_SEND else HlWithdraw(first, second)
        case HlUserKind.APPROVE_AGENT:
            return HlApproveAgent(_raw_address(first), text(second))
        case HlUserKind.APPROVE_BUILDER_FEE:
            return HlApproveBuilderFee(text(first), _raw_address(second))
        case HlUserKind.USD_CLASS_TRANSFER:
            return HlUsdClassTransfer(text(first), flag(second))
        case HlUserKind.SPOT_SEND:
            address(first)
            decimal(row[2])
            return HlSpotSend(first, text(second), row[2])
        case HlUserKind.SEND_ASSET:
            address(first)
            decimal(row[4])
            return HlSendAsset(first, *(text(field) for field in row[1:]))
        case _:
            raise HlMalformedError("unknown kind")
