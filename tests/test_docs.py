"""The docs: their Python runs, every public name is in the API pages, examples pin what they were tried with."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from pathlib import Path

import matplotlib
import pytest

import scenv
from scenv.scenario.demand import process
from scenv.scenario.implied import extensions

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs" / "pages").rglob("*.md"))
EXAMPLES = ROOT / "docs" / "examples"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
IMPORTED_BY = {"torchrl_ippo.py": "torchrl", "sb3_ppo.py": "stable-baselines3", "rllib_ppo.py": "ray[rllib]"}

pytestmark = pytest.mark.filterwarnings("ignore:Agent's maximum observation space value is infinity")


def with_python() -> list[Path]:
    return [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", with_python(), ids=lambda page: page.stem)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(process, "_KINDS", dict(process._KINDS))  # a page's own kind of demand is not there afterwards
    matplotlib.use("Agg")
    text = page.read_text(encoding="utf-8")
    namespace: dict[str, object] = {"__name__": "docs"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(page), "exec", dont_inherit=True), namespace)


def test_the_guide_has_python_to_run() -> None:
    assert {"quickstart", "networks", "demand", "scenarios", "environments", "policies"} <= {
        p.stem for p in with_python()
    }


def test_the_scenario_files_of_the_extensions_page_load(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "pages" / "extensions.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 1
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        assert extensions(scenv.load_scenario(path))


def test_every_public_name_is_in_the_api_pages() -> None:
    documented = {
        name
        for page in PAGES
        if page.parent.name == "api"
        for name in re.findall(r"^::: (\S+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    for name in scenv.__all__:
        entries = {f"scenv.{name}", f"scenv.{name}.{name}"}
        assert entries & documented, f"docs/pages/api has no ::: entry for scenv.{name}"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "docs" / "mkdocs.yml").read_text(encoding="utf-8")
    for page in PAGES:
        assert f": {page.relative_to(ROOT / 'docs' / 'pages').as_posix()}\n" in navigation


def test_pages_name_no_other_network_than_the_readers() -> None:
    """The site loads nothing from elsewhere."""
    for page in PAGES:
        assert not re.search(r"!\[[^\]]*\]\(https?:", page.read_text(encoding="utf-8")), page


@pytest.mark.parametrize("name", IMPORTED_BY)
def test_examples_pin_their_library_and_stand_in_the_docs(name: str) -> None:
    tree = ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))
    docstring = ast.get_docstring(tree)
    assert docstring is not None
    [requirements] = re.findall(r"requirements-\w+\.txt", docstring)
    pins = dict(
        line.split("==") for line in (EXAMPLES / requirements).read_text().splitlines() if not line.startswith("#")
    )
    assert "torch" in pins
    version = pins[IMPORTED_BY[name]]
    [row] = [
        line for line in (ROOT / "docs/pages/learners.md").read_text().splitlines() if name in line and "|" in line
    ]
    assert version in row, f"docs/pages/learners.md does not say that {name} was tried with {version}"
    assert name in (EXAMPLES / "run_all.py").read_text()


def test_examples_use_scenv_as_it_is() -> None:
    """Names that the examples take from scenv exist; running them needs their libraries (run_all.py does)."""
    for path in EXAMPLES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("scenv"):
                module = __import__(str(node.module), fromlist=["*"])
                assert all(hasattr(module, alias.name) for alias in node.names), path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "scenv":
                assert hasattr(scenv, node.attr), f"{path}: scenv.{node.attr}"


def test_the_functions_beside_the_equations_exist() -> None:
    """Every `package.module.name` of the pages on training and on the architecture is there."""
    pages = [
        (ROOT / "docs" / "pages" / name).read_text(encoding="utf-8")
        for name in ("training.md", "sharing.md", "architecture.md")
    ]
    named = re.findall(r"`((?:scenv|pmarl_trainer)(?:\.\w+)+)`", "".join(pages))
    assert len(named) > 10
    for name in named:
        module, _, attribute = name.rpartition(".")
        is_module = importlib.util.find_spec(name) if hasattr(importlib.import_module(module), "__path__") else None
        assert is_module or hasattr(importlib.import_module(module), attribute), name
