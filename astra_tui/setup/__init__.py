"""The first run: what is here already, tested, and written into an astra.toml."""
