"""Protocol parameters: what genesis fixes and the rules hash pins. Units are in the names.

Invariants:
- Everything here is frozen and enters `Params.digest`; two networks with equal digests have equal rules.
- Relations between limits are asserted when parameters are built, not when they are used.
"""

from dataclasses import astuple, dataclass
from typing import Any, Final

from proto.canonical import pack
from proto.hashing import keccak
from proto.ids import SHARES, USDC, Address, AssetId, IndexId, MarketId
from proto.ledger import rules_hash
from proto.units import AMOUNT_MAX, PPM, PRICE_DECIMALS_MAX, RATE_SCALE, AssetUnits, MicroUsd, Ppm
from proto.version import PROTOCOL_VERSION


class ParamsError(ValueError):
    """The parameters contradict each other; the message names which."""


@dataclass(frozen=True, slots=True)
class AssetParams:
    """A collateral asset: what it counts for in margin is its price times a weight that falls with size (node.core.margin.collateral)."""

    id: AssetId
    symbol: str
    decimals: int  # Of the ledger's unit: USDC 6, ETH 9, BTC 8.
    deposit_cap: AssetUnits  # Σ of deposits ever credited, less withdrawals.
    index: IndexId = IndexId(0)  # Its price; 0 for USDC where nobody reports one: always 1.
    weight_initial_ppm: Ppm = Ppm(PPM)
    weight_maintenance_ppm: Ppm = Ppm(PPM)
    imf_ppm: Ppm = Ppm(0)  # By how much the initial weight falls with the root of the size in whole units.


@dataclass(frozen=True, slots=True)
class IndexParams:
    """An underlying whose price publishers report."""

    id: IndexId
    name: str


@dataclass(frozen=True, slots=True)
class TierParams:
    """Above `lower_notional` the highest leverage is `leverage_max`."""

    lower_notional: MicroUsd
    leverage_max: int


@dataclass(frozen=True, slots=True)
class MarketParams:
    """A perpetual, linear, quoted in USDC."""

    id: MarketId
    name: str
    index: IndexId
    size_decimals: int
    tiers: tuple[TierParams, ...]
    maintenance_ppm: Ppm  # Maintenance requirement as a part of the initial one.
    band_ppm: Ppm  # Order prices within mark ± band; 0 = no band.
    mark_band_ppm: Ppm  # Mark within index ± this.
    minimum_notional: MicroUsd
    open_interest_cap: MicroUsd  # 0 = none.
    impact_notional: MicroUsd
    order_cap: int  # Open orders per account in this market.
    position_cap: MicroUsd = MicroUsd(0)  # Notional of one account's position with its open orders of one side; 0 = none.
    open_interest_lower: MicroUsd = MicroUsd(0)  # From here on initial fractions rise with open interest, ...
    open_interest_upper: MicroUsd = MicroUsd(0)  # ... to 1 here; 0 = they do not.
    liquidity_multiple: int = 0  # A position beyond so many times the depth of the side that would close it ...
    liquidity_ppm: Ppm = Ppm(0)  # ... needs this part of what is beyond more initial margin.


@dataclass(frozen=True, slots=True)
class PublisherParams:
    """A price publisher's key and weight."""

    address: Address
    weight: int


@dataclass(frozen=True, slots=True)
class OracleParams:
    """Guards of the index."""

    quorum: int
    stale_ms: int
    future_ms: int
    deviation_ppm: Ppm
    confidence_ppm: Ppm  # Wider spread: no liquidation.
    cancel_only_ms: int
    halt_ms: int
    jump_ppm: Ppm = Ppm(0)  # A report further than this from a fresh index is refused; 0 = none is.


@dataclass(frozen=True, slots=True)
class FundingParams:
    """Premium sampling and the hourly rate. Rates in 1e-12 of notional."""

    sample_ms: int
    interval_ms: int
    interest_8h: int
    clamp_8h: int
    cap_hourly: int
    ema_ms: int  # Time constant of the mark's basis average.


