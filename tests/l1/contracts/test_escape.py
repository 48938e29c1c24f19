"""Escape: the contract pays what the core's arithmetic says, once, in two phases, and never more than the ledger had."""

import random

import pytest

from node.core.commit.escape import Pool, due, worth
from node.core.commit.forest import Forest
from node.core.commit.seal import collect
from node.core.genesis import genesis_state
from node.core.ledger.accounts import open_account
from node.core.state import Account, Position, State
from node.l1.escape import account_opening, open_args, vault_opening
from proto.hashing import keccak
from proto.ids import BACKSTOP_ACCOUNT, BACKSTOP_VAULT, ETH, SHARES, Address, AssetId
from proto.ledger import Roots
from proto.units import AssetUnits, FundingUnits, Lots, MicroPrice, MicroUsd, Price
from tests.l1.contracts.rig import (
    ALICE,
    CAP,
    GENESIS_HASH,
    GWEI,
    OWING_CAP,
    RULES_HASH,
    USDC,
    Deployed,
    Machine,
    Venue,
    deploy,
    refused,
)
from tests.sequencer.venue import PARAMS

FREEZE_S = 120
CLAIMS_S = 30
ACCOUNTS = 50


class Ended:
    """A venue that ended in a given state: its genesis, since no batch followed."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.forest = Forest()
        self.roots: Roots = self.forest.update(collect(state))
        machine = Machine()
        usdc = Deployed(machine, "TestToken", "Test USD", "USDC", 6)
        genesis = (GENESIS_HASH, self.roots.state_root(), RULES_HASH)
        assets = [(USDC, usdc.address, 1, CAP, OWING_CAP), (ETH, bytes(20), GWEI, CAP, OWING_CAP)]
        self.venue = Venue(machine, deploy(machine, assets, genesis=genesis), usdc)
        for asset, totals in enumerate(state.totals):
            if totals.deposited:
                self.venue.deposit(asset, totals.deposited)
        self.escape = self.venue.escape

    def freeze(self) -> None:
        """Let the deposits, which nobody takes in, grow old."""
        self.venue.machine.now_s += FREEZE_S
        self.venue.novate.send(ALICE, "freeze")

    def open(self) -> "Ended":
        """Freeze and open."""
        self.freeze()
        self.escape.send(ALICE, "open", *open_args(self.roots))
        return self

    def value_vault(self) -> None:
        """The backstop's."""
        vault = self.state.vaults[BACKSTOP_VAULT]
        account = account_opening(self.forest, self.state, self.state.accounts[BACKSTOP_ACCOUNT])
        self.escape.send(ALICE, "valueVault", vault_opening(self.forest, vault), account)

    def opening(self, account: Account) -> tuple[object, ...]:
        """For `claim` and `worth`."""
        return account_opening(self.forest, self.state, account)


def fill(random_: random.Random, state: State, account: Account) -> None:
    """Give an account whatever the leaves can hold, at the edges too."""
    account.cash = MicroUsd(random_.choice([0, 1, -1, random_.randrange(-(10**12), 10**12)]))
    account.borrow_index = random_.randrange(state.borrow_index + 1)
    if random_.random() < 0.7:
        account.balances[ETH] = AssetUnits(random_.choice([1, random_.randrange(1, 10**13)]))
    if account.id != BACKSTOP_ACCOUNT and random_.random() < 0.3:
        account.balances[AssetId(SHARES | BACKSTOP_VAULT)] = AssetUnits(random_.randrange(1, 10**6))
    for number, market in state.markets.items():
        if random_.random() < 0.4:
            continue
        size = random_.choice([1, -1, random_.randrange(-(10**6), 10**6) or 1])
        isolated = random_.random() < 0.5
        top = market.long_loss_index if size > 0 else market.short_loss_index
        account.positions[number] = Position(
            number, Lots(size), MicroUsd(size * market.mark + random_.randrange(-(10**11), 10**11)),
            FundingUnits(random_.randrange(-(10**15), 10**15)), isolated=isolated,
            isolated_cash=MicroUsd(random_.randrange(-(10**10), 10**11) if isolated else 0),
            loss_index=random_.randrange(top + 1),
        )  # fmt: skip


def random_state(seed: int, accounts: int = ACCOUNTS) -> State:
    """A venue with accounts that nothing had to be consistent for."""
    random_ = random.Random(seed)
    state = genesis_state(PARAMS)
    state.borrow_index = random_.randrange(10**12)
    state.totals[ETH].price = MicroPrice(random_.choice([0, 1, random_.randrange(1, 10**11)]))
    state.vaults[BACKSTOP_VAULT].total_shares = random_.randrange(10**6, 10**8)
    for market in state.markets.values():
        market.mark = Price(random_.randrange(1, 10**7))
        market.funding_index = FundingUnits(random_.randrange(-(10**15), 10**15))
        market.long_loss_index, market.short_loss_index = random_.randrange(10**14), random_.randrange(10**14)
    for at in range(accounts):
        open_account(state, Address(keccak(at.to_bytes(4, "big"))[12:]), None)
    for account in state.accounts.values():
        if account.id >= BACKSTOP_ACCOUNT:
            fill(random_, state, account)
    for totals in state.totals:
        totals.deposited = random_.randrange(1, 10**13)
    return state


