"""report.html: everything about a run, or about the runs of several seeds, on one page that needs no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pmarl_trainer.config.methods import METHODS
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.training.atomic_file import whole_file

#: A policy that costs more than so many times the baseline has a bar of this length.
_LONGEST_BAR = 3.0

_TEMPLATES = Environment(
    loader=PackageLoader("pmarl_trainer.runs"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def write_html(folder: Path) -> None:
    """Write a run's report.html from what its folder holds: evaluation, configuration, run facts and picture."""
    record, config, run = (_read(folder / f"{name}.json") for name in ("evaluation", "config", "run"))
    own, baseline = _own(record), record["policies"].get(record["baseline"])
    context = {
        "title": title_of(folder),
        "subtitle": _subtitle(record, config),
        "answer": _answer(record),
        "facts": _facts(record, run),
        "picture": encoded(folder / "learning_curve.png"),
        "metric": record["metric"],
        "episodes": record["evaluation_episodes"],
        "relative": baseline is not None and record["metric"] == "cost",
        "policies": _policies(record),
        "how_to_read": _how_to_read(record),
        "method": record["method"],
        "baseline": baseline["name"] if baseline else None,
        "agents": _agents(own, baseline),
        "next": [f"pmarl-evaluate {folder} --episodes 1000 --seed 7", f"pmarl-export {folder} --out policies"],
        "run": run,
        **settings_context(config),
    }
    render("run.html.j2", context, folder / "report.html")


def render(template: str, context: Mapping[str, Any], path: Path) -> None:
    """Write a page."""
    with whole_file(path) as temporary:
        temporary.write_text(_TEMPLATES.get_template(template).render(context) + "\n", encoding="utf-8")


def title_of(folder: Path) -> str:
    """A run's name; that of a run of a group with the group's."""
    folder = folder.resolve()
    return f"{folder.parent.name}/{folder.name}" if (folder.parent / "seeds.json").exists() else folder.name


def encoded(picture: Path) -> str | None:
    """A picture as it stands in a page; None if there is none."""
    return base64.b64encode(picture.read_bytes()).decode("ascii") if picture.is_file() else None


def settings_context(config: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults at once; everything in a list that opens."""
    train, defaults = config["train"], TrainConfig().model_dump(mode="json")
    row = vars(METHODS[train["method"]]) if train["method"] in METHODS else {}
    switches = ", ".join(f"{name} {train.get(name) or value}" for name, value in row.items())
    return {
        "changed": {name: v for name, v in train.items() if v != defaults.get(name) and name != "adjacency"},
        "switches": f"{train['method']}: {switches}" if row else "",
        "config": json.dumps(config, indent=2),
    }


def number(value: float) -> str:
    """As many digits as matter."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _read(path: Path) -> dict[str, Any]:
    document = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return document if isinstance(document, dict) else {}


def _subtitle(record: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    env = {name: value for name, value in config["env"].items() if name != "entry"}
    arguments = ", ".join(f"{name}={value}" for name, value in env.items())
    return f"{record['method']} on {config['env']['entry']}({arguments}), seed {record['training_seed']}"


def _answer(record: Mapping[str, Any]) -> str:
    """The run in one sentence."""
    own = _own(record)
    text = f"{record['method']} has a mean {record['metric']} of {number(own['mean'])} an episode"
    if own.get("ratio") is None:
        return f"{text}."
    baseline = record["policies"][record["baseline"]]["name"]
    best = min(record["policies"].values(), key=lambda policy: policy["ratio"] or float("inf"))
    place = "the lowest here" if best is own else f"the lowest here is {best['name']} with {best['ratio']:.3f}"
    return f"{text}, {own['ratio']:.3f} times that of {baseline}: {place}."


def _facts(record: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, str]:
    """The few numbers that one looks for first."""
    own = _own(record)
    facts = {f"mean {record['metric']}": number(own["mean"])}
    if own.get("ratio") is not None:
        facts[f"of {record['policies'][record['baseline']]['name']}"] = f"{100 * own['ratio']:.1f} %"
    training = record.get("training", {})
    if training:
        minutes = training["seconds"] / 60
        facts["training"] = f"{minutes:.1f} min" if minutes >= 2 else f"{training['seconds']:.0f} s"
        facts["updates"] = f"{training['updates']:,}"
    if "agents" in run.get("environment", {}):
        facts["agents"] = str(run["environment"]["agents"])
    return {**facts, "best after": f"rollout {record['best_rollout']}"}


def _own(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return next(policy for policy in record["policies"].values() if policy["name"] == record["method"])


def _policies(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    policies = list(record["policies"].values())
    longest = max((policy["ratio"] or 0 for policy in policies), default=1) or 1
    baseline = record["policies"].get(record["baseline"], {}).get("name")
    return [
        {
            "name": policy["name"],
            "mean": number(policy["mean"]),
            "half": _half(policy["ci95"]),
            "learned": policy["name"] == record["method"],
            "ratio": "" if policy["ratio"] is None else f"{policy['ratio']:.3f}",
            "ratio_half": "" if policy["name"] == baseline else _half(policy["ratio_ci95"], digits=3),
            "bar": f"{100 * min(1, (policy['ratio'] or 0) / min(longest, _LONGEST_BAR)):.1f}",
        }
        for policy in policies
    ]


def _how_to_read(record: Mapping[str, Any]) -> str:
    better = "Lower is better." if record["metric"] == "cost" else "Higher is better."
    paths = f"Paths of seed {record['evaluation_seed']}, on which nothing was trained or selected; greedy policies."
    ratio = "Intervals of the relative cost are those of the differences path by path." if record["baseline"] else ""
    clipped = any((policy["ratio"] or 0) > _LONGEST_BAR for policy in record["policies"].values())
    bars = f"Bars end at {_LONGEST_BAR:g}." if clipped else ""
    return " ".join(filter(None, (better, paths, ratio, bars)))


def _agents(own: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Each agent's part, beside that of the baseline."""
    rows = []
    for agent, mean in own["per_agent"].items():
        row = {"name": agent, "mean": number(mean)}
        if baseline:
            other = baseline["per_agent"][agent]
            row |= {"other": number(other), "ratio": f"{mean / other:.3f}" if other > 0 else ""}
        rows.append(row)
    return rows


def _half(interval: Sequence[float] | None, digits: int | None = None) -> str:
    if interval is None:
        return ""
    half = (interval[1] - interval[0]) / 2
    return f"{half:.{digits}f}" if digits else f"{half:.3g}"
