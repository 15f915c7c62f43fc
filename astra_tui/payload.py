"""A payload as lines that can be read: JSON laid out, text, or a hex dump; all of it bounded.

JSON is laid out as it was written: numbers keep their digits, names that stand twice stand twice;
only letters that are written as `\\u6f22` are shown as letters.
"""

import json
import re
from collections.abc import Iterator

MOST_BYTES = 256 * 1024  # of a payload that is laid out
MOST_LINES = 4000
_DEEPEST = 40  # levels that are indented further
_CHECKED_DEPTH = 200  # more is not worth a parser
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)


def payload_text(raw: bytes, size: int = -1) -> tuple[str, str]:
    """A payload as text, and what it is: `JSON`, `text`, `bytes`, or `nothing`. `size` is that of
    the whole, of which `raw` may be the beginning."""
    if not raw:
        return "", "nothing"
    head = raw[:MOST_BYTES]
    whole = len(head) == len(raw) >= size
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The beginning of something longer may end inside a character.
        if whole or error.start < len(head) - 4:
            return hex_dump(head), "bytes"
        text = head[: error.start].decode("utf-8")
    if whole and is_json(text):
        return "\n".join(laid_out(text)), "JSON"
    if any(ord(sign) < 32 and sign not in "\t\r\n" for sign in text[:1000]):
        return hex_dump(head), "bytes"
    return text, "text"


def is_json(text: str) -> bool:
    """Whether this is a JSON object or list that is worth laying out."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    if deepest(text) > _CHECKED_DEPTH:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def deepest(text: str) -> int:
    """How deep the brackets nest, at most; those inside texts count too."""
    depth = most = 0
    for bracket in re.findall(r"[{}\[\]]", text):
        depth += 1 if bracket in "{[" else -1
        most = max(most, depth)
    return most


def laid_out(text: str) -> Iterator[str]:
    """Lines of valid JSON, two blanks a level."""
    line, depth, opened = "", 0, False
    for written in _TOKEN.findall(text):
        token = _letters(written) if "\\u" in written else written
        if token in "}]":
            depth -= 1
            if opened:
                line += token
            else:
                yield line
                line = _indent(depth) + token
            opened = False
            continue
        if opened:
            yield line
            line, opened = _indent(depth), False
        if token in "{[":
            line += token
            depth += 1
            opened = True
        elif token == ",":
            yield line + ","
            line = _indent(depth)
        else:
            line += ": " if token == ":" else token
    if line.strip():
        yield line


def _letters(token: str) -> str:
    """A text of JSON whose letters need no escapes; what does not print keeps them."""
    value = json.loads(token)
    if any(not sign.isprintable() for sign in value):
        return token
    return json.dumps(value, ensure_ascii=False)


def _indent(depth: int) -> str:
    return "  " * min(depth, _DEEPEST)


def hex_dump(raw: bytes) -> str:
    """Sixteen bytes a line: where, in hexadecimal, and as ASCII where it is that."""
    lines = []
    for at in range(0, min(len(raw), MOST_LINES * 16), 16):
        part = raw[at : at + 16]
        signs = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"{at:06x}  {part.hex(' '):<47}  {signs}")
    return "\n".join(lines)
