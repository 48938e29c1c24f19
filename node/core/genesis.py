"""The state before the first input: a function of the parameters alone."""

from node.core.ledger.accounts import open_account
from node.core.ledger.guards import touch_guards
from node.core.liquidation.work import touch_work
from node.core.margin.tiers import table
from node.core.params import MarketParams, Params
from node.core.state import AssetTotals, Index, Market, Outflow, State, Vault, touch_market
from proto.ids import BACKSTOP_ACCOUNT, BACKSTOP_VAULT, USDC, VENUE_ACCOUNTS, VENUE_ADDRESSES
from proto.ledger import Section
from proto.units import MICRO_USD_PER_USD, PPM, MicroPrice


def new_market(params: MarketParams) -> Market:
    """A market as listed: no price, no orders."""
    return Market(params, initial_ppm=table(params, PPM), maintenance=table(params, params.maintenance_ppm))


def empty_state(params: Params) -> State:
    """Markets, indices and totals of a network, without accounts."""
    state = State(params)
    state.guards.outflows = [Outflow() for _ in params.assets]
    state.totals = [AssetTotals() for _ in params.assets]
    state.totals[USDC].price = MicroPrice(MICRO_USD_PER_USD)
    state.markets = {market.id: new_market(market) for market in params.markets}
    state.indices = {index.id: Index(index.id) for index in params.indices}
    return state


def genesis_state(params: Params) -> State:
    """The venue's own accounts and the backstop vault exist; every leaf is marked for the first seal; no operation is recorded."""
    state = empty_state(params)
    opened = [open_account(state, address, None).id for address in VENUE_ADDRESSES]
    assert tuple(opened) == VENUE_ACCOUNTS
    state.vaults[BACKSTOP_VAULT] = Vault(BACKSTOP_VAULT, BACKSTOP_ACCOUNT)
    state.touched[Section.VAULTS][BACKSTOP_VAULT] = None
    for market in state.markets.values():
        touch_market(state, market)
    for number in state.indices:
        state.touched[Section.VENUE_INDICES][number] = None
    touch_work(state)
    touch_guards(state)
    state.ops, state.events = [], []
    return state