@dataclass(frozen=True, slots=True)
class BreakerParams:
    """Market statuses that moves of the mark and of the index set off (node.core.price.breaker). All zero: none."""

    fast_ppm: Ppm = Ppm(0)  # A larger move of the mark in `fast_window_ms`: post-only for `post_only_ms`. 0 = never.
    fast_window_ms: int = 0
    post_only_ms: int = 0  # How long post-only lasts, after a fast move and before every reopening.
    deep_ppm: Ppm = Ppm(0)  # A larger move in `deep_window_ms`: cancel-only until the index is calm. 0 = never.
    deep_window_ms: int = 0
    calm_ppm: Ppm = Ppm(0)  # The index is calm once it has stayed this close to one price for `calm_ms`.
    calm_ms: int = 0


@dataclass(frozen=True, slots=True)
class VolatilityParams:
    """Forecast volatility and the fractions it asks for (node.core.price.volatility). `z_ppm` 0: none."""

    z_ppm: int = 0  # Deviations that the fraction covers, 1e-6.
    lambda_ppm: Ppm = Ppm(970_000)  # What one sample keeps of the variance before.
    sample_ms: int = 60_000
    horizon_ms: int = 900_000
    cap_ppm: int = 3_000_000  # At most this times the first tier's fraction.
    rise_ppm: Ppm = Ppm(1_000)  # The maintenance fraction rises by at most this a minute.


@dataclass(frozen=True, slots=True)
class DepthParams:
    """How the depth of a book is measured (node.core.price.depth). `distance_ppm` 0: it is not."""

    distance_ppm: Ppm = Ppm(0)  # Orders this close to the mark count.
    ema_ms: int = 60_000  # Time constant of the average.


@dataclass(frozen=True, slots=True)
class WithdrawalParams:
    """How much of an asset may leave, and when nothing may (node.core.ledger.guards). A period of all zeros has no limit."""

    hour_ppm: Ppm = Ppm(0)  # Per hour at most this part of the asset's escrow, ...
    hour_amount: MicroUsd = MicroUsd(0)  # ... or this amount where it is more.
    day_ppm: Ppm = Ppm(0)
    day_amount: MicroUsd = MicroUsd(0)
    gate_ms: int = 0  # Nothing leaves until no account was seen in deficit for so long. 0 = no gate.


@dataclass(frozen=True, slots=True)
class MarginParams:
    """Borrowing against collateral, and what a USDC below its peg costs."""

    borrow_cap_ppm: Ppm  # Negative cash up to this part of the weighted collateral; above, collateral is sold.
    borrow_rate_ppm: Ppm  # Interest a year.
    depeg_threshold_ppm: Ppm  # USDC below this part of a dollar raises every initial requirement, ...
    depeg_factor_ppm: Ppm  # ... by this times the difference.
    sale_discount_ppm: Ppm  # Below the index, at which collateral is sold.


@dataclass(frozen=True, slots=True)
class FeeTierParams:
    """From this 30-day volume on, these rates."""

    volume: MicroUsd
    taker_ppm: Ppm
    maker_ppm: Ppm  # Below 0: a rebate.


@dataclass(frozen=True, slots=True)
class FeeParams:
    """Fees of a fill as part of its notional; what is taken goes to insurance and treasury."""

    taker_ppm: Ppm
    maker_ppm: Ppm
    insurance_ppm: Ppm  # Share of the fees that the insurance fund gets.
    backstop_ppm: Ppm  # Share of the backstop vault; the treasury gets the rest.
    tiers: tuple[FeeTierParams, ...] = ()  # Rising; below the first one the rates above hold.


