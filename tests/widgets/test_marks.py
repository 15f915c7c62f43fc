"""What is marked: objects and whole folders, none of them counted twice; places gone back to."""

from engine.model import Address, ObjectRow, Picked, Tier
from tests.widgets.stage import Stage, settle
from widgets.crumbs import Crumbs
from widgets.marks import Marks, only_objects
from widgets.trail import Spot, Trail


def row(key: str, size: int = 1, objects: int | None = None) -> ObjectRow:
    return ObjectRow(key, size, 0.0, 0.0, "", Tier.HOT, None, 0, 0.0, objects=objects)


def test_a_marked_folder_covers_what_is_in_it() -> None:
    marks = Marks()
    for each in (row("a/x", 5), row("a/b/", 20, 2), row("c", 7)):
        marks.toggle(each)
    assert (marks.count, marks.bytes) == (4, 32)
    marks.toggle(row("a/", 100, 9))
    assert (marks.count, marks.bytes) == (10, 107)
    assert list(marks.objects) == ["c"]
    assert list(marks.folders) == ["a/"]
    assert marks.has(row("a/b/", 20, 2))
    assert marks.has(row("a/b/deep"))
    assert marks.has(row("a/"))  # the object of that name lies in the folder
    assert not marks.has(row("ab"))
    assert not marks.has(row("c/", 1, 1))
    chosen = marks.chosen("aws", "b")
    assert chosen.objects == (Address("aws", "b", "c"),)
    assert chosen.folders == (Address("aws", "b", "a/"),)
    assert chosen.addresses[1].is_prefix
    marks.toggle(row("a/", 100, 9))
    assert marks.count == 1


def test_an_object_named_like_a_folder_has_a_mark_of_its_own() -> None:
    marks = Marks()
    marks.toggle(row("a/"))
    assert list(marks.objects) == ["a/"]
    assert not marks.has(row("a/", 10, 3))
    assert marks.covering("a/x") is None


def test_picked_lines_are_marked_unmarked_and_turned_round() -> None:
    marks = Marks()
    picked = Picked(("a/", "b"), (10, 2), (3, None))
    marks.take(picked, True)
    marks.settle()
    assert (marks.count, marks.bytes) == (4, 12)
    marks.take(Picked(("b", "c"), (2, 4)), None)
    marks.settle()
    assert (marks.count, list(marks.objects)) == (4, ["c"])
    marks.take(picked, False)
    marks.settle()
    assert (marks.count, list(marks.objects)) == (1, ["c"])
    assert only_objects(picked) == Picked(("b",), (2,))


def test_back_and_forward() -> None:
    trail = Trail()
    one, two, three = (Spot("b", "", folder) for folder in ("", "a/", "a/b/"))
    assert trail.back(one) is None
    trail.leave(one)
    trail.leave(two)
    assert trail.back(three) == two
    assert trail.back(two) == one
    assert trail.forward(one) == two
    assert trail.can_go_forward
    trail.leave(two)
    assert not trail.can_go_forward


async def test_a_click_on_a_crumb_goes_there() -> None:
    crumbs = Crumbs()
    app = Stage(lambda: [crumbs], lambda _: crumbs.show("data", "", "a//[red]b/"))
    async with app.run_test(size=(60, 5)) as pilot:
        await settle(pilot)
        line = "".join(segment.text for segment in crumbs.render_line(0))
        assert line.rstrip() == " data / a / ⟨⟩ / [red]b"
        await pilot.click(crumbs, offset=(line.index("a /", 6), 0))
        await pilot.click(crumbs, offset=(line.index("⟨"), 0))
        await pilot.click(crumbs, offset=(2, 0))
        assert [message.folder for message in app.heard(Crumbs.Picked)] == ["a/", "a//", ""]
        crumbs.show("data", "", "/".join(f"folder{n}" for n in range(20)) + "/")
        await settle(pilot)
        narrow = "".join(segment.text for segment in crumbs.render_line(0))
        assert narrow.startswith(" … / ")
        assert narrow.rstrip().endswith("folder19")
        crumbs.show("data", "", None)
        await settle(pilot)
        assert not crumbs.has_class("-shown")
