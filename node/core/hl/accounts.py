"""What actions of the dialect do to accounts: sub-accounts, names, transfers, agents. The rules are the native actions' own."""

from typing import Final

from node.core.ledger.accounts import account_at
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from node.core.transitions import agents, create_sub_account, name_account, transfer
from proto.hl.actions import (
    HlApproveAgent,
    HlCreateSubAccount,
    HlL1Request,
    HlSendAsset,
    HlSpotSend,
    HlSubAccountModify,
    HlSubAccountSpotTransfer,
    HlSubAccountTransfer,
    HlUserRequest,
)
from proto.hl.decimals import normal, scaled
from proto.hl.reading import HlMalformedError, address
from proto.ids import USDC, Address, AssetId, sub_account_address
from proto.intents import (
    NAME_BYTES,
    SCOPE_HYPERLIQUID,
    SCOPE_TRADE,
    ApproveAgent,
    CreateSubAccount,
    RevokeAgent,
    Transfer,
)
from proto.reject import RejectCode
from proto.units import AMOUNT_MAX, TIME_MS_MAX, AssetUnits, TimeMs

_NAME_CHARS_MAX: Final = 16
_VALID_UNTIL: Final = " valid_until "
_DEXES: Final = ("", "spot")  # There is one account for both here.


def _named(name: str) -> bytes | None:
    """A name of 1 to 16 characters as its 32 bytes, or None where it is none."""
    encoded = name.encode()
    if not 1 <= len(name) <= _NAME_CHARS_MAX or len(encoded) > NAME_BYTES or "\0" in name:
        return None
    return encoded.ljust(NAME_BYTES, b"\0")


def _sub_of(state: State, account: Account, where: Address) -> Account | None:
    """The account's own sub-account at an address."""
    sub = account_at(state, where)
    return sub if sub is not None and sub.master == account.id else None


def create(state: State, account: Account, request: HlL1Request, action: HlCreateSubAccount) -> Outcome:
    """Open the sub-account with the lowest free index. The result is its account id."""
    name = _named(action.name)
    if name is None:
        return Rejected(RejectCode.ACCOUNT_NAME_INVALID)
    index = 0  # At most as many are taken as there may be.
    while (found := account_at(state, sub_account_address(account.address, index))) is not None and found.master:
        index += 1
    head = (account.address, request.nonce, request.expires_after)
    done = create_sub_account.transition(state, account, CreateSubAccount(*head, index))
    if isinstance(done, Rejected):
        return done
    opened = account_at(state, sub_account_address(account.address, index))
    assert opened is not None, "it was opened now"
    name_account.set_name(state, opened, name)
    return Applied(tuple(state.events), done.results)


def rename(state: State, account: Account, action: HlSubAccountModify) -> Outcome:
    """Give a sub-account another name."""
    sub, name = _sub_of(state, account, action.sub_account), _named(action.name)
    if sub is None:
        return Rejected(RejectCode.ACCOUNT_UNKNOWN)
    if name is None:
        return Rejected(RejectCode.ACCOUNT_NAME_INVALID)
    name_account.set_name(state, sub, name)
    return Applied(tuple(state.events), (ValueResult(0),))


def move(
    state: State, account: Account, request: HlL1Request, action: HlSubAccountTransfer | HlSubAccountSpotTransfer
) -> Outcome:
    """Move money between an account and its sub-account."""
    sub = _sub_of(state, account, action.sub_account)
    if sub is None:
        return Rejected(RejectCode.ACCOUNT_UNKNOWN)
    source, target = (account, sub) if action.is_deposit else (sub, account)
    if isinstance(action, HlSubAccountTransfer):
        head = (source.address, request.nonce, request.expires_after)
        return transfer.transition(state, source, Transfer(*head, target.address, USDC, AssetUnits(action.usd)))
    return _send(state, source, request, target.address, action.token, action.amount)


def send(state: State, account: Account, request: HlUserRequest, action: HlSpotSend | HlSendAsset) -> Outcome:
    """Send an asset; between the classes of one account, nothing moves."""
    source, target = account, address(action.destination)
    if isinstance(action, HlSendAsset):
        if action.source_dex not in _DEXES or action.destination_dex not in _DEXES:
            return Rejected(RejectCode.MARKET_UNKNOWN)
        if action.from_sub_account:
            sub = _sub_of(state, account, _address_or_zero(action.from_sub_account))
            if sub is None:
                return Rejected(RejectCode.ACCOUNT_UNKNOWN)
            source = sub
        if target == source.address:
            return Applied(tuple(state.events), (ValueResult(source.id),))
    return _send(state, source, request, target, action.token, action.amount)


def _address_or_zero(text: str) -> Address:
    """The address in a text, or the zero address, which no account has."""
    try:
        return address(text)
    except HlMalformedError:
        return Address(bytes(20))


def _send(
    state: State, source: Account, request: HlL1Request | HlUserRequest, target: Address, token: str, amount: str
) -> Outcome:
    asset = _asset(state, token)
    if asset is None:
        return Rejected(RejectCode.ASSET_UNKNOWN)
    units = scaled(normal(amount), state.params.assets[asset].decimals)
    if units is None or units > AMOUNT_MAX:
        return Rejected(RejectCode.FIELD_OUT_OF_RANGE)
    head = (source.address, request.nonce, request.expires_after)
    return transfer.transition(state, source, Transfer(*head, target, asset, AssetUnits(units)))


def _asset(state: State, token: str) -> AssetId | None:
    """The asset of `SYMBOL`, or of `SYMBOL:0x…` with its number."""
    symbol, colon, digits = token.partition(":")
    for asset in state.params.assets:
        if asset.symbol == symbol and (not colon or digits == f"0x{asset.id:032x}"):
            return asset.id
    return None


def approve(state: State, account: Account, request: HlUserRequest, action: HlApproveAgent) -> Outcome:
    """Approve an agent; another one of the same name (also: another without a name) loses its rights, as clients expect."""
    name, marker, until = action.name.partition(_VALID_UNTIL)
    encoded = name.encode()
    if not (until.isascii() and until.isdigit() and len(until) <= len(str(TIME_MS_MAX))) and marker:
        return Rejected(RejectCode.AGENT_NAME_INVALID)
    if (
        len(name) > _NAME_CHARS_MAX
        or len(encoded) > NAME_BYTES
        or "\0" in name
        or (marker and int(until) > TIME_MS_MAX)
    ):
        return Rejected(RejectCode.AGENT_NAME_INVALID)
    head = (account.address, request.nonce, request.expires_after)
    valid_until, padded = TimeMs(int(until) if marker else 0), encoded.ljust(NAME_BYTES, b"\0")
    intent = ApproveAgent(*head, action.agent, valid_until, SCOPE_TRADE | SCOPE_HYPERLIQUID, padded)
    code = agents.check_approve(state, account, intent)
    if code is not None:
        return Rejected(code)
    for former in [signer for signer in account.signers if signer.is_agent and signer.scope & SCOPE_HYPERLIQUID]:
        if former.name == padded and former.address != action.agent:
            agents.revoke(state, account, RevokeAgent(*head, former.address))
    return agents.commit_approve(state, account, intent)
