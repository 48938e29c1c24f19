"""Markets and accounts as the dialect shows them. Pure functions of the state."""

from datetime import date, timedelta
from typing import Any, Final

from node.core.funding.rate import hourly_rate
from node.core.ledger import volume
from node.core.ledger.positions import funding_due
from node.core.margin.account import market_initial, summary
from node.core.margin.liquidation_price import liquidation_price
from node.core.num import div_floor, div_trunc
from node.core.params import MarketParams
from node.core.state import Account, Market, State
from node.gateway.hl import fmt
from node.gateway.hl.coins import Coins
from node.gateway.hl.rows import level_object
from node.views.book import BookView, LevelRow
from node.views.fundings import FundingSumsView
from node.views.rows import CandleRow
from proto.ids import SHARES, USDC, VaultId
from proto.units import PRICE_DECIMALS_MAX, RATE_SCALE

_TABLE: Final = 1_000  # Margin table ids are this plus the market's id: small numbers mean plain leverages elsewhere.
_PPM_ROE: Final = 6
_RATES: Final = ("cross", "add", "spotCross", "spotAdd")
DAY_S: Final = 86_400


def meta(coins: Coins) -> dict[str, Any]:
    """Universe in the order of asset ids, and the margin tiers."""
    universe = [
        {
            "name": coins.name(market.id), "szDecimals": market.size_decimals,
            "maxLeverage": market.tiers[0].leverage_max, "marginTableId": _TABLE + market.id,
        }
        for market in coins.markets
    ]  # fmt: skip
    tables = [[_TABLE + market.id, _margin_table(market)] for market in coins.markets]
    return {"universe": universe, "marginTables": tables, "collateralToken": 0}


def margin_table(coins: Coins, number: int) -> dict[str, Any] | None:
    """A margin table by its id, or None."""
    return next((_margin_table(market) for market in coins.markets if _TABLE + market.id == number), None)


def _margin_table(market: MarketParams) -> dict[str, Any]:
    tiers = [{"lowerBound": fmt.usd(tier.lower_notional), "maxLeverage": tier.leverage_max} for tier in market.tiers]
    return {"description": f"{market.name} tiers", "marginTiers": tiers}


def spot_meta(state: State) -> dict[str, Any]:
    """The assets of the ledger. No pair of them is traded."""
    tokens = [
        {
            "name": asset.symbol, "szDecimals": 2 if asset.id == USDC else 4, "weiDecimals": asset.decimals, "index": asset.id,
            "tokenId": f"0x{asset.id:032x}", "isCanonical": True, "evmContract": None, "fullName": None,
            "deployerTradingFeeShare": "0.0",
        }
        for asset in state.params.assets
    ]  # fmt: skip
    return {"universe": [], "tokens": tokens}


def asset_context(market: Market, book: BookView, day: list[CandleRow]) -> dict[str, Any]:
    """Prices, funding, open interest, and the last day's trading from hourly candles."""
    decimals = market.params.size_decimals
    bbo = book.bbo()
    mid2 = bbo.bid + bbo.ask if bbo.bid and bbo.ask else 0
    premium = (
        (mid2 - 2 * market.index_price) * RATE_SCALE // (2 * market.index_price)
        if mid2 and market.index_price
        else None
    )
    before = day[0].open if day else market.premium.last_trade or market.mark
    return {
        "funding": fmt.rate(market.funding_rate), "openInterest": fmt.fixed(market.open_interest, decimals),
        "prevDayPx": fmt.price(before, decimals), "dayNtlVlm": fmt.usd(sum(row.quote for row in day)),
        "premium": None if premium is None else fmt.rate(premium), "oraclePx": fmt.price(market.index_price, decimals),
        "markPx": fmt.price(market.mark, decimals),
        "midPx": fmt.fixed(mid2 * 5, PRICE_DECIMALS_MAX - decimals + 1) if mid2 else None,
        "impactPxs": [fmt.price(bbo.bid, decimals), fmt.price(bbo.ask, decimals)] if mid2 else None,
        "dayBaseVlm": fmt.fixed(sum(row.volume for row in day), decimals),
    }  # fmt: skip


def account_at(state: State, address: bytes) -> Account | None:
    """The account of an address, or None."""
    number = state.by_address.get(address)  # type: ignore[call-overload]
    return None if number is None else state.accounts[number]


