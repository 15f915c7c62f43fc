"""Every picture that lies here is looked at by a test: one that is not proves nothing."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_every_picture_belongs_to_a_test(request: pytest.FixtureRequest) -> None:
    options = request.config.option
    if options.keyword or options.markexpr or any("::" in str(a) for a in request.config.args):
        pytest.skip("only some of the tests were chosen")
    # Processes that share a session each know all of its tests.
    tests: dict[Path, set[str]] = {}
    for item in request.session.items:
        tests.setdefault(item.path, set()).add(item.name)
    unused = [
        picture.relative_to(HERE)
        for path, names in tests.items()
        for picture in (path.parent / "__snapshots__" / path.stem).glob("*.svg")
        if picture.stem not in names
    ]
    forgotten = [
        folder.relative_to(HERE)
        for folder in HERE.glob("**/__snapshots__/*")
        if not folder.parent.with_name(f"{folder.name}.py").exists()
    ]
    assert not unused + forgotten
