"""`astra init` writes a config to fill in; `astra aliases` lists the prototypes' names."""

from contextlib import aclosing
from pathlib import Path

import rich_click as click

from astra_tui.cli.aliases import ALIASES
from astra_tui.cli.context import DONE, Command, verb
from engine.errors import UsageError

AWS = """\
[clouds.aws]
kind = "s3"
# bucket = "prod-data"           # what the pane shows first
# prefix = "2024/"               # and below which prefix
# region = "us-east-1"
# profile = "default"            # credentials: the usual AWS chain, or a key pair:
# access_key = "env:MY_ACCESS_KEY"
# secret_key = "env:MY_SECRET_KEY"
# read_only = true               # never write or delete here
"""


@verb("init")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--user", is_flag=True, help="Write into your own config directory.")
@click.option("--detect", is_flag=True, help="Only show the clouds that this machine knows of.")
def init(command: Command, path: Path | None, user: bool, detect: bool) -> int:
    """Write a commented astra.toml to fill in; never over a file that is there.

    `astra` without a config opens a set-up that finds and tests clouds first. --detect shows
    what it would find, and writes nothing.
    """
    from astra_tui.config import user_config

    if detect:
        if path or user:
            raise UsageError("--detect writes nothing, so it takes no path.")
        return _detect(command)
    from astra_tui.setup.config_text import template, write_new

    target = path or command.options.config or (user_config() if user else Path("astra.toml"))
    target = target.expanduser()
    write_new(target, template(AWS))
    command.out.emit({"path": str(target.absolute())})
    command.out.say(f"Wrote {target}. Name your clouds in it, then run `astra doctor`.")
    return DONE


def _detect(command: Command) -> int:
    from astra_tui.cli.running import run_async
    from astra_tui.setup.finish import home
    from astra_tui.setup.tester import environment
    from engine.discovery.search import Found, search
    from widgets.text import visible

    async def look() -> Found:
        found = Found()
        async with aclosing(search(environment(), home(), Path.cwd())) as steps:
            async for step in steps:
                found = step
        return found

    found = run_async(look())
    for item in found.candidates:
        command.out.emit(item.to_json())
    if found.kafka:
        command.out.emit({"kafka": found.kafka})
    rows = [
        (item.name, item.kind.value, visible(item.place), visible(item.source))
        for item in found.candidates
    ]
    command.out.table(("name", "kind", "where", "found in"), rows)
    for trouble in found.troubles:
        command.out.say(f"Warning: not read: {visible(trouble)}")
    if not found.candidates:
        command.out.say("No cloud was found on this machine.")
    return DONE


@verb("aliases")
def aliases(command: Command) -> int:
    """List the names of the original prototypes' commands, which work too."""
    for old, new in ALIASES.items():
        command.out.emit({"alias": old, "verb": " ".join(new)})
    rows = [(old, f"astra {' '.join(new)}") for old, new in ALIASES.items()]
    command.out.table(("alias", "is"), rows)
    return DONE
