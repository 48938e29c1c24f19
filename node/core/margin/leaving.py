"""Whether money may leave an account: what stays must carry its initial requirement, and what it owes."""

from node.core.margin.account import initial_equity, initial_of, summary
from node.core.margin.collateral import borrow_room, initial_collateral, initial_worth, is_priced, unpriced_collateral
from node.core.price.ladder import is_any_stale
from node.core.state import Account, State
from proto.ids import SHARES, USDC, AssetId
from proto.reject import RejectCode


def refusal_of_leaving(
    state: State, account: Account, asset: AssetId, amount: int, too_much: RejectCode
) -> RejectCode | None:
    """`too_much` where margin needs the money, INDEX_STALE where what would carry the rest has no fresh price; None: it may go.

    The balance covers `amount`. An account without positions, orders and debts may take all it has, whatever the prices.
    """
    if asset >= SHARES or not (account.positions or account.cash < 0):
        return None
    if is_any_stale(state, account):
        too_much = RejectCode.INDEX_STALE  # Then margin is not what is missing.
    if asset == USDC:
        if summary(state, account).free < amount:
            return too_much
        left = initial_equity(state, account) - amount - initial_of(state, account)
        return RejectCode.INDEX_STALE if account.balances and left < unpriced_collateral(state, account) else None
    held = account.balances[asset]
    lost = initial_worth(state, asset, held) - initial_worth(state, asset, held - amount)
    left = initial_equity(state, account) - lost - initial_of(state, account)
    collateral = initial_collateral(state, account) - lost
    if left < 0 or (account.cash < 0 and borrow_room(state, account, collateral) < 0):
        return too_much
    unpriced = unpriced_collateral(state, account) - (0 if is_priced(state, asset) else lost)
    return RejectCode.INDEX_STALE if left < unpriced else None
