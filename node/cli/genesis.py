"""`novate genesis`: what a genesis file says, and the hashes that L1 and every commitment carry."""

import click

from node.cli.output import fail, json_option, print_json
from node.config.genesis import find_genesis, load_genesis
from node.config.reading import ConfigError
from node.core.params import Params


@click.command("genesis")
@click.argument("genesis", default="devnet")
@json_option
def command(*, genesis: str, as_json: bool) -> None:
    """Check GENESIS (a file, or the name of a shipped network) and show its markets and hashes."""
    try:
        params = load_genesis(find_genesis(genesis))
    except ConfigError as error:
        fail(str(error))
    if as_json:
        print_json(summary(params))
        return
    click.echo(f"network      {params.network}, chain id {params.chain_id}")
    click.echo(f"genesis hash 0x{params.digest().hex()}")
    click.echo(f"rules hash   0x{params.rules_hash().hex()}")
    for market in params.markets:
        leverage = market.tiers[0].leverage_max
        click.echo(f"market {market.id:<4}  {market.name:<16} up to {leverage}x, sizes in 1e-{market.size_decimals}")
    click.echo(f"publishers   {len(params.publishers)}, quorum {params.oracle.quorum}")


def summary(params: Params) -> dict[str, object]:
    """The JSON form."""
    return {
        "network": params.network,
        "chain_id": params.chain_id,
        "genesis_hash": "0x" + params.digest().hex(),
        "rules_hash": "0x" + params.rules_hash().hex(),
        "markets": [
            {"id": m.id, "name": m.name, "size_decimals": m.size_decimals, "leverage_max": m.tiers[0].leverage_max}
            for m in params.markets
        ],
        "assets": [{"id": a.id, "symbol": a.symbol, "decimals": a.decimals} for a in params.assets],
        "publishers": ["0x" + p.address.hex() for p in params.publishers],
        "quorum": params.oracle.quorum,
    }
