"""Digests of the Hyperliquid-compatible dialect.

* An action is packed, hashed with nonce, vault and expiry into a connection id, and signed as `Agent(source, connectionId)`; `source` is
  always "b" here: signatures with "a" are valid on another venue's main network and are never taken.
* User-signed actions are typed data of their own.

These domains bind no venue and no deployment, so what may be done with such a signature is the core's business (node.core.hl).
"""

from functools import lru_cache
from typing import Final

from proto.hashing import address_word, keccak
from proto.hl.actions import (
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
from proto.hl.schema import TESTNET
from proto.hl.wire import action_bytes
from proto.ids import ZERO_ADDRESS, Address

_DOMAIN_TYPE: Final = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_AGENT_TYPE: Final = keccak(b"Agent(string source,bytes32 connectionId)")
_PREFIX: Final = "HyperliquidTransaction:"
_VERSION: Final = keccak(b"1")
SOURCE_TESTNET: Final = b"b"
SOURCE_MAINNET: Final = b"a"


@lru_cache(maxsize=64)
def _separator(name: bytes, chain_id: int) -> bytes:
    return keccak(_DOMAIN_TYPE + keccak(name) + _VERSION + chain_id.to_bytes(32, "big") + address_word(ZERO_ADDRESS))


def _typed(separator: bytes, struct_hash: bytes) -> bytes:
    return keccak(b"\x19\x01" + separator + struct_hash)


def connection_id(action: bytes, nonce: int, vault: Address | None, expires_after: int) -> bytes:
    """Hash of packed action, nonce, vault flag and, where there is one (not 0), expiry."""
    data = action + nonce.to_bytes(8, "big") + (b"\x00" if vault is None else b"\x01" + vault)
    if expires_after:
        data += b"\x00" + expires_after.to_bytes(8, "big")
    return keccak(data)


def agent_digest(connection: bytes, source: bytes = SOURCE_TESTNET) -> bytes:
    """What is signed over a connection id."""
    return _typed(_separator(b"Exchange", 1337), keccak(_AGENT_TYPE + keccak(source) + connection))


_FIELDS: Final[dict[type[HlUserAction], str]] = {
    HlUsdSend: "UsdSend(string hyperliquidChain,string destination,string amount,uint64 time)",
    HlWithdraw: "Withdraw(string hyperliquidChain,string destination,string amount,uint64 time)",
    HlApproveAgent: "ApproveAgent(string hyperliquidChain,address agentAddress,string agentName,uint64 nonce)",
    HlUsdClassTransfer: "UsdClassTransfer(string hyperliquidChain,string amount,bool toPerp,uint64 nonce)",
    HlSpotSend: "SpotSend(string hyperliquidChain,string destination,string token,string amount,uint64 time)",
    HlSendAsset: (
        "SendAsset(string hyperliquidChain,string destination,string sourceDex,string destinationDex,string token,"
        "string amount,string fromSubAccount,uint64 nonce)"
    ),
    HlApproveBuilderFee: "ApproveBuilderFee(string hyperliquidChain,string maxFeeRate,address builder,uint64 nonce)",
}
_TYPE_HASHES: Final = {kind: keccak((_PREFIX + words).encode()) for kind, words in _FIELDS.items()}


def _texts(*texts: str) -> bytes:
    return b"".join(keccak(text.encode()) for text in texts)


def _words(action: HlUserAction) -> bytes:
    match action:
        case HlUsdSend() | HlWithdraw():
            return keccak(action.destination.encode()) + keccak(action.amount.encode())
        case HlApproveAgent():
            return address_word(action.agent) + keccak(action.name.encode())
        case HlUsdClassTransfer():
            return keccak(action.amount.encode()) + action.to_perp.to_bytes(32, "big")
        case HlSpotSend():
            return _texts(action.destination, action.token, action.amount)
        case HlSendAsset():
            where = (action.destination, action.source_dex, action.destination_dex)
            return _texts(*where, action.token, action.amount, action.from_sub_account)
        case HlApproveBuilderFee():
            return keccak(action.max_fee_rate.encode()) + address_word(action.builder)


def request_digest(request: HlRequest, source: bytes = SOURCE_TESTNET) -> bytes:
    """The 32 bytes that the signer of a request signs."""
    match request:
        case HlL1Request():
            action = action_bytes(request.action)
            return agent_digest(connection_id(action, request.nonce, request.vault, request.expires_after), source)
        case HlUserRequest():
            head = _TYPE_HASHES[type(request.action)] + keccak(TESTNET.encode())
            struct = keccak(head + _words(request.action) + request.nonce.to_bytes(32, "big"))
            return _typed(_separator(b"HyperliquidSignTransaction", request.chain_id), struct)
