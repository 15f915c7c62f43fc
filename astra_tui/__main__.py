"""`python -m astra_tui` is `astra`."""

from astra_tui.cli import main

if __name__ == "__main__":
    main()
