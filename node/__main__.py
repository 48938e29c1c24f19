"""Entry point of the program `novate`."""

import sys


def main() -> None:
    """Refuse to run without assertions, then hand over to the command line."""
    if not __debug__:
        sys.stderr.write("novate: python -O removes the checks that keep money conserved; start without it.\n")
        raise SystemExit(2)
    from node.cli.main import cli

    cli(prog_name="novate")


if __name__ == "__main__":
    main()
