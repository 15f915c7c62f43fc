"""What is cut out of a page by its shape is what the parser reads in it, or nothing."""

from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadResponse
from engine.stores import s3_xml
from engine.stores.s3_page import columns

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="<>&"), min_size=1, max_size=8)
PLAIN = st.text(st.sampled_from("abc/%+ .\n"), min_size=1, max_size=8)
TOKENS = [
    "<",
    ">",
    "&",
    "&quot;",
    "]]>",
    "<!-- -->",
    "<Contents>",
    "</Contents>",
    "<Key>",
    "</Key>",
]
TOKENS += ["<?pi?>", "<![CDATA[x]]>", "\r", "\x01", "\x7f", "é", "<Owner><ID>1</ID></Owner>", " "]


def page(keys: list[str], *, gap: str = "", quote: str = "&quot;", more: str = "") -> str:
    entries = gap.join(
        f"<Contents>{gap}<Key>{key}</Key>{gap}<LastModified>2024-01-02T03:04:0{i % 10}.5Z"
        f"</LastModified>{gap}<ETag>{quote}{i:032x}{quote}</ETag>{gap}<Size>{i}</Size>{more}"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for i, key in enumerate(keys)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://x/"><Name>b</Name>'
        f"<IsTruncated>false</IsTruncated>{entries}{gap}<EncodingType>url</EncodingType>"
        "</ListBucketResult>"
    )


def read(data: bytes) -> object:
    try:
        return s3_xml.listing(data, "at")
    except BadResponse:
        return "refused"


def parsed(data: bytes) -> object:
    with patch("engine.stores.s3_xml.columns", lambda _: None):
        return read(data)


@given(
    st.lists(PLAIN, min_size=1, max_size=4),
    st.sampled_from(["", "\n  ", " "]),
    st.sampled_from(["", "&quot;", "&#34;", '"']),
)
def test_plain_pages_are_read_by_their_shape(keys: list[str], gap: str, quote: str) -> None:
    data = page(keys, gap=gap, quote=quote).encode()
    assert columns(data) is not None
    assert read(data) == parsed(data) != "refused"


@given(st.lists(KEYS, min_size=1, max_size=3))
def test_any_name_is_read_as_the_parser_reads_it(keys: list[str]) -> None:
    data = page(keys).encode("utf-8", "surrogatepass")
    assert read(data) == parsed(data)


@given(
    st.lists(PLAIN, min_size=1, max_size=3),
    st.sampled_from(["", "\n"]),
    st.lists(
        st.tuples(st.integers(0, 10**6), st.integers(0, 12), st.sampled_from(["", *TOKENS])),
        min_size=1,
        max_size=3,
    ),
)
def test_a_damaged_page_is_read_as_the_parser_reads_it(
    keys: list[str], gap: str, damage: list[tuple[int, int, str]]
) -> None:
    text = page(keys, gap=gap)
    for at, cut, put in damage:
        at %= len(text)
        text = text[:at] + put + text[at + cut :]
    data = text.encode()
    assert read(data) == parsed(data)


@pytest.mark.parametrize(
    "data",
    [
        page(["a"], more="<Owner><ID>1</ID></Owner>"),
        page(["a", "b"]).replace("<Size>1</Size>", "<Size>1</Size><Note>n</Note>"),
        page(["a", "b&amp;c"]),
        page(["&quot;a&quot;"]),
        page(["a"])
        .replace("<Contents>", "<X><Contents>")
        .replace("</Contents>", "</Contents></X>"),
        page(["a"]).replace("<Contents>", "<!-- <Contents> --><Contents>"),
        page(["a"]).replace("<Size>0</Size>", ""),
    ],
)
def test_other_shapes_are_left_to_the_parser(data: str) -> None:
    assert read(data.encode()) == parsed(data.encode())
