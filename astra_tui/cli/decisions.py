"""`astra decisions`: what the policies decided, for audit."""

import datetime as dt
from typing import TYPE_CHECKING, Any

import rich_click as click

from astra_tui.cli.context import DONE, Command, verb
from astra_tui.cli.output import address_text, usd

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.model import Address, Decision


@verb("decisions")
@click.argument("place", required=False, metavar="[CLOUD|ADDRESS]")
@click.option("--policy", default="", help="Only decisions of this policy.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="Only the latest so many.",
)
def decisions(command: Command, place: str | None, policy: str, limit: int) -> int:
    """List stored decisions, latest first: of an object, a prefix, a cloud, or all.

    Each with its reason, the saving at the reads of the last 30 days, what the policy expects to
    save and what that assumes, the confidence, and the versions of the policy and of the model that
    it asked.
    """
    where = _place(command, place) if place else None

    async def work(engine: "Engine") -> int:
        found = await engine.decisions(where, policy=policy, limit=limit)
        command.out.emit_all(decision_json(item) for item in found)
        money = (">saving/mo", ">expected/mo")
        heads = ("decided", "policy", "from", "to", *money, ">confidence", "object: reason")
        command.out.table(heads, [_row(item) for item in found])
        if not found:
            command.out.say("No decision is stored; `astra tier plan` makes some.")
        return DONE

    return command.run(work, look=True)


def _place(command: Command, text: str) -> "Address":
    from engine.model import Address

    name = text.removesuffix(":")
    if ":" not in name:
        command.check_cloud(name)
        return Address(name, "")
    return command.address(text)


def decision_json(item: "Decision") -> dict[str, Any]:
    """A decision as `--json` prints it, here and on the topic `recommendations`."""
    from engine.events.schema import recommendation_message

    return recommendation_message(item)


def _row(item: "Decision") -> tuple[str, ...]:
    from widgets.text import visible

    version = f"{item.policy} {item.policy_version}"
    model = f", {item.model_version}" if item.model_version else ""
    there = f"{item.to_cloud} {item.to_class}" if item.to_cloud else item.to_class
    return (
        dt.datetime.fromtimestamp(item.decided_at).isoformat(" ", "seconds"),
        version + model,
        item.from_class,
        there,
        usd(item.saving_per_month),
        usd(item.expected_saving),
        f"{item.confidence:.0%}",
        f"{address_text(item.address)}: {visible(item.reason)}",
    )
