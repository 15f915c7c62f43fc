"""Lines of a dialog whose rest stands under their beginning where they are wrapped."""

from rich.console import Console
from rich.text import Text
from textual.content import Content
from textual.css.styles import RulesMap
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual

_LEAST = 8  # cells for the text; with less it is wrapped as any other


class Hung(Text):
    """A text that is to be wrapped so: what follows the first line stands `indent` cells in."""

    indent: int = 0


class Hanging(Visual):
    """A `Hung` text as Textual draws it. It must be one line, so far as it is not wrapped."""

    def __init__(self, text: Hung, console: Console) -> None:
        self._content = Content.from_rich_text(text, console=console)
        self._indent = text.indent
        self._fitted: tuple[int, Content] = (-1, self._content)

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        return self._at(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return self._content.get_optimal_width(rules, container_width)

    def get_minimal_width(self, rules: RulesMap) -> int:
        return self._content.get_minimal_width(rules)

    def get_height(self, rules: RulesMap, width: int) -> int:
        return self._at(width).get_height(rules, width)

    def _at(self, width: int) -> Content:
        """The text with its breaks for that width."""
        if self._fitted[0] != width:
            self._fitted = (width, self._broken(width))
        return self._fitted[1]

    def _broken(self, width: int) -> Content:
        whole, indent = self._content, self._indent
        if whole.cell_length <= width or width < indent + _LEAST:
            return whole
        head, rest = whole.divide([indent])
        first, *others = rest.wrap(width - indent)
        lead = Content(" " * indent)
        return Content("\n").join([head.append(first), *(lead.append(line) for line in others)])
