"""What deposits other than USDC count for, and what negative cash costs.

* An asset counts price x amount x weight. The initial weight falls with size: w_eff = min(w, 1.1 / (1 + imf x sqrt(size))), size in whole
  units (Drift, asset weights); the maintenance weight has no size term. Values round down, against the account.
* Negative cash is a borrow against that. It pays interest through the additive `borrow_index` to the insurance fund, and new risk is
  refused, and collateral may be bought by anyone, while it is above `borrow_cap_ppm` of the weighted collateral.
* Prices are the last valid ones of the assets' indices. What is priced by an index that is not fresh carries no new risk.
"""

from node.core.ledger.money import interest_due
from node.core.num import FIXED, div_ceil, div_floor, sqrt_ceil
from node.core.params import AssetParams
from node.core.price.status import is_fresh
from node.core.state import Account, State
from proto.events import IndexStatus
from proto.ids import SHARES, AssetId
from proto.units import PPM, MicroUsd

_SIZE_TOP_PPM = 1_100_000  # 1.1
_LIABILITY_PART_PPM = 800_000  # 0.8


def _root(units: int, decimals: int) -> int:
    """Square root of a size in whole units, in 1e-12, rounded up."""
    return sqrt_ceil(div_ceil(units * FIXED, 10**decimals), FIXED)


def asset_weight_ppm(weight_ppm: int, imf_ppm: int, units: int, decimals: int) -> int:
    """min(w, 1.1 / (1 + imf x sqrt(size))), rounded down."""
    if imf_ppm == 0 or units == 0:
        return weight_ppm
    by_size = div_floor(_SIZE_TOP_PPM * PPM * FIXED, PPM * FIXED + imf_ppm * _root(units, decimals))
    return min(weight_ppm, by_size)


def liability_weight_ppm(weight_ppm: int, imf_ppm: int, units: int, decimals: int) -> int:
    """max(w, 0.8 w + imf x sqrt(size)), rounded up. Nothing but USDC, of weight 1 without a size term, can be owed today."""
    by_size = div_ceil(_LIABILITY_PART_PPM * weight_ppm, PPM) + div_ceil(imf_ppm * _root(units, decimals), FIXED)
    return max(weight_ppm, by_size)


def worth(state: State, asset: AssetParams, units: int, weight_ppm: int) -> int:
    """Micro-USDC that `units` of an asset count for at a weight, rounded down."""
    return div_floor(units * state.totals[asset.id].price * weight_ppm, 10**asset.decimals * PPM)


def is_priced(state: State, asset: AssetId) -> bool:
    """Whether an asset's index is fresh and certain."""
    params = state.params.assets[asset]
    if not params.index:
        return True
    index = state.indices[params.index]
    return is_fresh(state, index) and index.status == IndexStatus.FRESH


def held_assets(account: Account) -> list[AssetId]:
    """Assets that count as collateral; shares of vaults do not."""
    return [asset for asset in account.balances if asset < SHARES]


def _maintenance_worth(state: State, account: Account, asset: AssetId) -> int:
    params = state.params.assets[asset]
    return worth(state, params, account.balances[asset], params.weight_maintenance_ppm)


def maintenance_collateral(state: State, account: Account) -> int:
    """Weighted value of all collateral for maintenance, micro-USDC."""
    return sum(_maintenance_worth(state, account, asset) for asset in held_assets(account))


def unpriced_worth(state: State, account: Account) -> int:
    """The part of `maintenance_collateral` that rests on prices which are not fresh and certain now."""
    held = held_assets(account)
    return sum(_maintenance_worth(state, account, asset) for asset in held if not is_priced(state, asset))


def initial_worth(state: State, asset: AssetId, units: int) -> int:
    """Weighted value of one asset for new risk, micro-USDC."""
    params = state.params.assets[asset]
    weight = asset_weight_ppm(params.weight_initial_ppm, params.imf_ppm, units, params.decimals)
    return worth(state, params, units, weight)


def initial_collateral(state: State, account: Account) -> int:
    """Weighted value of all collateral for new risk, micro-USDC."""
    return sum(initial_worth(state, asset, account.balances[asset]) for asset in held_assets(account))


def unpriced_collateral(state: State, account: Account) -> int:
    """The part of `initial_collateral` that rests on prices which are not fresh now."""
    held = held_assets(account)
    return sum(initial_worth(state, asset, account.balances[asset]) for asset in held if not is_priced(state, asset))


def borrow(state: State, account: Account) -> int:
    """What the account owes with the interest that has not been paid yet, micro-USDC; 0 where cash is not negative."""
    return interest_due(state, account) - account.cash if account.cash < 0 else 0


def borrow_room(state: State, account: Account, collateral: int) -> int:
    """How much more cash the account may owe against `collateral` micro-USDC, weighted; negative: over the cap."""
    return div_floor(collateral * state.params.margin.borrow_cap_ppm, PPM) - borrow(state, account)


def sale_price(state: State, asset: AssetId, units: int) -> MicroUsd:
    """What a buyer pays for `units` of somebody's collateral: the index less the discount, rounded up."""
    params = state.params.assets[asset]
    part = PPM - state.params.margin.sale_discount_ppm
    return MicroUsd(div_ceil(units * state.totals[asset].price * part, 10**params.decimals * PPM))


def units_for(state: State, asset: AssetId, amount: int) -> int:
    """The least units whose sale brings `amount` micro-USDC (> 0); the price must be known."""
    params = state.params.assets[asset]
    each = state.totals[asset].price * (PPM - state.params.margin.sale_discount_ppm)
    return div_ceil(amount * 10**params.decimals * PPM, each)
