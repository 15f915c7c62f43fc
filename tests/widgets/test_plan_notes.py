"""What a plan has to say as a whole: indented where it is wrapped, and never more than fits."""

from widgets.lines import plain_cell
from widgets.plan_notes import note_lines

LONG = "one two three four five six seven eight nine ten"


def told(notes: list[str], width: int, most: int) -> list[str]:
    return [plain_cell(cell) for cell in note_lines(notes, width, most)]


def test_the_rest_of_a_note_stands_under_its_beginning() -> None:
    assert told([LONG, "short"], 27, 4) == [
        " ! one two three four five",
        "   six seven eight nine ten",
        " ! short",
    ]


def test_every_note_begins_before_one_is_told_whole() -> None:
    found = told([LONG, LONG, "short"], 20, 4)
    assert [line[:3] for line in found] == [" ! ", "   ", " ! ", " ! "]
    assert found[1].endswith("…")
    assert found[2].endswith("…")


def test_notes_that_do_not_fit_are_counted() -> None:
    assert told(["a", "b", "c", "d"], 40, 3) == [
        " ! a",
        " ! b",
        " ! 2 more notes; the export has all",
    ]
    assert told([], 40, 3) == []
    assert all("\x1b" not in line for line in told(["esc \x1b[31m"], 40, 2))
