"""What an operator marked in a pane: objects by key, and whole folders with all that is in them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.model import Address, ObjectRow, Picked


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the next key is about: objects, and folders that mean all below them; `count` objects
    in all, as listed when they were marked."""

    objects: tuple[Address, ...] = ()
    folders: tuple[Address, ...] = ()
    count: int = 0

    def __bool__(self) -> bool:
        return bool(self.objects or self.folders)

    @property
    def parts(self) -> tuple[tuple[Address, ...], tuple[Address, ...], int]:
        """Objects, folders and the count."""
        return self.objects, self.folders, self.count

    @property
    def addresses(self) -> list[Address]:
        """All of them; a folder as the prefix that it is."""
        return [*self.objects, *self.folders]


class Marks:
    """Marked objects and folders. A marked folder covers what is in it: an object is never
    counted twice, and inside it nothing has a mark of its own."""

    def __init__(self) -> None:
        self.objects: dict[str, int] = {}  # key to size
        self.folders: dict[str, tuple[int, int]] = {}  # to objects and bytes
        self.count = 0  # objects that are meant
        self.bytes = 0
        self._dropped: tuple[dict[str, int], dict[str, tuple[int, int]]] = ({}, {})

    def __bool__(self) -> bool:
        return bool(self.objects or self.folders)

    @property
    def lines(self) -> int:
        """How many lines carry a mark of their own."""
        return len(self.objects) + len(self.folders)

    @property
    def dropped(self) -> int:
        """How many marks `back` would bring back."""
        objects, folders = self._dropped
        return len(objects) + len(folders)

    def covering(self, key: str, *, folder: bool = False) -> str | None:
        """The marked folder that holds this object, or this folder."""
        if not self.folders:
            return None
        end = key.find("/") + 1
        while end and not (folder and end == len(key)):
            if key[:end] in self.folders:
                return key[:end]
            end = key.find("/", end) + 1
        return None

    def has(self, row: ObjectRow) -> bool:
        """Whether a line is marked, by itself or with a folder around it."""
        if row.objects is not None:
            return row.key in self.folders or self.covering(row.key, folder=True) is not None
        return row.key in self.objects or self.covering(row.key) is not None

    def toggle(self, row: ObjectRow) -> None:
        """Mark or unmark a line by itself."""
        if row.objects is None:
            if self.objects.pop(row.key, None) is None:
                self.objects[row.key] = row.size
        elif self.folders.pop(row.key, None) is None:
            self.folders[row.key] = (row.objects, row.size)
        self.settle()

    def take(self, picked: Picked, mark: bool | None) -> None:
        """Mark (unmark, or with None turn round) these; `settle` afterwards."""
        counts: Sequence[int | None] = picked.counts or [None] * len(picked.keys)
        for key, size, count in zip(picked.keys, picked.sizes, counts, strict=True):
            marked = key in self.objects if count is None else key in self.folders
            if mark is False or (mark is None and marked):
                if count is None:
                    self.objects.pop(key, None)
                else:
                    self.folders.pop(key, None)
            elif count is None:
                self.objects[key] = size
            else:
                self.folders[key] = (count, size)

    def put_back(
        self, picked: Picked, objects: dict[str, int], folders: dict[str, tuple[int, int]]
    ) -> None:
        """Mark these as they were when that was marked; `settle` afterwards."""
        self.take(picked, False)
        for key in picked.keys:
            if key in objects:
                self.objects[key] = objects[key]
            if key in folders:
                self.folders[key] = folders[key]

    def settle(self) -> None:
        """Leave out what lies in a marked folder, and add up."""
        if self.folders:
            for key in [key for key in self.objects if self.covering(key) is not None]:
                del self.objects[key]
            inner = [key for key in self.folders if self.covering(key, folder=True) is not None]
            for key in inner:
                del self.folders[key]
        self.count = len(self.objects) + sum(objects for objects, _ in self.folders.values())
        self.bytes = sum(self.objects.values()) + sum(size for _, size in self.folders.values())

    def drop(self, keys: Iterable[str], *, folders: bool) -> None:
        """Unmark these objects, or folders."""
        for key in keys:
            if folders:
                self.folders.pop(key, None)
            else:
                self.objects.pop(key, None)
        self.settle()

    def back(self) -> None:
        """Mark what was marked before the last `clear`, too."""
        objects, folders = self._dropped
        self._dropped = {}, {}
        self.objects.update(objects)
        self.folders.update(folders)
        self.settle()

    def forget(self) -> None:
        """What was dropped does not come back: it lies elsewhere."""
        self._dropped = {}, {}

    def clear(self) -> None:
        """Unmark everything."""
        if self:
            self._dropped = dict(self.objects), dict(self.folders)
        self.objects.clear()
        self.folders.clear()
        self.settle()

    def chosen(self, cloud: str, bucket: str) -> Chosen:
        """What is marked, objects in the order they were marked."""
        return Chosen(
            tuple(Address(cloud, bucket, key) for key in self.objects),
            tuple(Address(cloud, bucket, key) for key in self.folders),
            self.count,
        )


def picked_rows(rows: Sequence[ObjectRow]) -> Picked:
    """Rows as what `Marks.take` takes."""
    counts = tuple(row.objects for row in rows)
    keys, sizes = tuple(row.key for row in rows), tuple(row.size for row in rows)
    return Picked(keys, sizes, counts if any(count is not None for count in counts) else ())


def only_objects(picked: Picked) -> Picked:
    """Without the folders."""
    if not picked.counts:
        return picked
    kept = [number for number, count in enumerate(picked.counts) if count is None]
    keys = tuple(picked.keys[number] for number in kept)
    return Picked(keys, tuple(picked.sizes[number] for number in kept))
