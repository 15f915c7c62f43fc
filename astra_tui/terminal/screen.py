"""A picture of the screen, cell by cell, and a canvas that is drawn on as a terminal is."""

from collections.abc import Sequence

from astra_tui.terminal.cells import all_narrow, is_sure, pieces
from astra_tui.terminal.style import PLAIN, Style

UNSAID = "\0"  # in a cell that nobody asked for, or of which nothing is known
_JOINED_AT_MOST = 32  # characters in one cell


class Picture:
    """What is in each cell and how it looks; it may become larger, never smaller.

    `texts[y][x]` is the text that begins in a cell: "" where the one before goes on. Both lists
    of a row are as long as the picture is wide. `odd[y]` tells that the row may have a text
    whose cells terminals do not agree about.
    """

    __slots__ = ("columns", "odd", "styles", "texts")

    def __init__(self, columns: int, rows: int) -> None:
        self.columns = columns
        self.texts: list[list[str]] = []
        self.styles: list[list[Style]] = []
        self.odd: list[bool] = []
        self.grow(columns, rows)

    def grow(self, columns: int, rows: int) -> None:
        """Make room for that many; new cells are unsaid."""
        more = columns - self.columns
        if more > 0:
            self.columns = columns
            for texts, styles in zip(self.texts, self.styles, strict=True):
                texts.extend([UNSAID] * more)
                styles.extend([PLAIN] * more)
        while len(self.texts) < rows:
            self.texts.append([UNSAID] * self.columns)
            self.styles.append([PLAIN] * self.columns)
            self.odd.append(False)

    def forget(self) -> None:
        """Nothing is known of any cell."""
        for y in range(len(self.texts)):
            self.texts[y] = [UNSAID] * self.columns
            self.styles[y] = [PLAIN] * self.columns
            self.odd[y] = False


class Canvas:
    """What the app wants shown: a picture, the place of the cursor and the style in use.

    `width` and `height` are the terminal's size now. The picture may be larger: a window that
    becomes small and large again gets back what it showed. `changed` are the rows drawn on
    since somebody emptied the set.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.picture = Picture(width, height)
        self.changed: set[int] = set()
        self.x = self.y = 0
        self.pen = PLAIN
        self.begun = False  # has anything been asked for yet?

    def resize(self, width: int, height: int) -> None:
        self.width, self.height = max(1, width), max(1, height)
        self.picture.grow(self.width, self.height)
        self.change_all()

    def change_all(self) -> None:
        self.changed.update(range(len(self.picture.texts)))

    # -- the cursor ---------------------------------------------------------------------

    def move(self, y: int, x: int) -> None:
        """Put the cursor into a cell, counted from 0; the edges stop it."""
        self.y = min(max(0, y), len(self.picture.texts) - 1)
        self.x = min(max(0, x), self.picture.columns - 1)
        self.begun = True

    def new_line(self) -> None:
        """To the next row (the terminal adds the return); at the lowest nothing scrolls."""
        self.move(self.y + 1, 0)

    # -- drawing ------------------------------------------------------------------------

    def put(self, text: str) -> None:
        """Write a text without control characters; what is beyond the edge is not drawn."""
        if all_narrow(text):
            self._place(text)
            return
        for piece, width in pieces(text):
            if width == 0:
                self._join(piece)
                continue
            if not is_sure(piece):
                self.picture.odd[self.y] = True
            self._place((piece[:_JOINED_AT_MOST], *[""] * (width - 1)))

    def erase(self, y: int, first: int, end: int) -> None:
        """Blank cells of a row in the background of the pen, as terminals do."""
        x, at, pen = self.x, self.y, self.pen
        self.move(y, first)
        self.pen = pen.blank if pen.blank is not pen else pen
        self._place(" " * max(0, end - first))
        self.x, self.y, self.pen = x, at, pen

    def _place(self, cells: Sequence[str]) -> None:
        texts, styles = self.picture.texts[self.y], self.picture.styles[self.y]
        first, columns = self.x, self.picture.columns
        end = first + len(cells)
        if end > columns:
            if len(cells) > 1 and not cells[1]:
                cells = " " * (columns - first)  # a wide character has no half
            cells, end = cells[: columns - first], columns
            if not cells:
                return
        # Whoever overwrites a part of a wide character takes all of it away.
        if not texts[first]:
            self._blank_back(texts, styles, first - 1)
        if end < columns and not texts[end]:
            self._blank_on(texts, styles, end)
        texts[first:end] = cells
        pen, blank = self.pen, self.pen.blank
        if pen is blank:
            styles[first:end] = [pen] * (end - first)
        else:
            styles[first:end] = [blank if text == " " else pen for text in cells]
        self.x = end
        self.changed.add(self.y)
        self.begun = True

    @staticmethod
    def _blank_back(texts: list[str], styles: list[Style], x: int) -> None:
        while x >= 0:
            whole = bool(texts[x])
            texts[x], styles[x] = " ", styles[x].blank
            if whole:
                return
            x -= 1

    @staticmethod
    def _blank_on(texts: list[str], styles: list[Style], x: int) -> None:
        while x < len(texts) and not texts[x]:
            texts[x], styles[x] = " ", styles[x].blank
            x += 1

    def _join(self, marks: str) -> None:
        """Add marks to the text before the cursor."""
        texts = self.picture.texts[self.y]
        x = self.x - 1
        while x > 0 and not texts[x]:
            x -= 1
        if x >= 0 and texts[x] != UNSAID:
            texts[x] = (texts[x] + marks)[:_JOINED_AT_MOST]
            self.picture.odd[self.y] = True
            self.changed.add(self.y)
