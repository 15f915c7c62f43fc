"""An error in words an operator can use: what happened, to what, what is safe, what to do."""

from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from astra_tui.screens.dialogs import Line, field
from engine.errors import AstraError


@dataclass(frozen=True, slots=True)
class ErrorText:
    """The four answers, and where to read more. Raw strings: make them visible to show them."""

    what: str
    subject: str = ""
    safe: str = ""
    todo: str = ""
    log: str = ""

    @property
    def sentence(self) -> str:
        """What happened and what to do, for a line or a notice."""
        return " ".join(part for part in (self.what, self.todo) if part)

    def lines(self) -> list[Line]:
        """The lines of a dialog."""
        named = (
            ("what", self.what),
            ("to", self.subject),
            ("safe", self.safe),
            ("do", self.todo),
            ("log", self.log),
        )
        lines: list[Line] = []
        for name, value in named:
            if value:
                if name in ("do", "log") and lines and lines[-1] != "":
                    lines.append("")
                lines.append(field(name, value))
        return lines or [Text("Something failed.")]


def describe(error: BaseException, log: Path | None = None) -> ErrorText:
    """What to tell of an error. One that nobody foresaw gets calm words and the log file; its
    own text may hold anything and stays in the log."""
    path = str(log) if log is not None else ""
    if isinstance(error, AstraError):
        return ErrorText(error.what, error.subject, error.safe, error.todo)
    return ErrorText(
        what=f"Astra met an error of its own ({type(error).__name__}).",
        safe="No source is deleted before its copy is verified; what runs goes on.",
        todo="Try again; if it happens again, report it with the log file.",
        log=path,
    )