@pytest.mark.parametrize("round_", range(20))
def test_worth_is_that_of_the_core(seed: int, round_: int) -> None:
    """A thousand accounts: interest, funding, losses, isolated positions, shares, deficits; bit for bit."""
    ended = Ended(random_state(seed + round_)).open()
    ended.value_vault()
    for account in ended.state.accounts.values():
        expected = worth(ended.state, account)
        assert ended.escape.call("worth", ended.opening(account)) == (expected.amounts, expected.seized), account


def test_everybody_is_paid_pro_rata_and_no_more_than_there_is(seed: int) -> None:
    ended = Ended(random_state(seed, 12)).open()
    ended.value_vault()
    people = [account for account in ended.state.accounts.values() if account.id > BACKSTOP_ACCOUNT]
    claims = [worth(ended.state, account) for account in people]
    for account in people:
        ended.escape.send(ALICE, "claim", ended.opening(account))
    with refused("AlreadyClaimed", people[0].id):
        ended.escape.send(ALICE, "claim", ended.opening(people[0]))
    with refused("ClaimsNotOver"):
        ended.escape.send(ALICE, "pay", people[0].id)
    ended.venue.machine.now_s += CLAIMS_S
    totals = ended.state.totals
    pools = tuple(
        Pool(
            totals[at].deposited - totals[at].withdrawn, totals[at].price, 10 ** PARAMS.assets[at].decimals,
            sum(claim.amounts[at] for claim in claims), sum(claim.seized[at] for claim in claims),
        )
        for at in range(len(totals))
    )  # fmt: skip
    paid = [0] * len(totals)
    for account, claim in zip(people, claims, strict=True):
        expected = due(claim.amounts, pools)
        assert ended.escape.call("dueOf", account.id) == expected
        ended.escape.send(ALICE, "pay", account.id)
        with refused("AlreadyPaid", account.id):
            ended.escape.send(ALICE, "pay", account.id)
        assert ended.venue.usdc.call("balanceOf", account.payee) == expected[0]
        assert ended.venue.machine.balance(account.payee) == expected[1] * GWEI
        paid = [before + now for before, now in zip(paid, expected, strict=True)]
    assert all(have <= pool.available for have, pool in zip(paid, pools, strict=True))
    assert [ended.venue.novate.call("assetOf", at)[3] for at in range(len(totals))] == paid


def small_state() -> State:
    """One account with 100 USDC, one with nothing but a debt of 30 and ETH worth 50; the ledger has 70 USDC."""
    state = genesis_state(PARAMS)
    rich, debtor = (open_account(state, Address(bytes([at]) * 20), None) for at in (7, 8))
    rich.cash, debtor.cash = MicroUsd(100), MicroUsd(-30)
    debtor.balances[ETH] = AssetUnits(50)
    state.totals[ETH].price = MicroPrice(10**9)  # One micro-USDC for each unit.
    state.totals[USDC].deposited, state.totals[ETH].deposited = 70, 50
    return state


def test_a_deficit_is_covered_from_own_collateral_and_goes_to_those_who_miss_it() -> None:
    ended = Ended(small_state()).open()
    rich, debtor = list(ended.state.accounts.values())[-2:]
    for account in (rich, debtor):
        ended.escape.send(ALICE, "claim", ended.opening(account))
    ended.venue.machine.now_s += CLAIMS_S
    assert ended.escape.call("dueOf", rich.id) == (70, 30)
    assert ended.escape.call("dueOf", debtor.id) == (0, 20)
    ended.escape.send(ALICE, "pay", rich.id)
    ended.escape.send(ALICE, "pay", debtor.id)
    assert ended.escape.call("claimOf", debtor.id) == (debtor.payee, (0, 20), True)


def test_sub_accounts_are_paid_to_their_master() -> None:
    state = small_state()
    master = list(state.accounts.values())[-2]
    sub = open_account(state, Address(bytes([9]) * 20), master)
    sub.cash, state.totals[USDC].deposited = MicroUsd(5), 200
    ended = Ended(state).open()
    ended.escape.send(ALICE, "claim", ended.opening(sub))
    ended.venue.machine.now_s += CLAIMS_S
    ended.escape.send(ALICE, "pay", sub.id)
    assert ended.venue.usdc.call("balanceOf", master.address) == 5


