"""The report: written from the raw files alone, and checked against them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from benchmarks.paper.cell import write_json
from benchmarks.paper.document import make_document
from benchmarks.paper.errors import UsageError
from benchmarks.paper.figures import draw
from benchmarks.paper.page import page
from benchmarks.paper.results import read_results

#: What we found out about differences, written by hand: the only part of the report that is.
FINDINGS = Path(__file__).with_name("findings.md")
_STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { font: 15px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; } h3 { font-size: 1rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; }
td, th { padding: .25rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td { font-variant-numeric: tabular-nums; } th { text-align: left; }
img { max-width: 100%; background: white; border-radius: .4rem; } code { font: 13px ui-monospace, monospace; }
"""


def write_report(raw: Path, out: Path) -> list[Path]:
    """Write report.md, report.html, report.json and figures/ into `out`; returns their paths.

    Args:
        raw: folder of the grid's raw files.
        out: where the report goes.

    Raises:
        UsageError: if a raw file cannot be used, or there is none.
    """
    document = make_document(read_results(raw))
    text = page(document, _findings())
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "report.json", document)
    (out / "report.md").write_text(text, encoding="utf-8")
    pictures = draw(document, out / "figures")
    (out / "report.html").write_text(_html(text, out), encoding="utf-8")
    return [*(out / f"report.{kind}" for kind in ("md", "html", "json")), *pictures]


def verify_report(raw: Path, out: Path) -> list[str]:
    """Make report.json and report.md again and compare with those in `out`; one line a difference.

    Raises:
        UsageError: if a raw file cannot be used, or the report is not there.
    """
    try:
        recorded = json.loads((out / "report.json").read_text(encoding="utf-8"))
        written = (out / "report.md").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError(f"{out}: expected report.json and report.md ({error})") from None
    document = make_document(read_results(raw))
    differences = [f"report.json: {line}" for line in _differences(document, recorded, "")]
    expected = page(document, _findings()).splitlines()
    for number in range(max(len(expected), len(written))):
        own, theirs = (lines[number] if number < len(lines) else "(no line)" for lines in (written, expected))
        if own != theirs:
            differences.append(
                f"report.md, line {number + 1}: {_shortened(own)}, from the raw files {_shortened(theirs)}"
            )
    return differences


def _findings() -> str:
    return FINDINGS.read_text(encoding="utf-8") if FINDINGS.exists() else ""


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


def _html(text: str, out: Path) -> str:
    """The page as one file: no other file, no network."""
    body = MarkdownIt("commonmark").enable("table").render(text)
    body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")

    def inline(match: re.Match[str]) -> str:
        picture = base64.b64encode((out / match[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{picture}"'

    body = re.sub(r'src="(figures/[a-z0-9_]+\.png)"', inline, body)
    title = html.escape("The paper's experiments, reproduced")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n{body}</body></html>\n'
    )
