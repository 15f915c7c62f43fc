"""Start as installed programs do: from bytecode, which pip compiles when it installs.

A checkout compiles a module when it is first imported, and never keeps it where
`PYTHONDONTWRITEBYTECODE` is set: then every start pays for a compiler that no user's start runs.
"""

import compileall
import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent


def compile_astra() -> None:
    """Compile the checkout's packages, and let this process and its children use that."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    for package in ("engine", "widgets", "astra_tui"):
        compileall.compile_dir(_ROOT / package, quiet=1)
