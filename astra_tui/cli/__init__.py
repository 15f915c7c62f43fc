"""The `astra` command. Heavy parts are imported by the verb that needs them."""


def main() -> None:
    """Entry point of the `astra` program."""
    import sys

    from astra_tui.cli.entry import run

    sys.exit(run(sys.argv[1:]))
