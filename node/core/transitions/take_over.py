"""Step 3 of the waterfall: anybody takes a share of a portfolio in liquidation, at a price that falls with time.

It is open from the moment at which the portfolio enters liquidation until it is healthy or closed out. Positions come at the mark, whole
lots rounded up, and the account pays the bidder the part (1 - price) of the share's value; the bidder must meet initial margin afterwards.
"""

from typing import NamedTuple

from node.core.ledger.accounts import account_at
from node.core.ledger.handover import hand_over
from node.core.liquidation import work
from node.core.liquidation.auction import SHARE_SCALE, bid_for, largest_share, price_after, reward_for
from node.core.liquidation.estate import Estate, estate_of, pay
from node.core.margin.afterwards import Arrival, summary_after
from node.core.num import div_ceil
from node.core.outcome import Applied, Outcome, Rejected, ValueResult
from node.core.state import Account, LiquidateWork, State
from proto.events import BalanceReason
from proto.ids import AccountId
from proto.intents import TakeOver
from proto.ops import OpKind
from proto.reject import RejectCode
from proto.units import POSITION_LOTS_MAX, MicroUsd, Ppm
from proto.waterfall_events import TakeoverMade


class Plan(NamedTuple):
    """What a takeover will do."""

    item: LiquidateWork
    estate: Estate
    price_ppm: int
    arrivals: list[Arrival]
    bid: MicroUsd
    reward: MicroUsd


def check(state: State, bidder: Account, intent: TakeOver) -> RejectCode | Plan:
    """Decide without touching `state`."""
    account = account_at(state, intent.liquidated)
    if account is None:
        return RejectCode.ACCOUNT_UNKNOWN
    if intent.market and intent.market not in state.markets:
        return RejectCode.MARKET_UNKNOWN
    if intent.share == 0:
        return RejectCode.AMOUNT_ZERO
    if _family(account) == _family(bidder):
        return RejectCode.TAKEOVER_OF_ONESELF
    item = state.liquidating.get((account.id, intent.market))
    if item is None:
        return RejectCode.TAKEOVER_NOT_OFFERED
    estate = estate_of(state, account, intent.market)
    if len(estate.fit) < len(estate.held):
        return RejectCode.TAKEOVER_PRICE_UNFIT
    if not estate.held or estate.is_healthy():
        return RejectCode.TAKEOVER_NOT_OFFERED
    if estate.equity <= 0:
        return RejectCode.TAKEOVER_BANKRUPT
    return _terms(state, bidder, intent, item, estate)


def _family(account: Account) -> AccountId:
    """The master of a sub-account, or the account itself."""
    return account.master or account.id


def _terms(state: State, bidder: Account, intent: TakeOver, item: LiquidateWork, estate: Estate) -> RejectCode | Plan:
    """Price, share and the bidder's margin."""
    rules = state.params.liquidation
    price = price_after(state.time - item.since, rules)
    if price > intent.worst_price:
        return RejectCode.TAKEOVER_PRICE_ABOVE_LIMIT
    reserved = min(item.reserved, estate.equity)
    surplus = estate.equity - estate.maintenance
    if intent.share > largest_share(estate.equity, surplus, reserved, price, rules.takeover_buffer_ppm):
        return RejectCode.TAKEOVER_SHARE_TOO_LARGE
    arrivals = []
    for position in estate.held:
        lots = div_ceil(abs(position.size) * intent.share, SHARE_SCALE)
        signed = lots if position.size > 0 else -lots
        arrivals.append(Arrival(position.market, signed, signed * state.markets[position.market].mark))
    code = _room(state, bidder, arrivals)
    if code is not None:
        return code
    reward = reward_for(estate.equity, reserved, price, intent.share)
    after = summary_after(state, bidder, arrivals, reward)
    if after.surplus < 0:
        return RejectCode.MARGIN_INSUFFICIENT
    return Plan(item, estate, price, arrivals, bid_for(estate.equity, reserved, price, intent.share), reward)


def _room(state: State, bidder: Account, arrivals: list[Arrival]) -> RejectCode | None:
    """Whether the positions can come to the bidder's cross portfolio."""
    new = 0
    for market, lots, _ in arrivals:
        mine = bidder.positions.get(market)
        setting = bidder.settings.get(market)
        if mine.isolated if mine is not None else setting is not None and setting.isolated:
            return RejectCode.TAKEOVER_ISOLATED_HERE
        size = mine.size if mine is not None else 0
        open_lots = max(mine.buy_lots, mine.sell_lots) if mine is not None else 0
        if abs(size + lots) + open_lots > POSITION_LOTS_MAX:
            return RejectCode.POSITION_LIMIT
        new += mine is None
    if len(bidder.positions) + new > state.params.limits.positions_per_account:
        return RejectCode.POSITION_LIMIT
    return None


def transition(state: State, bidder: Account, intent: TakeOver) -> Outcome:
    """Check, then commit. The result is the reward in micro-USDC."""
    plan = check(state, bidder, intent)
    if isinstance(plan, RejectCode):
        return Rejected(plan)
    item, estate = plan.item, plan.estate
    state.ops.append(
        (OpKind.TAKEN_OVER, estate.account.id, estate.market, bidder.id, intent.share, plan.price_ppm, plan.bid)
    )
    for market, lots, quote in plan.arrivals:
        hand_over(state, estate.account, bidder, state.markets[market], lots, quote)
    pay(state, estate, bidder.id, plan.reward, BalanceReason.TAKEOVER_REWARD)
    item.reserved = MicroUsd(item.reserved + plan.bid)
    work.touch_item(state, item)
    work.hasten(state, item)
    state.events.append(
        TakeoverMade(
            estate.account.id, estate.market, bidder.id, intent.share, Ppm(plan.price_ppm), plan.bid, plan.reward
        )
    )
    return Applied(tuple(state.events), (ValueResult(plan.reward),))
