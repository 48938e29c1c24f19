"""Typed actions of the Hyperliquid-compatible dialect, as clients sign them.

Prices, sizes and amounts stay normal decimal texts here: what they are in lots and price units depends on the market, which the core
knows (node.core.hl). Invariant: a value of these classes has exactly one canonical encoding (proto.hl.wire).
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from proto.ids import Address
from proto.units import TimeMs


@unique
class HlTif(StrEnum):
    """Times in force; the last is how a web page marks its market orders, and means the same as the second."""

    GTC = "Gtc"
    IOC = "Ioc"
    ALO = "Alo"
    FRONTEND_MARKET = "FrontendMarket"


@unique
class HlGrouping(StrEnum):
    """What the orders of a placement are to each other."""

    NONE = "na"
    CHILDREN = "normalTpsl"
    POSITION = "positionTpsl"


@dataclass(frozen=True, slots=True)
class HlTrigger:
    """What makes an order wait: for the mark, as a take-profit or a stop; it then is a market order or a limit order."""

    is_market: bool
    price: str
    take_profit: bool


@dataclass(frozen=True, slots=True)
class HlOrder:
    """One order. `cloid` 0 = none. Of one that waits, `tif` is GTC and means nothing."""

    asset: int
    is_buy: bool
    price: str
    size: str
    reduce_only: bool
    tif: HlTif
    cloid: int
    trigger: HlTrigger | None = None


@dataclass(frozen=True, slots=True)
class HlBuilder:
    """A builder code: signed over, and without effect here."""

    address: Address
    fee: int


@dataclass(frozen=True, slots=True)
class HlPlace:
    """`order`."""

    orders: tuple[HlOrder, ...]
    builder: HlBuilder | None
    grouping: HlGrouping = HlGrouping.NONE


@dataclass(frozen=True, slots=True)
class HlCancel:
    """`cancel`: pairs of asset and order id."""

    cancels: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class HlCancelByCloid:
    """`cancelByCloid`: pairs of asset and client id."""

    cancels: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class HlTarget:
    """The order a modification names: by id, or by client id where `oid` is 0."""

    oid: int
    cloid: int


@dataclass(frozen=True, slots=True)
class HlModify:
    """`modify` (one, `batch` False) or `batchModify`."""

    modifies: tuple[tuple[HlTarget, HlOrder], ...]
    batch: bool


@dataclass(frozen=True, slots=True)
class HlUpdateLeverage:
    """`updateLeverage`."""

    asset: int
    is_cross: bool
    leverage: int


@dataclass(frozen=True, slots=True)
class HlSubAccountTransfer:
    """`subAccountTransfer`: `usd` in micro-USDC, to the sub-account where `is_deposit`."""

    sub_account: Address
    is_deposit: bool
    usd: int


@dataclass(frozen=True, slots=True)
class HlCreateSubAccount:
    """`createSubAccount`: the next one, with a name."""

    name: str


@dataclass(frozen=True, slots=True)
class HlSubAccountModify:
    """`subAccountModify`: another name."""

    sub_account: Address
    name: str


@dataclass(frozen=True, slots=True)
class HlSubAccountSpotTransfer:
    """`subAccountSpotTransfer`: `token` is `SYMBOL:0x…`, to the sub-account where `is_deposit`."""

    sub_account: Address
    is_deposit: bool
    token: str
    amount: str


@dataclass(frozen=True, slots=True)
class HlRegisterReferrer:
    """`registerReferrer`: accepted, without effect."""

    code: str


@dataclass(frozen=True, slots=True)
class HlReserveWeight:
    """`reserveRequestWeight`: accepted, without effect; the budget here is earned by trading."""

    weight: int


@dataclass(frozen=True, slots=True)
class HlSetReferrer:
    """`setReferrer`: accepted, without effect."""

    code: str


@dataclass(frozen=True, slots=True)
class HlTwapOrder:
    """`twapOrder`: `randomize` is signed over, and without effect: slices are the same for whoever executes the batch again."""

    asset: int
    is_buy: bool
    size: str
    reduce_only: bool
    minutes: int
    randomize: bool


@dataclass(frozen=True, slots=True)
class HlTwapCancel:
    """`twapCancel`."""

    asset: int
    twap_id: int


@dataclass(frozen=True, slots=True)
class HlScheduleCancel:
    """`scheduleCancel`; without a time it clears the one there is."""

    time: TimeMs | None


@dataclass(frozen=True, slots=True)
class HlNoop:
    """`noop`: uses its nonce, so that what else was signed with it is void."""


HlAction = (
    HlPlace
    | HlCancel
    | HlCancelByCloid
    | HlModify
    | HlTwapOrder
    | HlTwapCancel
    | HlScheduleCancel
    | HlUpdateLeverage
    | HlSubAccountTransfer
    | HlCreateSubAccount
    | HlSubAccountModify
    | HlSubAccountSpotTransfer
    | HlRegisterReferrer
    | HlReserveWeight
    | HlSetReferrer
    | HlNoop
)


@dataclass(frozen=True, slots=True)
class HlUsdSend:
    """`usdSend`. `destination` is hashed as text, exactly as it came."""

    destination: str
    amount: str


@dataclass(frozen=True, slots=True)
class HlWithdraw:
    """`withdraw3`."""

    destination: str
    amount: str


@dataclass(frozen=True, slots=True)
class HlApproveAgent:
    """`approveAgent`. An empty name is the unnamed agent; a name may end in ` valid_until <ms>`."""

    agent: Address
    name: str


@dataclass(frozen=True, slots=True)
class HlApproveBuilderFee:
    """`approveBuilderFee`: accepted, without effect; the fee is always 0."""

    max_fee_rate: str
    builder: Address


@dataclass(frozen=True, slots=True)
class HlUsdClassTransfer:
    """`usdClassTransfer`: accepted, without effect; there is one class of USDC here."""

    amount: str
    to_perp: bool


@dataclass(frozen=True, slots=True)
class HlSpotSend:
    """`spotSend`. All texts are hashed as they came."""

    destination: str
    token: str
    amount: str


@dataclass(frozen=True, slots=True)
class HlSendAsset:
    """`sendAsset`. All texts are hashed as they came."""

    destination: str
    source_dex: str
    destination_dex: str
    token: str
    amount: str
    from_sub_account: str


HlUserAction = (
    HlUsdSend | HlWithdraw | HlApproveAgent | HlApproveBuilderFee | HlUsdClassTransfer | HlSpotSend | HlSendAsset
)


@dataclass(frozen=True, slots=True)
class HlL1Request:
    """An action signed as an agent message over its hash, with what the hash covers beside it."""

    action: HlAction
    nonce: int
    vault: Address | None
    expires_after: TimeMs  # 0 = none was signed.


@dataclass(frozen=True, slots=True)
class HlUserRequest:
    """An action signed as typed data of its own; `chain_id` is the signature's, and means nothing else."""

    action: HlUserAction
    nonce: int
    chain_id: int

    @property
    def expires_after(self) -> TimeMs:
        """User-signed actions do not expire; the nonce's window bounds them."""
        return TimeMs(0)


HlRequest = HlL1Request | HlUserRequest
