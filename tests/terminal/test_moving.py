"""The moving picture of a recorded session: what it shows, and when."""

import re
from xml.etree import ElementTree

from tools.moving import moving_picture

SVG = "{http://www.w3.org/2000/svg}"


def shown(picture: str) -> list[tuple[float, float, str]]:
    """(begin, seconds, text) of each row; one that always stands begins at 0 for 0 seconds."""
    found = []
    for text in ElementTree.fromstring(picture).iter(f"{SVG}text"):
        found.append((0.0, 0.0, "".join(text.itertext()).rstrip()))
    for group in ElementTree.fromstring(picture).iter(f"{SVG}g"):
        clock, text = group.find(f"{SVG}set"), group.find(f"{SVG}text")
        assert clock is not None
        assert text is not None
        begin = re.fullmatch(r"play\.begin\+([\d.]+)s", clock.attrib["begin"])
        assert begin is not None
        words = "".join(text.itertext()).rstrip()
        found.remove((0.0, 0.0, words))
        found.append((float(begin[1]), float(clock.attrib["dur"][:-1]), words))
    return sorted(found)


def test_each_row_shows_for_as_long_as_it_stood() -> None:
    output = [
        (0.0, "steady\r\none"),
        (1.2, "\x1b[2;1Htwo <&> ünd"),
        (3.4, "\x1b[2;1H\x1b[2K"),
    ]
    picture = moving_picture(output, 20, 3)
    assert shown(picture) == [
        (0.0, 0.0, "steady"),
        (0.0, 1.0, "one"),
        (1.0, 2.0, "two <&> ünd"),
    ]


def test_colours_and_weight_are_kept() -> None:
    output = [(0.0, "\x1b[1;38;2;255;0;0mred\x1b[0m \x1b[48;2;0;0;255mon blue\x1b[0m")]
    picture = moving_picture(output, 20, 1)
    assert re.search(r"\.i\d+\{fill:#ff0000;font-weight:bold\}", picture)
    assert 'fill="#0000ff"' in picture
    assert shown(picture) == [(0.0, 0.0, "red on blue")]
