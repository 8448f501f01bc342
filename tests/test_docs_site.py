"""The site: generated parts of pages are current, diagrams are drawn, and a strict build fails where it should."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module(name: str):
    """docs/NAME.py, which belongs to no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = found
    spec.loader.exec_module(found)
    return found


def test_generated_parts_of_pages_are_current() -> None:
    assert module("generate").outdated(write=False) == [], "python docs/generate.py writes them anew"


def test_a_part_that_is_out_of_date_is_found_and_an_unknown_one_refused() -> None:
    generate = module("generate")
    block = "<!-- generated: help scenv info -->\n{}\n<!-- end generated -->"
    now = generate.renewed(block.format("what stood there"), "p.md")
    assert "what stood there" not in now
    assert "Usage: scenv info" in now
    assert generate.renewed(now, "p.md") == now
    with pytest.raises(generate.UnknownPartError, match=r"p\.md: unknown part 'halp'"):
        generate.renewed(block.replace("help", "halp"), "p.md")


def test_no_page_holds_a_macro() -> None:
    for page in (ROOT / "docs" / "pages").rglob("*.md"):
        assert not re.search(r"^\{\{", page.read_text(encoding="utf-8"), re.MULTILINE), page


def test_a_diagram_is_svg_with_every_box_and_arrow() -> None:
    flowchart = module("flowchart")
    source = 'flowchart TD\nsubgraph A\na["one<br>two"]\nend\nsubgraph B\nb["x & y"]\na -->|gives| b\nb --> a\nend\n'
    drawn = flowchart.svg(source)
    texts = [text.text for text in ElementTree.fromstring(drawn).iter() if text.tag.endswith("text")]
    assert texts == ["A", "B", "gives", "one", "two", "x & y"]
    assert drawn.count("marker-end") == 2
    for line in ("a --> nobody", 'c("round")'):
        with pytest.raises(flowchart.DiagramError, match=re.escape(line)):
            flowchart.svg(source + line + "\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("", ""),
        ("\n[x](nowhere.md)\n", "nowhere.md"),
        ("\n[x](model.md#no-such-place)\n", "no-such-place"),
        ("\n[x][scenv.no_such_name]\n", "scenv.no_such_name"),
        ("\n```mermaid\nflowchart TD\nno arrow\n```\n", "is not understood"),
    ],
    ids=["nothing", "link", "anchor", "reference", "diagram"],
)
def test_a_strict_build_fails_where_something_is_wrong(planted: str, said: str, tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra docs")
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("scenv", "pmarl_trainer", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    with (tmp_path / "docs" / "pages" / "index.md").open("a", encoding="utf-8") as page:
        page.write(planted)
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", "docs/mkdocs.yml", "-d", tmp_path / "site"],
        cwd=tmp_path,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode != 0) == bool(planted), done.stdout + done.stderr
    assert said in done.stdout + done.stderr