@dataclass(frozen=True, slots=True)
class LiquidationParams:
    """The waterfall: slices in the book, takeover, backstop vault and its limits."""

    slice_notional: MicroUsd  # Positions above this are reduced in slices.
    slice_ppm: Ppm
    slice_wait_ms: int
    fee_ppm: Ppm  # At most this part of what a slice trades goes to the insurance fund.
    backstop_ppm: Ppm  # Equity below this part of maintenance: backstop vault and insurance fund close the account out.
    takeover_start_ppm: Ppm = Ppm(980_000)  # Price of a takeover at once, as part of the mark value; ...
    takeover_knee_ppm: Ppm = Ppm(800_000)  # ... after `takeover_knee_ms`; 0 after `takeover_end_ms`.
    takeover_knee_ms: int = 100_000
    takeover_end_ms: int = 14_400_000
    takeover_buffer_ppm: Ppm = Ppm(200_000)  # What is left of a portfolio stands at 1 + this times its requirement.
    vault_account_ppm: Ppm = Ppm(300_000)  # Of the vault's equity: initial margin that it takes on from one account at once.
    vault_delay_ms: int = 30_000  # Between giving shares back and being paid.
    vault_minimum: MicroUsd = MicroUsd(10_000_000)  # Of a deposit.
    unwind_ppm: Ppm = Ppm(2_000)  # Vault and fund reduce in the book within this of the mark, ...
    unwind_wait_ms: int = 10_000  # ... a slice this often.


@dataclass(frozen=True, slots=True)
class LimitParams:
    """Bounds per account and per input."""

    orders_per_account: int
    agents_per_account: int
    sub_accounts: int
    positions_per_account: int
    fills_per_input: int
    cancels_per_input: int
    triggers_per_account: int = 100  # Waiting ones, in all markets.
    twaps_per_account: int = 10


@dataclass(frozen=True, slots=True)
class DialectParams:
    """Who may sign in dialects whose signatures bind no venue."""

    hyperliquid_owners: bool = False
    """Whether owners and all their agents may use the Hyperliquid-compatible dialect, moving funds too: development networks only.
    Otherwise only agents that were approved natively with it in their scope."""


@dataclass(frozen=True, slots=True)
class Params:
    """All protocol parameters of one network."""

    network: str
    chain_id: int
    assets: tuple[AssetParams, ...]
    indices: tuple[IndexParams, ...]
    markets: tuple[MarketParams, ...]
    publishers: tuple[PublisherParams, ...]
    oracle: OracleParams
    funding: FundingParams
    margin: MarginParams
    fees: FeeParams
    liquidation: LiquidationParams
    limits: LimitParams
    dialects: DialectParams = DialectParams()
    breakers: BreakerParams = BreakerParams()
    volatility: VolatilityParams = VolatilityParams()
    depth: DepthParams = DepthParams()
    withdrawals: WithdrawalParams = WithdrawalParams()

    def __post_init__(self) -> None:
        check(self)

    def digest(self) -> bytes:
        """Genesis hash: keccak of the canonical encoding of every parameter."""
        return keccak(pack(astuple(self)))

    def rules_hash(self) -> bytes:
        """What a commitment names: protocol version and parameters."""
        return rules_hash(PROTOCOL_VERSION, self.digest())


_LEVERAGE_MAX: Final = 200
RANGES_MAX: Final = 120
"""Samples that the history of a mark may hold: its leaf is hashed at every seal."""
_ASSET_DECIMALS_MAX: Final = 18


