"""A venue in this process, on the development genesis: funded accounts, prices, and the flow as inputs ready for `apply`."""

from typing import Final, NamedTuple

from node.app import NO_L1_CONTRACT
from node.config.genesis import find_genesis, load_genesis
from node.core.apply import apply
from node.core.genesis import genesis_state
from node.core.outcome import Applied, Outcome
from node.core.params import MarketParams, Params
from node.core.state import State
from node.lab.bench.flow import Flow
from node.lab.bench.measure import BenchError
from node.lab.feed.actions import action_of
from node.lab.feed.program import PUBLISHER_KEYS
from node.lab.feed.rows import TAKE
from node.lab.local_node import GENESIS
from node.ops.keystore import development_keys
from proto.ids import USDC, ZERO_ADDRESS, Address, Seq
from proto.inputs import DepositSeen, IndexPrice, Input, OracleReport, Stamp, UserAction, user_action
from proto.intents import Intent
from proto.signing.eip712 import Domain, intent_digest, report_digest
from proto.signing.secp256k1 import SigningKey
from proto.units import PRICE_DECIMALS_MAX, AssetUnits, MicroPrice, TimeMs

START: Final = TimeMs(1_700_000_000_000)
MARKET: Final = "ES-PERPETUAL"
OPENING: Final = MicroPrice(19_200_500_000)
FUNDS: Final = AssetUnits(2**62)
"""Of the two accounts of a flow: nothing in it can exhaust them."""
MAKER: Final = SigningKey(b"\x11" * 32)
TAKER: Final = SigningKey(b"\x12" * 32)
OPERATOR: Final = SigningKey(b"\x13" * 32)


class Signed(NamedTuple):
    """An input and who signed it."""

    item: Input
    signer: Address


class Venue:
    """State, and the next number to stamp. Time moves only where a caller says so."""

    def __init__(self) -> None:
        self.params: Params = load_genesis(find_genesis(GENESIS))
        self.domain = Domain(self.params.chain_id, NO_L1_CONTRACT)
        keys = development_keys(self.params.chain_id, max(PUBLISHER_KEYS) + 1)
        self.publishers = tuple(keys[number] for number in PUBLISHER_KEYS)
        self.market: MarketParams = next(market for market in self.params.markets if market.name == MARKET)
        self.unit: int = 10 ** (PRICE_DECIMALS_MAX - self.market.size_decimals)
        """Price units of one tick."""
        self.state: State = genesis_state(self.params)
        self.time = START
        self._seq = 0

    def apply(self, given: Signed) -> Outcome:
        """Stamp and apply one input."""
        self._seq += 1
        return apply(self.state, Stamp(Seq(self._seq), self.time), given.item, given.signer)

    def must(self, given: Signed) -> None:
        """Apply one input that cannot be refused here."""
        outcome = self.apply(given)
        if not isinstance(outcome, Applied):
            raise BenchError(f"the rule book refuses what a measurement is made of: {outcome.code.name}")

    def deposit(self, owner: Address, amount: AssetUnits, index: int) -> Signed:
        """A deposit at a place of the queue."""
        return Signed(DepositSeen(index, owner, USDC, amount), ZERO_ADDRESS)

    def report(self, publisher: SigningKey, price: MicroPrice, *, signed: bool = False) -> Signed:
        """A publisher's price of the market's index at the present time. Unsigned where nobody will check."""
        lines = (IndexPrice(self.market.index, price, MicroPrice(0)),)
        signature = publisher.sign(report_digest(self.domain, self.time, lines)) if signed else bytes(65)
        return Signed(OracleReport(self.time, lines, signature), publisher.address)

    def opening(self, *, signed: bool = False) -> list[Signed]:
        """What a flow needs first: two rich accounts and a price."""
        funded = [self.deposit(key.address, FUNDS, at) for at, key in enumerate((MAKER, TAKER))]
        return funded + [self.report(publisher, OPENING, signed=signed) for publisher in self.publishers]

    def intents(self, flow: Flow, first_nonce: int) -> list[tuple[SigningKey, Intent]]:
        """The flow as intents of maker and taker, in order; nonces grow by one a row."""
        found: list[tuple[SigningKey, Intent]] = []
        for nonce, row in enumerate(flow.rows, first_nonce):
            key = TAKER if row.kind == TAKE else MAKER
            found.append((key, action_of(row, key.address, nonce, self.market.id, self.unit)))
        return found

    def sign(self, key: SigningKey, intent: Intent) -> UserAction:
        """A user input as it would come through the gateway."""
        return user_action(intent, key.sign(intent_digest(self.domain, intent)))