def clearinghouse(state: State, account: Account | None, coins: Coins, fundings: FundingSumsView) -> dict[str, Any]:
    """Margin and positions; zeros for an unknown account."""
    if account is None:
        nothing = {"accountValue": "0.0", "totalNtlPos": "0.0", "totalRawUsd": "0.0", "totalMarginUsed": "0.0"}
        return {
            "marginSummary": nothing, "crossMarginSummary": nothing, "crossMaintenanceMarginUsed": "0.0",
            "withdrawable": "0.0", "assetPositions": [], "time": state.time,
        }  # fmt: skip
    margin = summary(state, account)
    held = [(state.markets[number], row) for number, row in sorted(account.positions.items()) if row.size]
    signed = sum(row.size * market.mark for market, row in held)
    shown = {
        "accountValue": fmt.usd(margin.equity), "totalNtlPos": fmt.usd(sum(abs(row.size) * m.mark for m, row in held)),
        "totalRawUsd": fmt.usd(margin.equity - signed), "totalMarginUsed": fmt.usd(margin.initial),
    }  # fmt: skip
    return {
        "marginSummary": shown, "crossMarginSummary": shown, "crossMaintenanceMarginUsed": fmt.usd(margin.maintenance),
        "withdrawable": fmt.usd(margin.free), "time": state.time,
        "assetPositions": [
            {"type": "oneWay", "position": _position(state, account, market, coins, fundings)} for market, _ in held
        ],
    }  # fmt: skip


def leverage(account: Account | None, market: Market) -> dict[str, Any]:
    """What applies to an account in a market: its choice, or the market's highest."""
    setting = account.settings.get(market.params.id) if account is not None else None
    highest = market.params.tiers[0].leverage_max
    return {"type": "cross", "value": setting.leverage or highest if setting is not None else highest}