def check(params: Params) -> None:
    """Raise ParamsError where a relation between parameters does not hold."""
    _dense("assets", [asset.id for asset in params.assets], 0)
    _dense("indices", [index.id for index in params.indices], 1)
    _dense("markets", [market.id for market in params.markets], 1)
    index_ids = [index.id for index in params.indices]
    for market in params.markets:
        _check_market(market, index_ids)
    total = sum(publisher.weight for publisher in params.publishers)
    _require(total > 0 and all(p.weight > 0 for p in params.publishers), "publishers: weights must be positive")
    _require(1 <= params.oracle.quorum <= len(params.publishers), "oracle.quorum: between 1 and the publishers")
    addresses = [publisher.address for publisher in params.publishers]
    _require(sorted(distinct(addresses)) == sorted(addresses), "publishers: an address repeats")
    _require(min(params.fees.insurance_ppm, params.fees.backstop_ppm) >= 0, "fees: shares must not be negative")
    _require(params.fees.insurance_ppm + params.fees.backstop_ppm <= PPM, "fees: shares of at most 1,000,000 together")
    _check_fees(params.fees)
    _require(params.limits.orders_per_account >= 50, "limits.orders_per_account: a batch must fit")
    _require(min(astuple(params.limits)) >= 1, "limits: at least 1 each")
    _require(params.oracle.stale_ms > 0 and params.oracle.future_ms >= 0, "oracle: times must not be negative")
    _require(0 < params.oracle.deviation_ppm < PPM and params.oracle.confidence_ppm > 0, "oracle: bands below 100 %")
    funding, liquidation = params.funding, params.liquidation
    _require(min(funding.sample_ms, funding.interval_ms, funding.ema_ms) > 0, "funding: times must be positive")
    _require(0 <= funding.clamp_8h <= RATE_SCALE and 0 <= funding.cap_hourly <= RATE_SCALE, "funding: at most 100 %")
    _require(0 < liquidation.slice_ppm <= PPM and liquidation.slice_wait_ms >= 0, "liquidation: slices of 0 to 100 %")
    _require(0 <= liquidation.fee_ppm <= PPM and 0 <= liquidation.backstop_ppm <= PPM, "liquidation: at most 100 %")
    _require(
        0 <= liquidation.takeover_knee_ppm <= liquidation.takeover_start_ppm <= PPM
        and 0 < liquidation.takeover_knee_ms < liquidation.takeover_end_ms,
        "liquidation: the takeover price falls from its start over its knee to its end",
    )
    _require(0 <= liquidation.takeover_buffer_ppm <= PPM and 0 < liquidation.unwind_ppm < PPM, "liquidation: at most 100 %")
    _require(0 <= liquidation.vault_account_ppm <= PPM and liquidation.vault_minimum > 0, "liquidation: vault limits")
    _require(liquidation.vault_delay_ms >= 0 and liquidation.unwind_wait_ms > 0, "liquidation: times must be positive")
    _require(
        params.oracle.stale_ms < params.oracle.cancel_only_ms < params.oracle.halt_ms,
        "oracle: stale < cancel_only < halt",
    )
    for asset in params.assets:
        _check_asset(asset, index_ids)
    _check_guards(params)
    margin = params.margin
    _require(0 <= margin.borrow_cap_ppm < PPM and 0 <= margin.borrow_rate_ppm <= PPM, "margin: borrowing below 100 %")
    _require(0 <= margin.depeg_threshold_ppm <= PPM, "margin: depeg_threshold_ppm at most 1,000,000")
    _require(0 <= margin.depeg_factor_ppm <= 10 * PPM, "margin: depeg_factor_ppm at most 10,000,000")
    _require(0 <= margin.sale_discount_ppm < PPM, "margin: sale_discount_ppm below 1,000,000")


def _check_guards(params: Params) -> None:
    breakers, volatility, sample_ms = params.breakers, params.volatility, params.funding.sample_ms
    _require(min(astuple(breakers)) >= 0 and params.oracle.jump_ppm >= 0, "breakers, oracle.jump_ppm: must not be negative")
    longest = max(breakers.fast_window_ms, breakers.deep_window_ms)
    _require(longest <= RANGES_MAX * sample_ms, f"breakers: windows of at most {RANGES_MAX} samples")
    _require(not breakers.fast_ppm or breakers.fast_window_ms > 0, "breakers: fast_window_ms above 0")
    _require(not breakers.deep_ppm or min(breakers.deep_window_ms, breakers.calm_ppm, breakers.calm_ms) > 0,
             "breakers: deep_window_ms, calm_ppm and calm_ms above 0")  # fmt: skip
    _require(0 <= volatility.z_ppm <= 10 * PPM and 0 <= volatility.lambda_ppm < PPM, "volatility: z up to 10, lambda below 1")
    _require(min(volatility.sample_ms, volatility.horizon_ms) > 0, "volatility: times must be positive")
    _require(PPM <= volatility.cap_ppm <= 100 * PPM and 0 <= volatility.rise_ppm <= PPM, "volatility: cap 1 to 100, rise to 100 %")
    _require(0 <= params.depth.distance_ppm < PPM and params.depth.ema_ms > 0, "depth: distance below 100 %, ema_ms above 0")
    out = params.withdrawals
    _require(min(astuple(out)) >= 0 and max(out.hour_ppm, out.day_ppm) <= PPM, "withdrawals: 0 to 100 %")


