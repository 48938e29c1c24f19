"""What every command prints and how it ends.

Invariants: with --json, stdout is exactly one JSON object, at the end; progress and errors go to stderr. Exit codes: 0 good,
1 the thing checked is false, 2 could not tell or bad usage (click's own usage errors are 2 as well).
"""

import json
import sys
from typing import Any, Final, NoReturn

import click

EXIT_FALSE: Final = 1
EXIT_UNKNOWN: Final = 2

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout, at the end."
)


def print_json(value: dict[str, Any]) -> None:
    """The command's one object."""
    click.echo(json.dumps(value, indent=None, separators=(", ", ": "), sort_keys=False))


def say(text: str) -> None:
    """Progress, for people: stderr."""
    click.echo(text, err=True)


def fail(text: str, code: int = EXIT_UNKNOWN) -> NoReturn:
    """End with a sentence on stderr."""
    click.echo(f"novate: {text}", err=True)
    sys.exit(code)
