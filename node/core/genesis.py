"""The state before the first input: a function of the parameters alone."""

from node.core.ledger.accounts import open_account
from node.core.liquidation.work import touch_work
from node.core.margin.tiers import table
from node.core.params import MarketParams, Params
from node.core.state import AssetTotals, Index, Market, State, touch_market
from proto.ids import INSURANCE_ACCOUNT, INSURANCE_ADDRESS, TREASURY_ACCOUNT, TREASURY_ADDRESS
from proto.ledger import Section
from proto.units import PPM


def new_market(params: MarketParams) -> Market:
    """A market as listed: no price, no orders."""
    return Market(params, initial_ppm=table(params, PPM), maintenance=table(params, params.maintenance_ppm))


def empty_state(params: Params) -> State:
    """Markets, indices and totals of a network, without accounts."""
    state = State(params)
    state.totals = [AssetTotals() for _ in params.assets]
    state.markets = {market.id: new_market(market) for market in params.markets}
    state.indices = {index.id: Index(index.id) for index in params.indices}
    return state


def genesis_state(params: Params) -> State:
    """The venue's own two accounts exist; every leaf is marked for the first seal; no operation is recorded."""
    state = empty_state(params)
    insurance = open_account(state, INSURANCE_ADDRESS, None)
    treasury = open_account(state, TREASURY_ADDRESS, None)
    assert (insurance.id, treasury.id) == (INSURANCE_ACCOUNT, TREASURY_ACCOUNT)
    for market in state.markets.values():
        touch_market(state, market)
    for number in state.indices:
        state.touched[Section.VENUE_INDICES][number] = None
    touch_work(state)
    state.ops, state.events = [], []
    return state
