"""Genesis files: protocol parameters from TOML, in people's units, to `Params`.

Invariant: every key is read and none is ignored; the genesis hash covers all of them.
"""

from pathlib import Path

from node.config.reading import ConfigError, Table, read_toml
from node.core.params import (
    AssetParams,
    BreakerParams,
    DepthParams,
    DialectParams,
    FeeParams,
    FeeTierParams,
    FundingParams,
    IndexParams,
    LimitParams,
    LiquidationParams,
    MarginParams,
    MarketParams,
    OracleParams,
    Params,
    ParamsError,
    PublisherParams,
    TierParams,
    VolatilityParams,
    WithdrawalParams,
)
from proto.ids import Address, AssetId, IndexId, MarketId
from proto.units import MICRO_USD_PER_USD, PPM, RATE_SCALE, AssetUnits, MicroUsd, Ppm

GENESIS_DIRECTORY = Path(__file__).parents[2] / "config" / "genesis"


def load_genesis(path: Path) -> Params:
    """The parameters in a genesis file. Raises ConfigError naming the key."""
    table = Table(read_toml(path), path.name)
    try:
        params = Params(
            network=table.text("network"),
            chain_id=table.integer("chain_id", least=1),
            assets=tuple(_asset(row) for row in table.tables("assets")),
            indices=tuple(_index(row) for row in table.tables("indices")),
            markets=tuple(_market(row) for row in table.tables("markets")),
            publishers=tuple(_publisher(row) for row in table.tables("publishers")),
            oracle=_oracle(table.table("oracle")),
            funding=_funding(table.table("funding")),
            margin=_margin(table.table("margin")),
            fees=_fees(table.table("fees")),
            liquidation=_liquidation(table.table("liquidation")),
            limits=_limits(table.table("limits")),
            breakers=_breakers(table.table("breakers", optional=True)),
            volatility=_volatility(table.table("volatility", optional=True)),
            depth=_depth(table.table("depth", optional=True)),
            withdrawals=_withdrawals(table.table("withdrawals", optional=True)),
            dialects=_dialects(table.table("dialects", optional=True)),
        )
    except ParamsError as error:
        raise ConfigError(f"{path.name}: {error}") from None
    table.done()
    return params


def find_genesis(name: str) -> Path:
    """A genesis file by path, or by the name of a network that ships with the node."""
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return path
    shipped = GENESIS_DIRECTORY / f"{name}.toml"
    if not shipped.exists():
        known = ", ".join(sorted(file.stem for file in GENESIS_DIRECTORY.glob("*.toml")))
        raise ConfigError(f"genesis {name}: neither a file nor a network ({known})")
    return shipped


def _usd(table: Table, key: str) -> MicroUsd:
    return MicroUsd(table.integer(key) * MICRO_USD_PER_USD)


def _ppm(table: Table, key: str) -> Ppm:
    return Ppm(table.integer(key))


