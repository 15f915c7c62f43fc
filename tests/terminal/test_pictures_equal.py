"""Cell for cell the same as without us, whatever is drawn and however busy the terminal is."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len, set_cell_size

from astra_tui.terminal.cells import is_sure
from astra_tui.terminal.encoder import Abilities
from astra_tui.terminal.parser import Parser
from astra_tui.terminal.screen import Canvas
from astra_tui.terminal.style import change
from tests.terminal.emulator import Broad, Emulator, Narrow, Terminal, Thinned

WIDTH, HEIGHT = 24, 6
few = settings(max_examples=60)
# One width on every terminal: ASCII, letters, box drawing, ideographs, Hangul.
SURE = st.text(st.sampled_from("ab .─│●…é漢字한ｱ  "), min_size=1, max_size=12)
# What terminals quarrel about; pyte counts each of these as Rich does.
UNSURE = st.sampled_from(["e\u0301", "🙂", "🚀x", "o\u0308\u0301p", "ก\u0e31", "⚠ ", "a\u200bb"])
QUARREL = st.sampled_from(["🇩🇪", "👩‍💻 x", "⚠\ufe0f", "a🏽b", "👍🏽"])
STYLES = st.sampled_from(
    ["", "1", "2;31", "38;2;10;20;30;48;2;40;50;60", "48;2;40;50;60", "38;5;99;48;5;3", "7",
     "4;97;100", "3;9", "38;2;1;2;3", "48;5;3", "1;3;4;7;38;2;9;9;9;48;2;1;1;1"]
)  # fmt: skip


@dataclass
class Frame:
    """Some segments from some places on, as Textual's compositor writes them."""

    pieces: list[tuple[int, int, list[tuple[str, str]]]]
    limit: int  # of what the terminal takes after it; 0 if it takes nothing

    @property
    def written(self) -> str:
        out = []
        for y, x, segments in self.pieces:
            out.append(f"\x1b[{y + 1};{x + 1}H")
            left = WIDTH - x
            for text, codes in segments:
                text = _cropped(text, left)
                left -= cell_len(text)
                out.append(f"\x1b[{codes}m{text}\x1b[0m" if codes else text)
        return "".join(out) + "\x1b[1;1H"


def _cropped(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) > width else text


def frames(text: st.SearchStrategy[str]) -> st.SearchStrategy[list[Frame]]:
    segments = st.lists(st.tuples(text, STYLES), min_size=1, max_size=4)
    piece = st.tuples(st.integers(0, HEIGHT - 1), st.integers(0, WIDTH - 1), segments)
    frame = st.builds(
        Frame, st.lists(piece, min_size=1, max_size=5), st.sampled_from([0, 1, 20, 10_000])
    )
    return st.lists(frame, min_size=1, max_size=6)


ABILITIES = st.builds(Abilities, st.booleans(), st.booleans())
BLANK = "".join(f"\x1b[{y + 1};1H{' ' * WIDTH}" for y in range(HEIGHT))


def same_in_the_end(drawn: list[Frame], abilities: Abilities) -> tuple[Terminal, Terminal]:
    stock, ours = Terminal(WIDTH, HEIGHT), Terminal(WIDTH, HEIGHT)
    thinned = Thinned(WIDTH, HEIGHT, abilities)
    stock.feed(BLANK)
    thinned.feed(BLANK)
    for frame in drawn:
        stock.feed(frame.written)
        thinned.feed(frame.written)
        if frame.limit:
            ours.feed(thinned.send(frame.limit))
    while not thinned.encoder.idle:
        ours.feed(thinned.send())
    assert thinned.send() == ""
    return stock, ours


@few
@given(frames(SURE), ABILITIES)
def test_sure_texts(drawn: list[Frame], abilities: Abilities) -> None:
    stock, ours = same_in_the_end(drawn, abilities)
    assert ours.cells() == stock.cells()
    assert (ours.screen.cursor.y, ours.screen.cursor.x) == (0, 0)


@few
@given(frames(SURE | UNSURE), ABILITIES)
def test_texts_whose_width_is_uncertain(drawn: list[Frame], abilities: Abilities) -> None:
    stock, ours = same_in_the_end(drawn, abilities)
    assert ours.cells() == stock.cells()


