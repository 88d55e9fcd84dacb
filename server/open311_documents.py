"""Open311 documents as bytes: one tree, written and read as JSON or as XML. Pure.

Rules (GeoReport v2, https://wiki.open311.org/GeoReport_v2, and its "Spark" convention for JSON):
1. A list has a container and a name for its children in XML (``services`` of ``service``); in JSON it is an array, and the root's
   name falls away.
2. UTF-8, no namespace. Nothing is an empty element in XML, ``null`` in JSON.
3. What is read came from elsewhere: its size is bounded by who fetched it, its depth here, and XML with a document type (entities)
   is refused unread.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

Format = Literal["json", "xml"]
MEDIA: Final[Mapping[Format, str]] = {
    "json": "application/json; charset=utf-8",
    "xml": "text/xml; charset=utf-8",
}
# What the children of a container are called in XML.
CHILD: Final[Mapping[str, str]] = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
DEPTH_MOST: Final = 12
# What XML 1.0 cannot hold, not even escaped.
_NO_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]*\?>")
_FORBIDDEN: Final = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class DocumentError(Exception):
    """A document that cannot be read, or does not say what it must; the text says which and why."""


def clean(text: str) -> str:
    """A text that both forms can hold."""
    return _NO_XML.sub("\ufffd", text)


def write(root: str, tree: Any, form: Format) -> bytes:
    """A tree of mappings, sequences, texts, numbers, true, false and None under the name of its root."""
    if form == "json":
        return json.dumps(tree, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return f'<?xml version="1.0" encoding="utf-8"?>\n{_element(root, tree)}\n'.encode()


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(clean(str(value)), {"\r": "&#13;"})


def _element(name: str, value: Any) -> str:
    if value is None or value == "":
        return f"<{name}/>"
    if isinstance(value, Mapping):
        inner = "".join(_element(key, own) for key, own in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        inner = "".join(_element(CHILD[name], own) for own in value)
    else:
        inner = _scalar(value)
    return f"<{name}>{inner}</{name}>"


def read(body: bytes) -> Any:
    """The tree of a document in either form; the root of XML falls away, as in JSON.

    Raises:
        DocumentError: when it is neither, nests too deep, or holds a document type.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise DocumentError("the document is not UTF-8") from exc
    return _read_xml(text) if text.lstrip()[:1] == "<" else _read_json(text)


def _read_json(text: str) -> Any:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise DocumentError(
            f"the document is neither JSON nor XML (it begins {text.strip()[:40]!r})"
        ) from exc
    _check_depth(tree, DEPTH_MOST)
    # Some servers keep the name of the root: {"service_requests": [...]}.
    if isinstance(tree, dict) and len(tree) == 1:
        name, own = next(iter(tree.items()))
        if name in CHILD and isinstance(own, list):
            return own
    return tree


def _check_depth(tree: Any, left: int) -> None:
    if left < 0:
        raise DocumentError(f"the document nests deeper than {DEPTH_MOST}")
    for own in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        _check_depth(own, left - 1)


def _read_xml(text: str) -> Any:
    if _FORBIDDEN.search(text):
        raise DocumentError("the document holds a document type, which Open311 has no use for")
    try:
        # Entities cannot be declared without the document type that was refused above.
        root = ET.fromstring(_DECLARATION.sub("", text, count=1))  # noqa: S314
    except (ET.ParseError, ValueError) as exc:
        raise DocumentError(f"the document is no XML ({exc})") from exc
    return _tree(root, DEPTH_MOST)


def _local(element: ET.Element) -> str:
    """The name without a namespace: the specification allows one at the reader's risk."""
    return element.tag.rpartition("}")[2]


def _tree(element: ET.Element, left: int) -> Any:
    if left < 0:
        raise DocumentError(f"the document nests deeper than {DEPTH_MOST}")
    if _local(element) in CHILD:
        return [_tree(own, left - 1) for own in element if _local(own) == CHILD[_local(element)]]
    if len(element):
        return {_local(own): _tree(own, left - 1) for own in element}
    return element.text or None
