"""The report: written from the raw files alone, and checked against them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from scenv_paper.cell import write_json
from scenv_paper.document import make_document
from scenv_paper.errors import UsageError
from scenv_paper.figures import draw
from scenv_paper.page import html, page
from scenv_paper.results import read_results

#: A file of the results folder with what was found out about differences, written by hand: the only such part.
FINDINGS = "findings.md"
_PICTURE = re.compile(r'src="(figures/[a-z0-9_]+\.png)"')
_EMBEDDED = re.compile(r'src="data:image/png;base64,[A-Za-z0-9+/=]+"')


def write_report(raw: Path, out: Path) -> list[Path]:
    """Write report.md, report.html, report.json and figures/ into `out`; returns their paths.

    Args:
        raw: folder of the grid's raw files.
        out: where the report goes; a findings.md there becomes part of it.

    Raises:
        UsageError: if a raw file cannot be used, or there is none.
    """
    document = make_document(read_results(raw))
    text = page(document, _findings(out))
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "report.json", document)
    (out / "report.md").write_text(text, encoding="utf-8")
    pictures = draw(document, out / "figures")
    (out / "report.html").write_text(_with_pictures(html(text), out), encoding="utf-8")
    return [*(out / f"report.{kind}" for kind in ("md", "html", "json")), *pictures]


def verify_report(raw: Path, out: Path) -> list[str]:
    """Make the report again and compare with the one in `out`, all but its pictures; one line a difference.

    Raises:
        UsageError: if a raw file cannot be used, or the report is not there.
    """
    try:
        recorded = json.loads((out / "report.json").read_text(encoding="utf-8"))
        text, shown = ((out / f"report.{kind}").read_text(encoding="utf-8") for kind in ("md", "html"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{out}: expected report.json, report.md and report.html ({error})") from None
    document = make_document(read_results(raw))
    expected = page(document, _findings(out))
    return [
        *(f"report.json: {line}" for line in _differences(document, recorded, "")),
        *_different_lines("report.md", expected, text),
        *_different_lines("report.html", _PICTURE.sub('src=""', html(expected)), _EMBEDDED.sub('src=""', shown)),
    ]


def _different_lines(name: str, expected: str, written: str) -> Iterator[str]:
    both = zip_longest(expected.splitlines(), written.splitlines(), fillvalue="(no line)")
    for number, (theirs, own) in enumerate(both, start=1):
        if own != theirs:
            own, theirs = _from_first_difference(own, theirs)
            yield f"{name}, line {number}: {own}, from the raw files {theirs}"


def _from_first_difference(one: str, other: str) -> tuple[str, str]:
    """Two lines without what they begin with in common, but for the word in which they part."""
    parting = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    common = one[:parting].rfind(" ") + 1
    dots = "..." if common else ""
    return _shortened(dots + one[common:]), _shortened(dots + other[common:])


def _findings(out: Path) -> str:
    path = out / FINDINGS
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _differences(expected: Any, recorded: Any, where: str) -> Iterator[str]:
    """Where two JSON documents differ."""
    if isinstance(expected, dict) and isinstance(recorded, dict):
        for key in sorted(expected.keys() | recorded.keys()):
            yield from _differences(expected.get(key), recorded.get(key), f"{where}.{key}".lstrip("."))
    elif isinstance(expected, list) and isinstance(recorded, list) and len(expected) == len(recorded):
        for index, (one, other) in enumerate(zip(expected, recorded, strict=True)):
            yield from _differences(one, other, f"{where}[{index}]")
    elif expected != recorded:
        yield f"{where} is {_shortened(json.dumps(recorded))}, from the raw files {_shortened(json.dumps(expected))}"


def _shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


def _with_pictures(shown: str, out: Path) -> str:
    """The page as one file: no other file, no network."""

    def embedded(match: re.Match[str]) -> str:
        return f'src="data:image/png;base64,{base64.b64encode((out / match[1]).read_bytes()).decode()}"'

    return _PICTURE.sub(embedded, shown)
