"""Who is who on a devnet: places in the development mnemonic, and what everybody gets. The keys are public and guard nothing."""

from dataclasses import dataclass
from typing import Final, Self

from node.bots.crew import crew_size
from node.bots.settings import CrewSettings
from node.core.params import Params
from node.ops.keystore import development_keys
from proto.signing.secp256k1 import SigningKey

TRADERS: Final = 10
"""Accounts 0 to 9 are for whoever tries the venue."""
OPERATOR: Final = 10
VALIDATORS_FIRST: Final = 11
VALIDATORS_MAX: Final = 8
PUBLISHERS_FIRST: Final = 20
"""Genesis names the publishers' addresses; their keys begin here."""
BOTS_FIRST: Final = 30


@dataclass(frozen=True, slots=True)
class People:
    """The keys of one devnet."""

    traders: tuple[SigningKey, ...]
    operator: SigningKey
    publishers: tuple[SigningKey, ...]
    bots: tuple[SigningKey, ...]
    """Of the crew, then the liquidator's."""

    @classmethod
    def of(cls, params: Params) -> Self:
        """Derive them. Raises KeystoreError on a chain that is no development chain."""
        bots = crew_size(CrewSettings(url=""), len(params.markets)) + 1
        keys = development_keys(params.chain_id, BOTS_FIRST + bots)
        publishers = keys[PUBLISHERS_FIRST : PUBLISHERS_FIRST + len(params.publishers)]
        return cls(keys[:TRADERS], keys[OPERATOR], publishers, keys[BOTS_FIRST:])

    @property
    def funder(self) -> SigningKey:
        """The first trader: the chain's genesis gives it ETH, and it deploys and pays for everything."""
        return self.traders[0]
