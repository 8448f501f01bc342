"""What GraphML and GEXF share: parsing XML that somebody else wrote, and turning its text into values."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree  # types and errors only; reading goes through defusedxml
from collections.abc import Callable
from typing import Any

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from scenv.errors import NetworkError, shown
from scenv.network.fields import EDGE_FIELDS, NODE_FIELDS, field_called

__all__ = ["parsed_xml", "tag_of", "value_of"]

_NUMERIC = {*NODE_FIELDS, *EDGE_FIELDS} - {"label", "name", "stage_time_distribution"}


def parsed_xml(data: bytes, origin: str, kind: str, root: str) -> ElementTree.Element:
    """The root element, which must be called `root`. Raises `NetworkError`, also for a DTD, entities and references."""
    try:
        element = defusedxml.ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise NetworkError(f"{origin}: has a DTD or XML entities; expected plain {kind} without either") from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise NetworkError(f"{origin}: not valid XML: {error}") from None
    if tag_of(element) != root:
        raise NetworkError(f"{origin}: the root element is {shown(tag_of(element))}; expected {root!r}")
    return element


def tag_of(element: ElementTree.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def value_of(where: str, name: str, kind: str, text: str) -> Any:
    """Text of the declared `kind` as a value, None where it is empty.

    A field of scenv that a program declares as text is read as the number it is. What is no field of scenv stays text:
    it is not used.
    """
    if not text.strip():
        return None
    field = field_called(name, {**NODE_FIELDS, **EDGE_FIELDS})
    if field is None:
        return text
    convert = float if field in _NUMERIC and kind == "string" else _TYPES.get(kind)
    try:
        if convert is None:
            raise ValueError
        return convert(text)
    except ValueError:
        raise NetworkError(f"{where}: {name} must be a {kind}, not {shown(text)}") from None


def _boolean(text: str) -> bool:
    text = text.strip().lower()
    if text not in ("true", "false", "0", "1"):
        raise ValueError
    return text in ("true", "1")


_TYPES: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": int,
    "integer": int,
    "long": int,
    "short": int,
    "float": float,
    "double": float,
    "boolean": _boolean,
}
