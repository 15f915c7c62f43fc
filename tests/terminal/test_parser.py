"""What Textual's output means: drawing, and what is passed on untouched."""

import pytest

from astra_tui.terminal.parser import Effect, Parser
from astra_tui.terminal.screen import UNSAID, Canvas
from astra_tui.terminal.style import PLAIN, change, selected, style
from tests.terminal.emulator import Thinned


def reading(width: int = 10, height: int = 3) -> Thinned:
    return Thinned(width, height)


def rows(thinned: Thinned) -> list[str]:
    return ["".join(row).replace(UNSAID, "?") for row in thinned.canvas.picture.texts]


@pytest.mark.parametrize(
    ("sequence", "effect"),
    [
        ("\x1b[?25l", Effect.NONE), ("\x1b[?2004h", Effect.NONE), ("\x1b[?1003;1006h", Effect.NONE),
        ("\x1b[?2026$p", Effect.NONE), ("\x1b[>25u", Effect.NONE), ("\x1b[<u", Effect.NONE),
        ("\x1b[6n", Effect.NONE), ("\x1b[c", Effect.NONE), ("\x1b[2 q", Effect.NONE),
        ("\x1b]52;c;aGk=\x07", Effect.NONE), ("\x1b]0;title\x1b\\", Effect.NONE),
        ("\a", Effect.NONE),
        ("\x1b]22;pointer\x07", Effect.NONE), ("\x1b=", Effect.NONE), ("\x1b[>4;1m", Effect.NONE),
        ("\x1b[?1049h", Effect.ENTER), ("\x1b[?1049l", Effect.LEAVE), ("\x1b[?47l", Effect.LEAVE),
        ("\x1b[2;5r", Effect.UNKNOWN), ("\x1b[3L", Effect.UNKNOWN), ("\x1b7", Effect.UNKNOWN),
        ("\x1bc", Effect.UNKNOWN), ("\x1b(B", Effect.UNKNOWN), ("\x1b[?6h", Effect.UNKNOWN),
        ("\x1bPq#0~\x1b\\", Effect.UNKNOWN), ("\x1b_Ga=T;AAAA\x1b\\", Effect.UNKNOWN),
        ("\x1bPtmux;\x1b\x1b]52;c;aGk=\x07\x1b\\", Effect.UNKNOWN), ("\x1b[u", Effect.UNKNOWN),
    ],
)  # fmt: skip
def test_passed_on_whole(sequence: str, effect: Effect) -> None:
    thinned = reading()
    thinned.feed(f"ab{sequence}cd")
    assert thinned.passed == [(sequence, effect)]
    assert rows(thinned)[0] == "abcd??????"


@pytest.mark.parametrize(
    "sequence", ["\x1b]52;c;aGk=\x1b\\", "\x1b[38;5;1m", "\x1bPa\x1b\x1bb\x1b\\"]
)
def test_parts_of_a_sequence_wait_for_the_rest(sequence: str) -> None:
    for cut in range(1, len(sequence)):
        thinned, whole = reading(), reading()
        thinned.feed("a" + sequence[:cut])
        assert not thinned.passed
        thinned.feed(sequence[cut:] + "b")
        whole.feed(f"a{sequence}b")
        assert thinned.passed == whole.passed
        assert thinned.canvas.picture.texts == whole.canvas.picture.texts
        assert thinned.canvas.pen is whole.canvas.pen


@pytest.mark.parametrize(
    "hostile", ["\x1b]0;never ended\x1b[0m", "\x1b", "\x1b\x1b", "\x0e\x9b\x00"]
)
def test_what_begins_no_sequence_reaches_no_terminal(hostile: str) -> None:
    thinned = reading(40, 1)
    thinned.feed("a" + hostile + "\x1b[1;1Hb")
    assert not thinned.passed
    assert rows(thinned)[0][0] == "b"
    assert "\x0e" not in thinned.send()
    assert "\x9b" not in thinned.send()


def test_the_marks_of_a_frame_are_not_passed_on() -> None:
    thinned = reading()
    thinned.feed("\x1b[?2026h\x1b[2;3Hx\x1b[?2026l")
    assert not thinned.passed
    assert thinned.parser.synchronized
    assert rows(thinned)[1] == "??x???????"


def test_moves_and_erasing() -> None:
    thinned = reading()
    thinned.feed("\x1b[Habcdefghij\x1b[2;1Hklmnopqrst\x1b[3;1Huvwxyzuvwx")
    thinned.feed("\x1b[2;4H\x1b[2D\x1b[A\x1b[2C!\x1b[3;3H\x1b[1J\x1b[1d\x1b[8G\x1b[0K")
    assert rows(thinned) == ["abcd!fg   ".replace("abcd!fg", " " * 7), " " * 10, "   xyzuvwx"]


def test_text_at_the_edges() -> None:
    thinned = reading(6, 2)
    thinned.feed("\x1b[1;5H漢字\x1b[2;6H漢\x1b[9;9H\n\n!")
    assert rows(thinned) == ["????漢", "!???? "]


def test_marks_join_what_stands_before_them() -> None:
    thinned = reading(6, 1)
    thinned.feed("\x1b[He\x1b[1m\u0301x")
    assert thinned.canvas.picture.texts[0][:2] == ["e\u0301", "x"]
    thinned.feed("\u0301" * 500)
    thinned.feed("\x1b[1;4Hy" + "\u0301" * 500)
    assert len(thinned.canvas.picture.texts[0][3]) < 40
    assert len(thinned.canvas.picture.texts[0][1]) < 40


def test_links() -> None:
    thinned = reading(6, 1)
    thinned.feed("\x1b]8;id=1;https://a.example\x1b\\ab\x1b]8;;\x1b\\cd")
    looks = thinned.canvas.picture.styles[0]
    assert looks[0].link == "id=1;https://a.example"
    assert looks[2] is PLAIN
    sent = thinned.send()
    assert (
        sent.index("https://a.example")
        < sent.index("ab")
        < sent.index("\x1b]8;;")
        < sent.index("cd")
    )


@pytest.mark.parametrize(
    "codes", ["1;2;3", "4;9;38;2;1;2;3", "48;5;7;97", "7;53;21", "4:3;38:2::1:2:3", ""]
)
@pytest.mark.parametrize("before", ["", "1;31;44", "4;7", "2;38;5;9;48;2;0;0;0", "4:3", "51"])
def test_one_change_leads_from_look_to_look(before: str, codes: str) -> None:
    one, other = selected(PLAIN, before), selected(PLAIN, codes)
    canvas = Canvas(1, 1)
    reader = Parser(canvas, lambda sequence, effect: None)
    for known in (one, None):
        canvas.pen = one
        reader.feed(change(known, other))
        assert canvas.pen is other
    assert selected(one, "0") is PLAIN
    assert len(change(one, other)) <= len(change(None, other))


def test_a_blank_shows_its_background_only() -> None:
    assert selected(PLAIN, "1;31;44").blank is style(bg="44")
    assert selected(PLAIN, "4;31").blank is selected(PLAIN, "4;31")