def _position(
    state: State, account: Account, market: Market, coins: Coins, fundings: FundingSumsView
) -> dict[str, Any]:
    """A position at the mark. `cumFunding` is what it paid, what is not settled yet included."""
    row = account.positions[market.params.id]
    decimals, highest = market.params.size_decimals, market.params.tiers[0].leverage_max
    shown = leverage(account, market)
    pnl, due = row.size * market.mark - row.entry, funding_due(row, market)
    returned = pnl * shown["value"] * 10**_PPM_ROE // abs(row.entry) if row.entry else 0
    paid, at = fundings.find(account.id, row.market), liquidation_price(state, account, market)
    return {
        "coin": coins.name(row.market), "szi": fmt.fixed(row.size, decimals), "leverage": shown,
        "entryPx": fmt.price(abs(row.entry) // abs(row.size), decimals),
        "positionValue": fmt.usd(abs(row.size) * market.mark), "unrealizedPnl": fmt.usd(pnl),
        "returnOnEquity": fmt.fixed(returned, _PPM_ROE), "liquidationPx": None if at is None else fmt.price(at, decimals),
        "marginUsed": fmt.usd(market_initial(state, account, row, market)), "maxLeverage": highest,
        "cumFunding": {
            "allTime": fmt.usd(due - paid.all_time), "sinceOpen": fmt.usd(due - paid.since_open),
            "sinceChange": fmt.usd(due - paid.since_change),
        },
    }  # fmt: skip


def sub_account_name(account: Account, number: int) -> str:
    """What a sub-account is called: its name, or what number it is."""
    return account.name.rstrip(b"\0").decode("utf-8", "replace") or f"sub {number}"


def unnamed_agent(account: Account | None) -> dict[str, Any]:
    """The agent without a name, which these clients make for a browser session."""
    for signer in account.signers if account is not None else ():
        if signer.is_agent and signer.scope and not signer.name.strip(b"\x00"):
            return {"agentAddress": "0x" + signer.address.hex(), "agentValidUntil": signer.valid_until or None}
    return {"agentAddress": None, "agentValidUntil": None}


def at_cap(state: State, coins: Coins) -> list[str]:
    """Coins whose open interest has reached its cap."""
    return [
        coins.name(number)
        for number, market in state.markets.items()
        if market.params.open_interest_cap and market.open_interest * market.mark >= market.params.open_interest_cap
    ]


def predicted_fundings(state: State, coins: Coins) -> list[Any]:
    """The rate that the samples so far would give at the next hour."""
    found = []
    for number, market in state.markets.items():
        premium, rate = market.premium, market.funding_rate
        if premium.samples:
            rate = hourly_rate(div_trunc(premium.sample_sum, premium.samples), state.params.funding)
        shown = {"fundingRate": fmt.rate(rate), "nextFundingTime": state.next_funding, "fundingIntervalHours": 1}
        found.append([coins.name(number), [["Novate", shown]]])
    return found


def spot_balances(state: State, account: Account | None) -> dict[str, Any]:
    """One row per collateral; `hold` is what of the USDC is not free to leave, because margin needs it."""
    if account is None:
        return {"balances": []}
    free = summary(state, account).free
    rows = [_balance(state, USDC, account.cash, max(account.cash - free, 0))]
    held = sorted((asset, amount) for asset, amount in account.balances.items() if asset < SHARES)
    rows += [_balance(state, asset, amount, 0) for asset, amount in held]
    return {"balances": rows}


def vault_equities(state: State, account: Account | None) -> list[dict[str, Any]]:
    """What an account's shares of vaults are worth."""
    found = []
    for asset, shares in sorted(account.balances.items()) if account is not None else ():
        vault = state.vaults.get(VaultId(asset - SHARES)) if asset >= SHARES else None
        if vault is not None and vault.total_shares:
            whole = state.accounts[vault.account]
            worth = div_floor(max(summary(state, whole).equity, 0) * shares, vault.total_shares)
            found.append({"vaultAddress": "0x" + whole.address.hex(), "equity": fmt.usd(worth)})
    return found


def _balance(state: State, number: int, total: int, hold: int) -> dict[str, Any]:
    asset = state.params.assets[number]
    return {
        "coin": asset.symbol, "token": number, "total": fmt.fixed(total, asset.decimals),
        "hold": fmt.fixed(hold, asset.decimals), "entryNtl": "0.0",
    }  # fmt: skip


def role(state: State, address: bytes) -> dict[str, Any]:
    """What an address is here."""
    account = account_at(state, address)
    if account is None:
        agent = state.agents.get(address)  # type: ignore[call-overload]
        if agent is None:
            return {"role": "missing"}
        return {"role": "agent", "data": {"user": "0x" + state.accounts[agent.account].address.hex()}}
    if account.master:
        return {"role": "subAccount", "data": {"master": "0x" + state.accounts[account.master].address.hex()}}
    return {"role": "user"}


def agents(account: Account | None) -> list[dict[str, Any]]:
    """Agents that have a name and any right left."""
    if account is None:
        return []
    rows = [signer for signer in account.signers if signer.is_agent and signer.scope]
    return [
        {
            "name": signer.name.rstrip(b"\x00").decode("utf-8", "replace"), "address": "0x" + signer.address.hex(),
            "validUntil": signer.valid_until,
        }
        for signer in rows
        if signer.name.strip(b"\x00")
    ]  # fmt: skip


def fees(state: State, account: Account | None) -> dict[str, Any]:
    """The schedule, and what the account pays today. A day's volume is not split by side of the book: all of it is `userCross`."""

    def pair(tier: int) -> tuple[str, str]:
        taker, maker = volume.rates_of(state, tier)
        return fmt.fixed(taker, 6), fmt.fixed(maker, 6)

    base_taker, base_maker = pair(0)
    taker, maker = pair(volume.tier_now(state, account) if account is not None else 0)
    tiers = [
        {"ntlCutoff": fmt.usd(tier.volume), **dict(zip(_RATES, (*pair(at), *pair(at)), strict=True))}
        for at, tier in enumerate(state.params.fees.tiers, 1)
    ]
    schedule = {
        "cross": base_taker, "add": base_maker, "spotCross": base_taker, "spotAdd": base_maker,
        "tiers": {"vip": tiers, "mm": []}, "referralDiscount": "0.0", "stakingDiscountTiers": [],
    }  # fmt: skip
    days = sorted(volume.payer(state, account).volumes.items()) if account is not None else []
    return {
        "dailyUserVlm": [
            {"date": _date(day), "userCross": fmt.usd(amount), "userAdd": "0.0", "exchange": "0.0"} for day, amount in days
        ],
        "feeSchedule": schedule, "userCrossRate": taker, "userAddRate": maker,
        "userSpotCrossRate": taker, "userSpotAddRate": maker, "activeReferralDiscount": "0.0", "trial": None,
        "feeTrialEscrow": "0.0", "nextTrialAvailableTimestamp": None, "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
    }  # fmt: skip


def _date(day: int) -> str:
    """A UTC day since the epoch as YYYY-MM-DD."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def bbo_object(book: BookView, coin: str, decimals: int, time: int) -> dict[str, Any]:
    """Best bid and offer; null where a side is empty."""
    sides: list[Any] = []
    for which in (0, 1):
        best: list[LevelRow] = book.side(which, 1)
        sides.append(level_object(best[0], decimals) if best else None)
    return {"coin": coin, "time": time, "bbo": sides}
