"""Which terminal driver the console uses, and Textual's made to survive a terminal that goes away.

When a line drops, the thread that writes to the terminal dies of its first failed write. What is
written after that fills its queue and then waits for ever, so that a console on a dropped line
would never end: no roll-back, no clean exit, a locked state directory.
"""

import os
import queue
from collections.abc import Mapping

from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

STOCK = "stock"  # what ASTRA_DRIVER says for Textual's own way to the terminal
_LOOK = 0.2  # seconds between looks at whether anybody still writes


class HangUpDriver(LinuxDriver):
    """Drops what it cannot write once its terminal is gone."""

    def write(self, data: str) -> None:
        writer = self._writer_thread
        while writer is not None and writer.is_alive():
            try:
                writer._queue.put(data, timeout=_LOOK)
                return
            except queue.Full:
                continue

    def close(self) -> None:
        if self._writer_thread is not None and self._writer_thread.is_alive():
            super().close()


def driver_class(found: type[Driver], environ: Mapping[str, str] = os.environ) -> type[Driver]:
    """Ours in place of the one Textual found, where that is the one for terminals."""
    if found is not LinuxDriver:
        return found
    if environ.get("ASTRA_DRIVER", "").strip().lower() == STOCK:
        return HangUpDriver
    from astra_tui.terminal.driver import ThinDriver

    return ThinDriver


def repaint(driver: Driver | None) -> None:
    """Let the driver forget what it believes the terminal shows; Textual's own believes nothing."""
    from astra_tui.terminal.driver import ThinDriver

    if isinstance(driver, ThinDriver):
        driver.repaint()