def test_phases_come_in_their_order() -> None:
    ended = Ended(small_state())
    someone = ended.state.accounts[max(ended.state.accounts)]
    with refused("EscapeNotSettled"):
        ended.escape.send(ALICE, "open", *open_args(ended.roots))
    for name, arguments in (("claim", ended.opening(someone)), ("worth", ended.opening(someone)), ("pay", 4)):
        with refused("EscapeNotOpen"):
            ended.escape.send(ALICE, name, arguments)
    ended.freeze()
    sections, venue_root, words = open_args(ended.roots)
    with refused("EscapeOpeningWrong"):
        ended.escape.send(ALICE, "open", sections, venue_root, [*words[:-1], bytes(32)])
    ended.escape.send(ALICE, "open", sections, venue_root, words)
    with refused("EscapeIsOpen"):
        ended.escape.send(ALICE, "open", sections, venue_root, words)
    with refused("NotClaimed", someone.id):
        ended.escape.call("dueOf", someone.id)
    ended.venue.machine.now_s += CLAIMS_S
    with refused("ClaimsAreOver"):
        ended.escape.send(ALICE, "claim", ended.opening(someone))
    with refused("NotClaimed", someone.id):
        ended.escape.send(ALICE, "pay", someone.id)


def test_false_openings_are_refused() -> None:
    state = random_state(1, 3)
    ended = Ended(state).open()
    account = next(a for a in state.accounts.values() if a.id > BACKSTOP_ACCOUNT and any(p.size for p in a.positions.values()))
    account_id, words, proof, markets = ended.opening(account)
    assert isinstance(words, list)
    assert isinstance(markets, list)
    richer = [*words[:3], (10**12).to_bytes(32, "big"), *words[4:]]
    with refused("LeafNotInTree"):
        ended.escape.send(ALICE, "claim", (account_id, richer, proof, markets))
    with refused("MarketsCount"):
        ended.escape.send(ALICE, "claim", (account_id, words, proof, markets[:-1]))
    (market_words, market_proof), rest = markets[0], markets[1:]
    dearer = [market_words[0], (10**9).to_bytes(32, "big"), *market_words[2:]]
    with refused("LeafNotInTree"):
        ended.escape.send(ALICE, "claim", (account_id, words, proof, [(dearer, market_proof), *rest]))
    with refused("LeafMalformed"):
        ended.escape.send(ALICE, "claim", (account_id, words, proof, [(market_words[:-1], market_proof), *rest]))
    with refused("LeafNotInTree"):
        ended.escape.send(ALICE, "claim", (1 + account.id, words, proof, markets))
    backstop = state.accounts[BACKSTOP_ACCOUNT]
    with refused("AccountReserved", BACKSTOP_ACCOUNT):
        ended.escape.send(ALICE, "claim", ended.opening(backstop))


def test_shares_wait_for_their_vault() -> None:
    state = small_state()
    holder = state.accounts[max(state.accounts)]
    holder.balances[AssetId(SHARES | BACKSTOP_VAULT)] = AssetUnits(5)
    state.vaults[BACKSTOP_VAULT].total_shares = 10
    state.accounts[BACKSTOP_ACCOUNT].cash = MicroUsd(100)
    ended = Ended(state).open()
    with refused("VaultNotValued", BACKSTOP_VAULT):
        ended.escape.send(ALICE, "claim", ended.opening(holder))
    ended.value_vault()
    with refused("VaultIsValued", BACKSTOP_VAULT):
        ended.value_vault()
    assert ended.escape.call("worth", ended.opening(holder)) == ((20, 50), (0, 0))


def test_deposits_that_nobody_took_in_are_refunded_once() -> None:
    ended = Ended(small_state())
    owner = Address(bytes([5]) * 20)
    ended.venue.deposit(USDC, 77, owner)
    index = len(ended.venue.queue_hashes) - 2
    with refused("NotSettled"):
        ended.venue.novate.send(ALICE, "refundDeposit", index, owner, USDC, 77)
    ended.freeze()
    with refused("NotThisDeposit"):
        ended.venue.novate.send(ALICE, "refundDeposit", index, owner, USDC, 78)
    with refused("QueueIndexUnknown"):
        ended.venue.novate.send(ALICE, "refundDeposit", index + 1, owner, USDC, 77)
    ended.venue.novate.send(ALICE, "refundDeposit", index, owner, USDC, 77)
    assert ended.venue.usdc.call("balanceOf", owner) == 77
    assert ended.venue.novate.call("isRefunded", index)
    with refused("AlreadyRefunded", index):
        ended.venue.novate.send(ALICE, "refundDeposit", index, owner, USDC, 77)
    with refused("NotAuthorised", ALICE):
        ended.venue.novate.send(ALICE, "release", ALICE, USDC, 1)


def test_escape_for_another_asset_table_is_refused() -> None:
    ended = Ended(small_state())
    ended.freeze()
    other = Deployed(ended.venue.machine, "Escape", ended.venue.novate.address, CLAIMS_S, [6])
    with refused("WiringWrong"):
        other.send(ALICE, "open", *open_args(ended.roots))


