"""Plans that are saved, shown, exported and run by command."""

import json

from tests.cli.conftest import Astra


def test_a_plan_goes_through_a_file_and_is_carried_out(astra: Astra) -> None:
    astra.config()
    (astra.folder / "objects" / "other").mkdir()
    for key in ("a", "b", "c"):
        astra.file(key)
    words = ("migrate", "disk:box/", "disk:other/", "--dry-run", "--save", "--json")
    made = astra(*words).lines[-1]["plan"]
    assert [(group["moves"], group["of"]) for group in made["groups"]] == [(3, 3)]
    assert {risk["risk"] for risk in made["risks"]} >= {"deletes", "unattested"}
    start = made["plan_id"][:6]
    shown = astra("plan", "show", start).out
    assert "Groups" in shown
    assert "sources deleted (3)" in shown
    path = astra.folder / "plan.jsonl"
    path.write_text("mine")
    assert "--force" in astra("plan", "export", start, "-o", str(path), code=3).err
    assert path.read_text() == "mine"
    astra("plan", "export", start, "-o", str(path), "--force")
    head = json.loads(path.read_text().splitlines()[0])
    assert head["summary"]["risks"] == made["risks"]
    assert astra("plan", "export", start, "--format", "csv").out.count("\n") == 4
    refused = astra("plan", "save", str(path), code=3)
    assert f"saved plan {made['plan_id']} is there already" in refused.err
    astra("plan", "save", str(path), "--force")
    astra("plan", "delete", made["plan_id"])
    astra("plan", "save", str(path))
    (astra.folder / "objects" / "box" / "b").unlink()
    checked = astra("plan", "show", start, "--check", "--json")
    assert "1 of 3 are gone" in checked.err
    assert checked.lines[-1]["plan"]["refused"] == 1
    done = astra("plan", "run", str(path), "--yes", "--json", code=1)
    assert (done.summary["successful"], done.summary["refused"]) == (2, 1)
    assert sorted(p.name for p in (astra.folder / "objects" / "other").iterdir()) == ["a", "c"]
    path.write_text("{}")
    assert "no exported plan" in astra("plan", "run", str(path), "--yes", code=None).err
    missing = astra("plan", "run", "nosuch", "--yes", code=2)
    assert "no such file" in missing.err
    assert "plan list" in missing.err