def _check_asset(asset: AssetParams, index_ids: list[IndexId]) -> None:
    name = asset.symbol
    _require(0 < asset.deposit_cap <= AMOUNT_MAX, f"{name}: deposit_cap out of range")
    _require(asset.id < SHARES, f"{name}: ids from {SHARES} on are those of shares")
    _require(0 <= asset.decimals <= _ASSET_DECIMALS_MAX, f"{name}: decimals 0..{_ASSET_DECIMALS_MAX}")
    _require(asset.index in index_ids or (asset.index == 0 and asset.id == USDC), f"{name}: unknown index")
    _require(0 <= asset.weight_initial_ppm <= asset.weight_maintenance_ppm <= PPM, f"{name}: weights must rise to at most 1")
    _require(0 <= asset.imf_ppm <= PPM, f"{name}: imf_ppm at most 1,000,000")


def _check_fees(fees: FeeParams) -> None:
    volumes = [tier.volume for tier in fees.tiers]
    _require(all(low < high for low, high in zip([0, *volumes], volumes, strict=False)), "fees.tiers: volumes must rise from 1")
    taker = min(fees.taker_ppm, *(tier.taker_ppm for tier in fees.tiers), fees.taker_ppm)
    maker = min(fees.maker_ppm, *(tier.maker_ppm for tier in fees.tiers), 0)
    _require(taker + maker >= 0, "fees: a rebate above the lowest taker fee")
    highest = max(tier.taker_ppm for tier in fees.tiers) if fees.tiers else fees.taker_ppm
    _require(highest <= fees.taker_ppm, "fees.tiers: no taker fee above the base")  # Margin of orders counts on the base.


def _check_market(market: MarketParams, index_ids: list[IndexId]) -> None:
    name = market.name
    _require(0 <= market.size_decimals <= PRICE_DECIMALS_MAX, f"{name}: size_decimals 0..6")
    _require(market.index in index_ids, f"{name}: unknown index")
    _require(bool(market.tiers) and market.tiers[0].lower_notional == 0, f"{name}: the first tier starts at 0")
    lowers = [tier.lower_notional for tier in market.tiers]
    _require(lowers == sorted(lowers) and len(lowers) == len(distinct(lowers)), f"{name}: tiers must rise")
    leverages = [tier.leverage_max for tier in market.tiers]
    _require(leverages == sorted(leverages, reverse=True), f"{name}: leverage falls with notional")
    _require(leverages[-1] >= 1 and leverages[0] <= _LEVERAGE_MAX, f"{name}: leverage 1..{_LEVERAGE_MAX}")
    _require(0 < market.maintenance_ppm < PPM, f"{name}: maintenance below initial")
    _require(0 <= market.band_ppm < PPM and 0 < market.mark_band_ppm < PPM, f"{name}: bands below 100 %")
    _require(min(market.minimum_notional, market.open_interest_cap, market.position_cap) >= 0, f"{name}: notionals must not be negative")
    lower, upper = market.open_interest_lower, market.open_interest_upper
    _require(market.liquidity_multiple >= 0 and 0 <= market.liquidity_ppm <= PPM, f"{name}: liquidity_ppm at most 1,000,000")
    _require(0 <= lower < upper or lower == upper == 0, f"{name}: open_interest_lower below open_interest_upper")
    _require(market.impact_notional > 0 and market.order_cap > 0, f"{name}: impact_notional and order_cap above 0")


def distinct(items: list[Any]) -> list[Any]:
    """The distinct items, in the order they came."""
    return list(dict.fromkeys(items))


def _dense(name: str, ids: list[Any], first: int) -> None:
    _require(ids == list(range(first, first + len(ids))) and bool(ids), f"{name}: ids must be dense from {first}")


def _require(holds: bool, message: str) -> None:  # noqa: FBT001 - a predicate, not a switch
    if not holds:
        raise ParamsError(message)