@few
@given(frames(SURE | UNSURE), ABILITIES)
def test_looks_that_pyte_does_not_know(drawn: list[Frame], abilities: Abilities) -> None:
    """Dim, hyperlinks and the like: what is sent, read by our own reader, is what was wanted."""
    thinned, reader = Thinned(WIDTH, HEIGHT, abilities), Canvas(WIDTH, HEIGHT)
    read = Parser(reader, lambda sequence, effect: None)
    thinned.feed(BLANK)
    for number, frame in enumerate(drawn):
        thinned.feed(f"\x1b]8;id={number % 2};https://a.example\x1b\\" if number % 2 else "")
        thinned.feed(frame.written.replace("\x1b[3;9m", "\x1b[2;3;53m") + "\x1b]8;;\x1b\\")
        read.feed(thinned.send(frame.limit or 1))
    while not thinned.encoder.idle:
        read.feed(thinned.send())
    assert reader.picture.texts == thinned.canvas.picture.texts
    assert reader.picture.styles == thinned.canvas.picture.styles


@pytest.mark.parametrize("kind", [Narrow, Broad])
@few
@given(drawn=frames(SURE | UNSURE | QUARREL), abilities=ABILITIES)
def test_terminals_that_count_otherwise_move_no_other_cell(
    kind: type[Emulator], drawn: list[Frame], abilities: Abilities
) -> None:
    ours, intended = Terminal(WIDTH, HEIGHT, kind), Terminal(WIDTH, HEIGHT)
    thinned = Thinned(WIDTH, HEIGHT, abilities)
    thinned.feed(BLANK)
    for frame in drawn:
        thinned.feed(frame.written)
        ours.feed(thinned.send(frame.limit or 1))
    while not thinned.encoder.idle:
        ours.feed(thinned.send())
    intended.feed(redrawn(thinned.canvas))
    for y, texts in enumerate(thinned.canvas.picture.texts):
        odd = [x for x, text in enumerate(texts) if text and not is_sure(text)]
        if any(x > WIDTH - 4 for x in odd):
            continue  # what hangs over the edge is drawn differently by each
        covered = {x for start in odd for x in range(start, start + 1 + (texts[start + 1] == ""))}
        for x in set(range(WIDTH)) - covered:
            assert ours.cells()[y][x] == intended.cells()[y][x]


def redrawn(canvas: Canvas) -> str:
    """Each cell of a picture by itself, at its place."""
    out = []
    for y, (texts, styles) in enumerate(
        zip(canvas.picture.texts, canvas.picture.styles, strict=True)
    ):
        for x, (text, look) in enumerate(zip(texts, styles, strict=True)):
            if text:
                out.append(f"\x1b[{y + 1};{x + 1}H{change(None, look)}{text}")
    return "".join(out)


@pytest.mark.parametrize("codes", ["44", "7", "4", ""])
def test_blanks_are_erased_only_where_that_leaves_the_right_colour(codes: str) -> None:
    for abilities in (Abilities(), Abilities(True, False), Abilities(True, True)):
        thinned = Thinned(WIDTH, 2, abilities)
        thinned.feed(f"\x1b[1;1H{'a' * WIDTH}\x1b[2;1H{'a' * WIDTH}")
        thinned.send()
        blank = f"\x1b[{codes}m{' ' * (WIDTH - 4)}\x1b[0m"
        thinned.feed(f"\x1b[1;5H{blank}\x1b[2;1H{blank}\x1b[1;1H")
        sent = thinned.send()
        allowed = not codes or (codes == "44" and abilities.coloured_erase)
        assert ("\x1b[K" in sent) is allowed
        assert (f"\x1b[{WIDTH - 4}X" in sent) is (allowed and abilities.erase)


@pytest.mark.parametrize("texts", [("漢字", "x漢"), ("a漢b", "漢漢"), ("漢", "a"), ("🙂b", "c🙂")])
def test_wide_characters_that_replace_halves_of_others(texts: tuple[str, str]) -> None:
    before, after = texts
    stock, ours = Terminal(8, 1), Terminal(8, 1)
    thinned = Thinned(8, 1)
    for text in (" " * 8, before, after, before):
        stock.feed("\x1b[1;1H" + text + "\x1b[1;1H")
        thinned.feed("\x1b[1;1H" + text + "\x1b[1;1H")
        ours.feed(thinned.send())
        assert ours.cells() == stock.cells()
