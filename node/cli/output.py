"""What every command prints and how it ends.

Invariants: with --json, stdout is exactly one JSON object, at the end, also when the command fails (then it has an "error"); progress and
errors go to stderr. Exit codes: 0 good, 1 the thing checked is false, 2 could not tell or bad usage (click's own usage errors, which
are about the command line and not about its subject, are 2 without an object).
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


def fail(text: str, exit_code: int = EXIT_UNKNOWN, **facts: Any) -> NoReturn:
    """End with a sentence on stderr; with --json also as the one object, with `facts` for programs."""
    click.echo(f"novate: {text}", err=True)
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("as_json"):
        print_json({"error": text, **facts})
    sys.exit(exit_code)
