"""What a bidder and a holder of shares are shown is what the rules would do."""

from node.core.outcome import Applied, ValueResult
from node.gateway.human import Human
from node.gateway.portraits import account_portrait
from node.gateway.waterfall import auctions_portrait, shares_portrait, vault_portrait
from proto.ids import BACKSTOP_VAULT, MarketId
from proto.intents import TakeOver
from proto.units import Ppm, TimeMs
from tests.scenarios.language import Script, address_of


def scene(*lines: str) -> Script:
    script = Script()
    for line in lines:
        script.line(line)
    return script


def test_an_auction_gives_what_it_shows() -> None:
    script = scene("bob sell 995 @ 100", "alice buy 995 @ 100", "deposit carol 20,000", "price 1 94")
    venue = script.venue
    (row,) = auctions_portrait(venue.state, 10)
    assert (row["address"], row["estate"], row["price_ppm"]) == (address_of("alice"), 0, 980_000)
    assert [held["position_size"] for held in row["positions"]] == [995]
    intent = TakeOver(
        address_of("carol"), venue.now, TimeMs(0), row["address"], MarketId(0), row["largest_share"], Ppm(row["price_ppm"])
    )
    outcome = venue.act(intent)
    assert isinstance(outcome, Applied)
    assert outcome.results == (ValueResult(row["reward"]),)


def test_nothing_is_offered_while_prices_are_unfit() -> None:
    script = scene("bob sell 995 @ 100", "alice buy 995 @ 100", "price 1 94", "wait 6000", "deposit dave 1")
    (row,) = auctions_portrait(script.venue.state, 10)
    assert (row["largest_share"], row["reward"]) == (0, 0)


def test_shares_are_shown_beside_the_balances() -> None:
    script = scene("alice vault deposit 1,000", "deposit backstop 100", "alice vault withdraw 400")
    state = script.venue.state
    alice = state.accounts[state.by_address[address_of("alice")]]
    (row,) = shares_portrait(state, alice)
    assert (row["shares"], row["value"], row["leaving"]) == (10**9, 1_099_900_099, 4 * 10**8)
    shown = account_portrait(state, alice)
    assert [held["asset"] for held in shown["balances"]] == [0]
    assert Human(state.params).show(shown)["shares"][0]["value"] == "1099.900099"
    vault = vault_portrait(state, state.vaults[BACKSTOP_VAULT])
    assert (vault["total_shares"], vault["equity"], vault["leaving"], vault["open"]) == (10**9, 1_100_000_000, 1, True)
