"""What the pretrained policy is measured to pay: the settings are what they say, the page has every row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scenv
from benchmarks.pretrain import likeness
from benchmarks.pretrain.measure import larger, paid, scenario_of
from benchmarks.pretrain.measure_report import picture, report
from benchmarks.pretrain.tune import tuned
from scenv.scenario.implied import demand_moments

ABOUT = {"command": "python -m benchmarks.pretrain.measure", "machine": "a machine", "python": "3", "numpy": "2"}
ABOUT |= {"commit": "abc", "date": "2026-01-01"}


def row(network: str, pretrained: float, **more: object) -> dict:
    ratios = {"decomposition-aggregation": [0.8, 0.01], "pretrained": [pretrained, 0.02]}
    return {"network": network, "lead_time": 2, "setting": "", "firms": 4, "edges": 3, "ratios": ratios} | more


def document() -> dict:
    steps = {f"{kind} {n}": [0.5, 0.01] for kind in ("pretrained", "scratch") for n in (1, 20)}
    on = {f"on {name}": [0.9, 0.01] for name in ("bg", "r1")} | {"pretrained": [0.6, 0.01]}
    one_larger = {"stages": 3, "shipment_lead_time": 1, "demand": 8.0}
    return {
        "provenance": ABOUT,
        "weights": "0123456789abcdef",
        "hdpo": {"bg-2": 0.545},
        "zero_shot": [row("bg", 0.6), row("chain 08", 0.5), row("r9", 0.75), row("bg", 0.55, setting="uniform costs")],
        "larger": [row("random 0", 0.7, **one_larger), row("random 1", 0.85, **one_larger)],
        "tuned": [{"network": "bg", "ratios": steps}],
        "elsewhere": [{"network": "bg", "ratios": on}],
    }


def test_the_page_has_every_row_and_the_median():
    page = report(document())
    assert "| bg | 4 | 3 | 2 | 0.600 ± 0.020 | 0.800 |  | 0.545 |" in page
    assert "| *median of 3* | | | 2 | *0.600*, at most 0.750 | | | |" in page
    assert "| uniform costs | 0.550 (0.800) |" in page
    assert "median 0.775, at most 0.850; above DA on 1." in page
    assert page.index("| 4 | 3 | 3 | 1 | 8 | 0.850 ± 0.020") < page.index("| 4 | 3 | 3 | 1 | 8 | 0.700 ± 0.020")
    assert "| bg | 0.500 | 0.500 | 0.500 | 0.500 | 0.545 |" in page
    assert "| evaluated on | learned on bg | learned on r1 | pretrained |" in page
    assert "0123456789ab" in page


def test_the_picture_is_drawn(tmp_path: Path):
    picture(document(), tmp_path / "pretrained.png")
    assert (tmp_path / "pretrained.png").read_bytes().startswith(b"\x89PNG")


def test_overdispersed_demand_has_the_mean_of_the_usual_and_a_larger_deviation():
    mean, std = demand_moments(scenario_of("r2"))
    wider_mean, wider_std = demand_moments(scenario_of("r2", overdispersed=1.5))
    np.testing.assert_allclose(wider_mean, mean)
    np.testing.assert_allclose(wider_std, 1.5 * std)


def test_what_is_paid_is_what_an_evaluation_says():
    found = paid(scenv.load_scenario("bg"), episodes=5)
    both = scenv.evaluate(["base-stock", "pretrained"], "bg", episodes=5, seed=0)
    assert found["base_stock_cost"] == pytest.approx(both["base-stock"].mean)
    assert found["ratios"]["pretrained"][0] == pytest.approx(both.difference("pretrained").ratio)
    assert set(found["ratios"]) == {"decomposition-aggregation", "optimised-base-stock", "pretrained"}
    assert "optimised-base-stock" not in paid(scenv.load_scenario("bg", costs="uniform"), episodes=2)["ratios"]


def test_larger_networks_are_determined_and_no_smaller_than_they_say():
    first, second = next(larger(1)), next(larger(1))
    assert first == second
    assert 20 <= first["firms"] <= 300


def test_tuning_begins_where_it_is_told_and_moves():
    scenario = scenv.load_scenario("bg")
    none, some = tuned(scenario, 0), tuned(scenario, 2, rows=4)
    assert all(none[name].shape == some[name].shape for name in none)
    moved = max(float((none[name] - some[name]).abs().max()) for name in none)
    assert 0 < moved < 0.01
    scratch = tuned(scenario, 0, init=None)
    assert any(float((none[name] - scratch[name]).abs().max()) > 0.02 for name in none)


def test_the_table_of_likeness_has_every_fact():
    networks = [scenv.load_network(name) for name in ("bg", "r1", "r2")]
    lines = likeness.table(networks, networks)
    assert len(lines) == 2 + len(likeness.FACTS)
    assert "| firms | 17 (6.6 to 21) | 17 (6.6 to 21) |" in lines
    assert all(line.count("|") == 4 for line in lines)