def _rate(table: Table, key: str) -> int:
    return table.integer(key) * (RATE_SCALE // PPM)


def _asset(row: Table) -> AssetParams:
    decimals = row.integer("decimals")
    cap = int(row.text("deposit_cap")) * 10**decimals
    asset = AssetParams(
        id=AssetId(row.integer("id")),
        symbol=row.text("symbol"),
        decimals=decimals,
        deposit_cap=AssetUnits(cap),
        index=IndexId(row.integer("index")),
        weight_initial_ppm=_ppm(row, "weight_initial_ppm"),
        weight_maintenance_ppm=_ppm(row, "weight_maintenance_ppm"),
        imf_ppm=_ppm(row, "imf_ppm"),
    )
    row.done()
    return asset


def _index(row: Table) -> IndexParams:
    index = IndexParams(IndexId(row.integer("id")), row.text("name"))
    row.done()
    return index


def _tier(row: Table) -> TierParams:
    tier = TierParams(_usd(row, "lower_notional"), row.integer("leverage_max", least=1))
    row.done()
    return tier


def _market(row: Table) -> MarketParams:
    market = MarketParams(
        id=MarketId(row.integer("id")),
        name=row.text("name"),
        index=IndexId(row.integer("index")),
        size_decimals=row.integer("size_decimals"),
        tiers=tuple(_tier(tier) for tier in row.tables("tiers")),
        maintenance_ppm=_ppm(row, "maintenance_ppm"),
        band_ppm=_ppm(row, "band_ppm"),
        mark_band_ppm=_ppm(row, "mark_band_ppm"),
        minimum_notional=_usd(row, "minimum_notional"),
        open_interest_cap=_usd(row, "open_interest_cap"),
        impact_notional=_usd(row, "impact_notional"),
        order_cap=row.integer("order_cap", least=1),
        position_cap=MicroUsd(row.integer("position_cap", 0) * MICRO_USD_PER_USD),
        open_interest_lower=_usd(row, "open_interest_lower"),
        open_interest_upper=_usd(row, "open_interest_upper"),
        liquidity_multiple=row.integer("liquidity_multiple"),
        liquidity_ppm=_ppm(row, "liquidity_ppm"),
    )
    row.done()
    return market


def _publisher(row: Table) -> PublisherParams:
    publisher = PublisherParams(Address(row.address("address")), row.integer("weight", least=1))
    row.done()
    return publisher


def _oracle(table: Table) -> OracleParams:
    oracle = OracleParams(
        quorum=table.integer("quorum", least=1),
        stale_ms=table.integer("stale_ms", least=1),
        future_ms=table.integer("future_ms"),
        deviation_ppm=_ppm(table, "deviation_ppm"),
        confidence_ppm=_ppm(table, "confidence_ppm"),
        cancel_only_ms=table.integer("cancel_only_ms", least=1),
        halt_ms=table.integer("halt_ms", least=1),
        jump_ppm=Ppm(table.integer("jump_ppm", 0)),
    )
    table.done()
    return oracle


def _funding(table: Table) -> FundingParams:
    funding = FundingParams(
        sample_ms=table.integer("sample_ms", least=1),
        interval_ms=table.integer("interval_ms", least=1),
        interest_8h=_rate(table, "interest_8h_ppm"),
        clamp_8h=_rate(table, "clamp_8h_ppm"),
        cap_hourly=_rate(table, "cap_hourly_ppm"),
        ema_ms=table.integer("ema_ms", least=1),
    )
    table.done()
    return funding


def _fee_tier(row: Table) -> FeeTierParams:
    tier = FeeTierParams(_usd(row, "volume"), _ppm(row, "taker_ppm"), Ppm(row.integer("maker_ppm", least=-PPM)))
    row.done()
    return tier


def _fees(table: Table) -> FeeParams:
    fees = FeeParams(
        taker_ppm=_ppm(table, "taker_ppm"),
        maker_ppm=Ppm(table.integer("maker_ppm", least=-PPM)),
        insurance_ppm=_ppm(table, "insurance_ppm"),
        backstop_ppm=_ppm(table, "backstop_ppm"),
        tiers=tuple(_fee_tier(row) for row in table.tables("tiers")),
    )
    table.done()
    return fees


def _margin(table: Table) -> MarginParams:
    margin = MarginParams(
        borrow_cap_ppm=_ppm(table, "borrow_cap_ppm"),
        borrow_rate_ppm=_ppm(table, "borrow_rate_ppm"),
        depeg_threshold_ppm=_ppm(table, "depeg_threshold_ppm"),
        depeg_factor_ppm=_ppm(table, "depeg_factor_ppm"),
        sale_discount_ppm=_ppm(table, "sale_discount_ppm"),
    )
    table.done()
    return margin


def _liquidation(table: Table) -> LiquidationParams:
    liquidation = LiquidationParams(
        slice_notional=_usd(table, "slice_notional"),
        slice_ppm=_ppm(table, "slice_ppm"),
        slice_wait_ms=table.integer("slice_wait_ms"),
        fee_ppm=_ppm(table, "fee_ppm"),
        backstop_ppm=_ppm(table, "backstop_ppm"),
        takeover_start_ppm=_ppm(table, "takeover_start_ppm"),
        takeover_knee_ppm=_ppm(table, "takeover_knee_ppm"),
        takeover_knee_ms=table.integer("takeover_knee_ms", least=1),
        takeover_end_ms=table.integer("takeover_end_ms", least=1),
        takeover_buffer_ppm=_ppm(table, "takeover_buffer_ppm"),
        vault_account_ppm=_ppm(table, "vault_account_ppm"),
        vault_delay_ms=table.integer("vault_delay_ms"),
        vault_minimum=_usd(table, "vault_minimum"),
        unwind_ppm=_ppm(table, "unwind_ppm"),
        unwind_wait_ms=table.integer("unwind_wait_ms", least=1),
    )
    table.done()
    return liquidation


def _limits(table: Table) -> LimitParams:
    limits = LimitParams(
        orders_per_account=table.integer("orders_per_account"),
        agents_per_account=table.integer("agents_per_account"),
        sub_accounts=table.integer("sub_accounts"),
        positions_per_account=table.integer("positions_per_account", least=1),
        fills_per_input=table.integer("fills_per_input", least=1),
        cancels_per_input=table.integer("cancels_per_input", least=1),
        triggers_per_account=table.integer("triggers_per_account", least=1),
        twaps_per_account=table.integer("twaps_per_account", least=1),
    )
    table.done()
    return limits


def _breakers(table: Table) -> BreakerParams:
    """All keys are optional: what is missing trips nothing."""
    breakers = BreakerParams(
        fast_ppm=Ppm(table.integer("fast_ppm", 0)),
        fast_window_ms=table.integer("fast_window_ms", 0),
        post_only_ms=table.integer("post_only_ms", 0),
        deep_ppm=Ppm(table.integer("deep_ppm", 0)),
        deep_window_ms=table.integer("deep_window_ms", 0),
        calm_ppm=Ppm(table.integer("calm_ppm", 0)),
        calm_ms=table.integer("calm_ms", 0),
    )
    table.done()
    return breakers


def _volatility(table: Table) -> VolatilityParams:
    usual = VolatilityParams()
    volatility = VolatilityParams(
        z_ppm=table.integer("z_ppm", usual.z_ppm),
        lambda_ppm=Ppm(table.integer("lambda_ppm", usual.lambda_ppm)),
        sample_ms=table.integer("sample_ms", usual.sample_ms),
        horizon_ms=table.integer("horizon_ms", usual.horizon_ms),
        cap_ppm=table.integer("cap_ppm", usual.cap_ppm),
        rise_ppm=Ppm(table.integer("rise_ppm", usual.rise_ppm)),
    )
    table.done()
    return volatility


def _depth(table: Table) -> DepthParams:
    depth = DepthParams(Ppm(table.integer("distance_ppm", 0)), table.integer("ema_ms", DepthParams().ema_ms))
    table.done()
    return depth


def _withdrawals(table: Table) -> WithdrawalParams:
    withdrawals = WithdrawalParams(
        hour_ppm=Ppm(table.integer("hour_ppm", 0)),
        hour_amount=MicroUsd(table.integer("hour_amount", 0) * MICRO_USD_PER_USD),
        day_ppm=Ppm(table.integer("day_ppm", 0)),
        day_amount=MicroUsd(table.integer("day_amount", 0) * MICRO_USD_PER_USD),
        gate_ms=table.integer("gate_ms", 0),
    )
    table.done()
    return withdrawals


def _dialects(table: Table) -> DialectParams:
    dialects = DialectParams(table.flag("hyperliquid_owners", default=False))
    table.done()
    return dialects
