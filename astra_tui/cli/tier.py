"""`astra tier plan|apply`: what a policy, or the operator, wants in another class."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli import options
from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.filters import filter_options, take_filters
from astra_tui.cli.listing import scan_all
from astra_tui.cli.migrate import review, run_moving
from engine.errors import StoreError, UsageError

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Plan


@click.group("tier")
def tier() -> None:
    """Let a policy decide tiers, or set them; plan shows, apply carries out."""


_choice = options.all_of(
    click.argument("places", nargs=-1, metavar="[CLOUD|ADDRESS]..."),
    click.option("--policy", default="", help="Policy that decides (default: the active one)."),
    click.option(
        "--clouds", "across", is_flag=True, help="Moves to other clouds that pay for themselves."
    ),
    click.option(
        "--horizon-months",
        type=click.FloatRange(0, 120, min_open=True),
        help="Within which a move between clouds must pay (default: the config's, 12).",
    ),
    options.target_options,
    options.proof_options,
    filter_options,
)


@verb("plan", group=tier)
@_choice
@options.save_option
def plan(command: Command, places: Sequence[str], **values: Any) -> int:
    """Show what should change, with saving, one-time cost and reason; change nothing.

    Clouds are listed and a policy decides over their objects. With --tier or --storage-class
    the named addresses get that class instead. With --clouds it shows the moves to other clouds
    that pay for themselves within the horizon, egress and everything else included.
    """
    return _tier(command, places, {**values, "dry_run": True})


@verb("apply", group=tier)
@_choice
@options.run_options
@options.submit_options
@options.save_option
@options.yes_option
def apply(command: Command, places: Sequence[str], **values: Any) -> int:
    """Decide like `tier plan`, ask, and carry it out."""
    command.forbid_read_only("changing storage classes")
    return _tier(command, places, {**values, "dry_run": False})


@verb("policy", group=tier)
@click.argument("name", default="")
@click.option("--configured", is_flag=True, help="Let the configuration decide again.")
def policy(command: Command, name: str, configured: bool) -> int:
    """Show which policy decides where none is named; with NAME, let that one from now on.

    An adopted policy is kept in the state directory and wins over the configuration.
    """
    if name and configured:
        raise UsageError("Name a policy, or say --configured.")

    async def work(engine: "Engine") -> int:
        if name or configured:
            active = await engine.adopt_policy(name)
        else:
            active = await engine.active_policy()
        command.out.emit(
            {
                "policy": active.name,
                "configured": active.configured,
                "adopted": active.adopted,
                "since": active.since or None,
                "path": active.path if active.adopted else None,
            }
        )
        from widgets.text import visible

        why = "as configured"
        if active.adopted:
            why = f"adopted, kept in {active.path}; the configuration says {active.configured}"
        command.out.line(visible(f"{active.name} ({why})"))
        return DONE

    return command.run(work, look=True)


def _tier(command: Command, places: Sequence[str], values: dict[str, Any]) -> int:
    wanted = options.target(values.pop("tier"), values["storage_class"])
    move_options = options.move_options(values)
    filters = take_filters(values)
    across, horizon = values.pop("across"), values.pop("horizon_months") or 0.0
    by_hand = wanted is not None or bool(values["storage_class"])
    if across and (by_hand or values["policy"]):
        raise UsageError("--clouds decides by itself; leave out policy, tier and storage class.")
    if horizon and not across:
        raise UsageError("--horizon-months belongs to --clouds.")
    if by_hand and not places:
        raise UsageError("Name the objects or prefixes that shall get that class.")
    if by_hand and values["policy"]:
        raise UsageError("Either a policy decides, or --tier or --storage-class does.")
    addresses = [command.address(place) for place in places] if by_hand else []
    clouds = [] if by_hand else _clouds(command, places)

    async def work(engine: "Engine") -> int:
        made: Plan
        if by_hand:
            made = await engine.plan_tier(
                addresses,
                tier=wanted,
                storage_class=values["storage_class"],
                options=move_options,
                filters=filters,
            )
        else:
            everything = [cloud.name for cloud in command.settings.clouds]
            for status in await scan_all(engine, everything if across else clouds):
                if status.state == "failed" and status.name not in clouds:
                    command.out.say(f"{status.name} is left out: {status.error}")
                elif status.state == "failed":
                    raise StoreError(status.error, subject=status.name, todo=status.error_todo)
            if across:
                await engine.decide_clouds(clouds, horizon_months=horizon)
            else:
                await engine.decide(values["policy"], clouds)
            made = await engine.plan_decisions(clouds, move_options, filters)
        return await review(command, engine, made, values)

    return run_moving(command, work, values, telling=not by_hand)


def _clouds(command: Command, places: Sequence[str]) -> list[str]:
    names = [place.removesuffix(":") for place in places]
    for name in names:
        if ":" in name:
            raise UsageError(
                f"{name!r} is an address; a policy decides over whole clouds.",
                todo="Name clouds, or say which class the address shall get with --tier.",
            )
        command.check_cloud(name)
    return names or [cloud.name for cloud in command.settings.clouds]
