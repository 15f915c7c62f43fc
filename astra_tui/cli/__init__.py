"""The `astra` command. Heavy parts are imported by the verb that needs them."""

_OBJECTS = 10_000  # new ones between two searches for garbage


def main() -> None:
    """Entry point of the `astra` program."""
    import gc
    import os
    import sys

    # Little of what is made here is ever garbage that only a search finds.
    gc.set_threshold(_OBJECTS, 20, 20)
    # Numpy adds and sorts here and multiplies no matrices: no threads wait to help with that.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from astra_tui.cli.entry import run

    sys.exit(run(sys.argv[1:]))
