"""What the site does to the pages of the repository: results beside which they stand, and diagrams, become part of it.

Everything else in the pages is there to be read in the repository too (`generate`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import flowchart
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

_RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "results"
_RESULT = re.compile(r"\((?:\.\./)+benchmarks/results/(?P<file>[\w./-]+\.png)\)")
_DIAGRAM = re.compile(r"^```mermaid\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    """Add the recorded pictures that pages show; a page that shows one that nobody has recorded stops the build."""
    shown = {match["file"] for page in files.documentation_pages() for match in _RESULT.finditer(page.content_string)}
    for name in sorted(shown):
        path = _RESULTS / name
        if not path.is_file():
            raise PluginError(f"benchmarks/results/{name} is not there: python -m benchmarks.{path.stem} records it")
        files.append(File.generated(config, f"results/{name}", content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Diagrams, which are text in the page, become SVG here, without a script; pictures come from the site."""
    root = "../" * page.file.src_uri.count("/")
    markdown = _RESULT.sub(rf"({root}results/\g<file>)", markdown)
    try:
        return _DIAGRAM.sub(lambda match: flowchart.svg(match["source"]), markdown)
    except flowchart.DiagramError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from None
