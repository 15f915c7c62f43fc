"""A policy's schedule, found by asking it: made-up objects grow older day by day, and what it
decides for them is written down.

So the same way serves every policy, with all it takes into account: rules, prices, payback.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.keytext import KeyText
from engine.lifecycle.model import Schedule, Step
from engine.pricing.columns import ClassTable, Codes
from engine.tiering.shape import Features, Policy

HORIZON = 1100  # days that an object is followed
_STRIDE = 10  # days between two looks; where something happened, each day is looked at
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Subject:
    """An object to follow: key and bytes; it begins in the class `start` (a code)."""

    key: str
    size: int
    start: int


def follow(
    policy: Policy,
    table: ClassTable,
    subjects: Sequence[Subject],
    *,
    days: Sequence[int] = (),
    reads: float = 0.0,
    idle: bool = True,
) -> list[Schedule]:
    """The schedule of each subject, asked on these days (default: every day of the horizon).

    `reads` in each month; not `idle`: somebody touched it a moment ago. Some tenths of a second
    of computation: run it in a thread.
    """
    walk = _Walk(policy, table, subjects, reads, idle)
    if days:
        for day in days:
            walk.step(day)
        return walk.found()
    before = -1
    for day in range(0, HORIZON + 1, _STRIDE):
        if walk.moves(day):
            for each in range(before + 1, day + 1):
                walk.step(each)
        before = day
    return walk.found()


class _Walk:
    """Objects as they grow older, each in the class that it has come to."""

    def __init__(
        self,
        policy: Policy,
        table: ClassTable,
        subjects: Sequence[Subject],
        reads: float,
        idle: bool,
    ) -> None:
        self.policy, self.table, self.subjects = policy, table, subjects
        self.reads, self.idle = reads, idle
        self.text = KeyText([subject.key for subject in subjects])
        self.codes = np.array([subject.start for subject in subjects], np.int16)
        self.steps: list[list[Step]] = [[] for _ in subjects]

    def found(self) -> list[Schedule]:
        return [tuple(steps) for steps in self.steps]

    def moves(self, day: int) -> dict[int, int]:
        """Which objects (by row) go into which colder class (a code) on that day."""
        features = _features(
            self.table,
            self.subjects,
            self.text,
            self.codes,
            float(day),
            self.reads,
            idle=self.idle,
        )
        columns = self.policy.decide(features)
        targets = {row: int(columns.targets[row]) for row in columns.changed().tolist()}
        tier = self.table.tier  # no rule of a provider goes back to a warmer class
        return {r: code for r, code in targets.items() if tier[code] >= tier[self.codes[r]]}

    def step(self, day: int) -> None:
        """Let the day come."""
        codes = self.codes.copy()
        for row, code in self.moves(day).items():
            steps = self.steps[row]
            if steps and steps[-1].days == day:
                steps.pop()
            steps.append(Step(day, self.table.name(code)))
            codes[row] = code
        self.codes = codes


def decided(
    policy: Policy, table: ClassTable, subject: Subject, *, age: float, reads: float
) -> str:
    """The class in which the policy would have that one object now."""
    text = KeyText([subject.key])
    codes = np.array([subject.start], np.int16)
    columns = policy.decide(_features(table, [subject], text, codes, age, reads, idle=not reads))
    return table.name(int(columns.targets[0]))


def _features(
    table: ClassTable,
    subjects: Sequence[Subject],
    text: KeyText,
    codes: Codes,
    age: float,
    reads: float,
    *,
    idle: bool,
) -> Features:
    count = len(subjects)
    ones = np.ones(count)
    return Features(
        cloud="",
        bucket="",
        now=age * _DAY,
        table=table,
        keys=[subject.key for subject in subjects],
        text=text,
        codes=codes,
        sizes=np.array([subject.size for subject in subjects], np.float64),
        age_days=ones * age,
        idle_days=ones * (age if idle else 0.0),
        reads_1h=np.zeros(count),
        reads_1d=ones * reads / 30,
        reads_7d=ones * reads * 7 / 30,
        reads_30d=ones * reads,
    )
