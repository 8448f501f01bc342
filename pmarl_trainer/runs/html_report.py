"""report.html: everything about a run on one page that needs no other file and no network."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pmarl_trainer.config.schema import METHODS, TrainConfig

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --accent: #7fb2ee; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .3rem .7rem; border-bottom: 1px solid var(--line); }
table.narrow { width: auto; } th { text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
tr.learned td { font-weight: 600; color: var(--accent); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .6rem; margin: 1rem 0; }
.facts div { background: var(--soft); border-radius: .4rem; padding: .5rem .8rem; } .facts b { display: block; }
img { max-width: 100%; background: white; border-radius: .4rem; } .bar { background: var(--accent); height: .6rem; }
.note { opacity: .75; } details { margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; }
code, pre { font: 13px/1.45 ui-monospace, monospace; } .wide { overflow-x: auto; }
"""


#: A policy that costs more than so many times the yardstick has a bar of this length.
_LONGEST_BAR = 3.0


def write_html(folder: Path) -> None:
    """Write report.html from what the run's folder holds: evaluation, configuration, run facts and picture."""
    record, config, run = (_read(folder / f"{name}.json") for name in ("evaluation", "config", "run"))
    parts = [
        f"<h1>{html.escape(folder.resolve().name)}</h1>",
        f'<p class="note">{html.escape(_subtitle(record, config))}</p>',
        _facts(record, run),
        f"<h2>{html.escape(_table_title(record))}</h2>",
        _policies(record),
        f'<p class="note">{_how_to_read(record)}</p>',
        _picture(folder / "learning_curve.png"),
        "<h2>Agents</h2>",
        _agents(record),
        "<h2>Settings</h2>",
        _settings(config),
        "<details><summary>Environment, machine and versions</summary>",
        *(f"<h3>{html.escape(name)}</h3>{_mapping(run.get(name))}" for name in ("environment", "versions", "machine")),
        f"<p>Command: <code>{html.escape(' '.join(map(str, run.get('command', []))))}</code></p></details>",
    ]
    title = html.escape(f"{folder.resolve().name}: training report")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    page = (
        f'<!doctype html><html lang="en"><head>{head}<style>{_STYLE}</style></head><body>{"".join(parts)}</body></html>'
    )
    (folder / "report.html").write_text(page + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return document if isinstance(document, dict) else {}


def _subtitle(record: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    env = {name: value for name, value in config["env"].items() if name != "entry"}
    arguments = ", ".join(f"{name}={value}" for name, value in env.items())
    return f"{record['method']} on {config['env']['entry']}({arguments}), seed {record['training_seed']}"


def _facts(record: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """The few numbers that one looks for first."""
    own = _own(record)
    facts = {f"mean {record['metric']}": _number(own["mean"])}
    if own.get("ratio") is not None:
        facts[f"of {record['policies'][record['yardstick']]['name']}"] = f"{100 * own['ratio']:.1f} %"
    training = record.get("training", {})
    if training:
        minutes = training["seconds"] / 60
        facts["training"] = f"{minutes:.1f} min" if minutes >= 2 else f"{training['seconds']:.0f} s"
        facts["updates"] = f"{training['updates']:,}"
    if "agents" in run.get("environment", {}):
        facts["agents"] = str(run["environment"]["agents"])
    facts["best after"] = f"rollout {record['best_rollout']}"
    boxes = (f"<div>{html.escape(name)}<b>{html.escape(value)}</b></div>" for name, value in facts.items())
    return f'<div class="facts">{"".join(boxes)}</div>'


def _own(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(policy for policy in record["policies"].values() if policy["name"] == record["method"])


def _table_title(record: Mapping[str, Any]) -> str:
    return (
        f"{record['metric'].capitalize()} of {record['evaluation_episodes']} episodes, the same paths for every policy"
    )


def _policies(record: Mapping[str, Any]) -> str:
    relative = record["yardstick"] is not None and record["metric"] == "cost"
    heads = ["policy", f"mean {record['metric']}", "± (95 %)", *(["relative", "± (95 %)", ""] if relative else [])]
    policies = record["policies"].values()
    longest = max((policy["ratio"] or 0 for policy in policies), default=1) or 1
    rows = []
    for policy in policies:
        cells = [policy["name"], _number(policy["mean"]), _half(policy["ci95"])]
        row = "".join(_cell(cell, number=k > 0) for k, cell in enumerate(cells))
        if relative:
            ratio, half = policy["ratio"], _half(policy["ratio_ci95"], digits=3)
            half = "" if policy["name"] == record["policies"][record["yardstick"]]["name"] else half
            bar = f'<div class="bar" style="width:{100 * min(1, ratio / min(longest, _LONGEST_BAR)):.1f}%"></div>'
            row += _cell(f"{ratio:.3f}") + _cell(half) + f'<td style="width:25%">{bar}</td>'
        kind = ' class="learned"' if policy["name"] == record["method"] else ""
        rows.append(f"<tr{kind}>{row}</tr>")
    return _table(heads, rows, numbers_from=1)


def _how_to_read(record: Mapping[str, Any]) -> str:
    better = "Lower is better." if record["metric"] == "cost" else "Higher is better."
    paths = f"Paths of seed {record['evaluation_seed']}, on which nothing was trained or selected; greedy policies."
    ratio = "Intervals of the relative cost are those of the differences path by path." if record["yardstick"] else ""
    clipped = any((policy["ratio"] or 0) > _LONGEST_BAR for policy in record["policies"].values())
    bars = f"Bars end at {_LONGEST_BAR:g}." if clipped else ""
    return html.escape(" ".join(filter(None, (better, paths, ratio, bars))))


def _picture(path: Path) -> str:
    if not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    text = (
        "Evaluated every few rollouts on paths other than the table's. Dashed: the other policies' means in the table."
    )
    image = f'<img alt="learning curve" src="data:image/png;base64,{data}">'
    return f'<h2>Learning curve</h2>{image}<p class="note">{text}</p>'


def _agents(record: Mapping[str, Any]) -> str:
    """Each agent's part, beside that of the yardstick."""
    own, yardstick = _own(record), record["policies"].get(record["yardstick"])
    heads = ["agent", record["method"], *([yardstick["name"], "relative"] if yardstick else [])]
    rows = []
    for agent, mean in own["per_agent"].items():
        row = _cell(agent, number=False) + _cell(_number(mean))
        if yardstick:
            other = yardstick["per_agent"][agent]
            row += _cell(_number(other)) + _cell(f"{mean / other:.3f}" if other > 0 else "")
        rows.append(f"<tr>{row}</tr>")
    return f"<details><summary>{len(rows)} agents</summary>{_table(heads, rows, numbers_from=1)}</details>"


def _settings(config: Mapping[str, Any]) -> str:
    """What differs from the defaults at once; everything in a list that opens."""
    defaults = TrainConfig().model_dump(mode="json")
    changed = {k: v for k, v in config["train"].items() if v != defaults.get(k) and k != "adjacency"}
    row = vars(METHODS[config["train"]["method"]]) if config["train"]["method"] in METHODS else {}
    switches = ", ".join(f"{k} {config['train'].get(k) or v}" for k, v in row.items())
    method = f"{config['train']['method']}: {switches}" if row else ""
    whole = html.escape(json.dumps(config, indent=2))
    return (
        (f"<p>Method {html.escape(method)}.</p>" if method else "")
        + (
            f"<p>Other than the defaults:</p>{_mapping(changed)}"
            if changed
            else "<p>All settings are the defaults.</p>"
        )
        + f"<details><summary>All settings (config.json)</summary><pre>{whole}</pre></details>"
    )


def _mapping(mapping: Mapping[str, Any] | None) -> str:
    rows = [
        f"<tr>{_cell(k, number=False)}{_cell(json.dumps(v) if not isinstance(v, str) else v, number=False)}</tr>"
        for k, v in (mapping or {}).items()
    ]
    return f'<div class="wide"><table class="narrow">{"".join(rows)}</table></div>'


def _table(heads: Sequence[str], rows: Iterable[str], numbers_from: int) -> str:
    number = ['<th class="n">' if k >= numbers_from else "<th>" for k in range(len(heads))]
    cells = "".join(f"{tag}{html.escape(head)}</th>" for tag, head in zip(number, heads, strict=True))
    return f'<div class="wide"><table><tr>{cells}</tr>{"".join(rows)}</table></div>'


def _cell(text: str, *, number: bool = True) -> str:
    return f'<td class="n">{html.escape(text)}</td>' if number else f"<td>{html.escape(text)}</td>"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _half(interval: Sequence[float] | None, digits: int | None = None) -> str:
    if interval is None:
        return ""
    half = (interval[1] - interval[0]) / 2
    return f"{half:.{digits}f}" if digits else f"{half:.3g}"
