"""The `novate` command: sub-commands are imported only when they are used, so that `novate --help` answers at once."""

from importlib import import_module
from typing import Final

import click

COMMANDS: Final[dict[str, str]] = {
    "account": "Show balances, margin, positions and open orders of an account.",
    "bench": "Measure the node on this machine.",
    "book": "Show the markets, or the order book of one.",
    "bots": "Trade as market makers and takers, for a lively development venue.",
    "cancel": "Cancel an open order, or all.",
    "feed": "Replay a recorded order flow and compare the fills.",
    "deposit": "Deposit from a wallet on L1 and watch it being credited.",
    "devnet": "Run a whole venue on this machine: L1, node, watcher, publishers, bots.",
    "freeze": "End a venue whose operator lets the queue on L1 wait, or say how long it has.",
    "genesis": "Show a genesis file's parameters and hashes.",
    "inspect": "Show the life of an order, from its frame to the batch on L1.",
    "key": "Make, import and show keys of the encrypted keystore.",
    "l1": "Run the embedded L1 chain.",
    "liquidator": "Take over accounts in liquidation where it pays.",
    "margin": "Show an account's margin, now and after supposed orders and price moves.",
    "oracle": "Publish signed prices.",
    "order": "Sign and place an order.",
    "replay": "Execute a journal anew from genesis and compare.",
    "run": "Run the node.",
    "solvency": "Check what the venue owes, and your part of it, against what L1 holds.",
    "stress": "Drive the risk rules through a price path with a leveraged population.",
    "snapshot": "Write a sealed state to a file, for a watcher to begin at.",
    "verify": "Rebuild the state from L1 and compare it with a data directory.",
    "watch": "Verify every batch from L1 alone.",
    "withdraw": "Withdraw to L1: sign, wait for finality, claim.",
}
"""Every command and its one line; module node.cli.<name> holds the click command `command`."""


class LazyGroup(click.Group):
    """Loads a sub-command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"node.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="novate", message="novate %(version)s")
def cli() -> None:
    """Novate: a sequencer and rollup node for derivatives.

    Start with `novate devnet`. Every command takes --help.

    Shell completion: `eval "$(_NOVATE_COMPLETE=bash_source novate)"` (or zsh_source, fish_source).
    """
