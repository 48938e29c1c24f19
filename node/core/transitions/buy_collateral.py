"""Buy collateral of an account that owes more than its cap, at the index less a discount: what is sold when the cap is passed.

Anybody may, so that nobody has to be trusted to sell at a good price. The discount is known before and below every haircut, so the owner's
margin gets better with each unit sold. Invariant: no more is sold than brings what is owed to zero.
"""

from node.core.ledger.accounts import account_at
from node.core.ledger.money import credit, settle_interest
from node.core.margin.account import summary
from node.core.margin.collateral import borrow, borrow_room, is_priced, maintenance_collateral, sale_price, units_for
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, State
from proto.events import BalanceReason
from proto.ids import USDC
from proto.intents import BuyCollateral
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import AMOUNT_MAX


def check(state: State, account: Account, intent: BuyCollateral) -> RejectCode | tuple[Account, int, int]:
    """Decide without touching `state`: a refusal, or the owner, the units sold and what is paid for them."""
    if not USDC < intent.asset < len(state.totals):
        return RejectCode.ASSET_UNKNOWN
    if intent.amount == 0:
        return RejectCode.AMOUNT_ZERO
    owner = account_at(state, intent.owner)
    if owner is None:
        return RejectCode.ACCOUNT_UNKNOWN
    if owner is account:
        return RejectCode.DESTINATION_IS_SELF
    if borrow_room(state, owner, maintenance_collateral(state, owner)) >= 0:
        return RejectCode.NOTHING_FOR_SALE
    if not is_priced(state, intent.asset) or state.totals[intent.asset].price == 0:
        return RejectCode.INDEX_STALE
    units = min(intent.amount, owner.balances.get(intent.asset, 0), units_for(state, intent.asset, borrow(state, owner)))
    if units == 0:
        return RejectCode.NOTHING_FOR_SALE
    price = sale_price(state, intent.asset, units)
    if price > min(summary(state, account).free, AMOUNT_MAX):
        return RejectCode.MARGIN_INSUFFICIENT
    return owner, units, price


def transition(state: State, account: Account, intent: BuyCollateral) -> Outcome:
    """Check, then commit."""
    found = check(state, account, intent)
    if isinstance(found, RejectCode):
        return Rejected(found)
    owner, units, price = found
    settle_interest(state, owner)
    credit(state, account, USDC, -price, BalanceReason.COLLATERAL_SALE)
    credit(state, owner, USDC, price, BalanceReason.COLLATERAL_SALE)
    credit(state, owner, intent.asset, -units, BalanceReason.COLLATERAL_SALE)
    credit(state, account, intent.asset, units, BalanceReason.COLLATERAL_SALE)
    state.ops.append((OpKind.COLLATERAL_SOLD, owner.id, account.id, intent.asset, units, price))
    return Applied(tuple(state.events), (ValueResult(units),))
