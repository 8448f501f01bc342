"""Pictures: what is drawn where, on canvases without a screen."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, ClassVar

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from pettingzoo.test import render_test

import scenv
from scenv.evaluation.plots import draw_comparison
from scenv.network.stage_titles import stage_titles
from scenv.render import draw_episode, draw_network, frame, save
from scenv.render.disruption_marks import marks_of
from scenv.render.layout import layered_layout
from scenv.render.network_picture import fitted, letters
from scenv.render.sketch import around, gathered, whole
from scenv.scenario.implied import firm_demand_moments
from tests.scenv.strategies import dags

BUILT_IN = ["bg", "r1", "r2", "r3"]


def texts(figure: Any) -> list[Any]:
    """Every text that shows, with its place on the canvas."""
    figure.canvas.draw()
    artists = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    artists += [axes.title for axes in figure.axes]
    artists += [label for axes in figure.axes if axes.axison for label in (axes.xaxis.label, axes.yaxis.label)]
    return [text for text in artists if text.get_visible() and text.get_text()]


def assert_texts_apart_and_on_the_canvas(figure: Any) -> None:
    renderer = figure.canvas.get_renderer()
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    width, height = figure.canvas.get_width_height()
    for text, box in boxes:
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= 0, f"{text!r} leaves the picture"
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.overlaps(second), f"{one!r} and {other!r} overlap"


@pytest.mark.parametrize("name", BUILT_IN)
def test_labels_of_a_network_do_not_overlap(name: str) -> None:
    figure = draw_network(name)
    assert_texts_apart_and_on_the_canvas(figure)
    shown = {text.get_text() for text in texts(figure)}
    assert set(scenv.load_network(name).agents) <= shown


@pytest.mark.parametrize("name", BUILT_IN)
def test_labels_of_an_episode_do_not_overlap(name: str) -> None:
    assert_texts_apart_and_on_the_canvas(draw_episode(scenv.record_episode(scenv.policies.BaseStock(name), name)))


@pytest.mark.parametrize("stages", [1, 2, 9])
def test_labels_hold_for_short_and_long_chains(stages: int) -> None:
    network = scenv.generators.serial(stages)
    assert_texts_apart_and_on_the_canvas(draw_network(network))
    scenario = scenv.load_scenario(network, costs="uniform")
    assert_texts_apart_and_on_the_canvas(
        draw_episode(scenv.record_episode(scenv.policies.RandomPolicy(scenario), scenario))
    )


def test_suppliers_stand_left_of_their_customers_and_flow_is_thickness() -> None:
    network = scenv.load_network("r2")
    layout = layered_layout(network)
    assert (layout.column[network.supplier] < layout.column[network.customer]).all()
    [edges] = [c for axes in draw_network("r2").axes for c in axes.collections]
    mean = firm_demand_moments(scenv.load_scenario("r2"))[0]
    flow = mean[network.customer] / network.in_degree[network.customer]
    widths = np.sort(np.asarray(edges.get_linewidths()))
    np.testing.assert_allclose(widths[-1] / widths[-5], np.sort(flow)[-1] / np.sort(flow)[-5])


def test_firms_of_different_holding_cost_have_different_colours() -> None:
    figure = draw_network("bg")
    faces = {patch.get_facecolor() for axes in figure.axes for patch in axes.patches if patch.get_width() < 1}
    assert len(faces) >= 4
    bare = draw_network(nx.path_graph(3, create_using=nx.DiGraph))  # no costs: one neutral colour, no colour bar
    assert len({patch.get_facecolor() for axes in bare.axes for patch in axes.patches}) == 1
    assert not any("holding cost" in text.get_text() for text in texts(bare))


@settings(max_examples=40)
@given(graph=dags(max_firms=10))
def test_no_two_firms_share_a_place_and_routes_run_left_to_right(graph: nx.DiGraph) -> None:
    network = scenv.load_network(graph)
    layout = layered_layout(network)
    for column in range(layout.columns):
        heights = np.sort(layout.y[layout.column == column])
        assert (np.diff(heights) >= 1 - 1e-9).all()
    assert np.abs(layout.y).max() <= layout.height / 2
    for (u, v), route in zip(zip(network.supplier, network.customer, strict=True), layout.routes, strict=True):
        assert route[0] == (layout.column[u], layout.y[u])
        assert route[-1] == (layout.column[v], layout.y[v])
        assert [x for x, _ in route] == list(range(layout.column[u], layout.column[v] + 1))


def test_a_tree_is_drawn_without_crossings() -> None:
    network = scenv.generators.distribution(3, 3)
    layout = layered_layout(network)
    ends = [(layout.y[u], layout.y[v]) for u, v in zip(network.supplier, network.customer, strict=True)]
    columns = layout.column[network.supplier]
    for (i, (a, b)), (j, (c, d)) in combinations(enumerate(ends), 2):
        assert columns[i] != columns[j] or (a - c) * (b - d) >= 0


def test_the_largest_published_chain_can_be_drawn(willems_dir: Path) -> None:
    figure = draw_network(willems_dir / "38.csv")
    image = frame(figure)
    assert image.dtype == np.uint8
    assert image.std() > 10


def test_stage_titles_are_the_papers_names() -> None:
    assert stage_titles(scenv.load_network("r3")) == [
        "8 retailers",
        "4 wholesalers",
        "8 distributors",
        "Manufacturer",
        "6 suppliers",
    ]
    assert stage_titles(scenv.generators.serial(7))[6] == "Stage 6"


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_saving_by_suffix(tmp_path: Path, suffix: str) -> None:
    save(draw_network("bg"), tmp_path / f"bg{suffix}")
    assert (tmp_path / f"bg{suffix}").stat().st_size > 1000


def test_saving_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(scenv.ScenvError, match=r"bg\.txt: a picture's name must end in one of \.png"):
        save(draw_network("bg"), tmp_path / "bg.txt")
    with pytest.raises(scenv.ScenvError, match=r"bg\.png: cannot be written"):
        save(draw_network("bg"), tmp_path / "nowhere" / "bg.png")
    assert not list(tmp_path.iterdir())


def test_a_source_that_cannot_be_used_is_refused_as_by_load_scenario(tmp_path: Path) -> None:
    with pytest.raises(scenv.NetworkError):
        draw_network(tmp_path / "missing.json")
    with pytest.raises(scenv.ScenarioError, match="horizon"):
        draw_network("bg", horizon=-1)


def test_frames_are_the_episode_so_far_and_of_one_size() -> None:
    env = scenv.parallel_env("bg", render_mode="rgb_array", max_cycles=6)
    env.reset(seed=0)
    frames = [env.render()]
    while env.agents:
        env.step({name: 12 for name in env.agents})
        frames.append(env.render())
    assert len(frames) == 7
    assert {image.shape for image in frames} == {frames[0].shape}
    assert frames[0].dtype == np.uint8
    assert frames[0].shape[2] == 3
    assert all((one != other).any() for one, other in pairwise(frames))
    whole = draw_episode(env._viewer._recorder.episode())
    np.testing.assert_array_equal(frames[-1], frame(whole))


def test_bullwhip_is_shown_once_there_is_enough_to_say_it() -> None:
    episode = scenv.record_episode(scenv.policies.RandomPolicy("bg"), "bg")
    for period, shown in ((8, 0), (14, 0), (15, 4), (49, 4)):
        labels = [text.get_text() for text in texts(draw_episode(episode.until(period)))]
        assert sum(label.startswith("bullwhip ×") for label in labels) == shown
    assert f"bullwhip ×{episode.bullwhip[0]:#.2g}" in labels


def test_rendering_conforms_to_pettingzoo() -> None:
    render_test(lambda render_mode=None: scenv.raw_env("bg", render_mode=render_mode, max_cycles=5))


def test_human_mode_prints_the_table_where_there_is_no_screen(capsys: pytest.CaptureFixture[str]) -> None:
    env = scenv.parallel_env("bg", render_mode="human")
    env.reset(seed=0)
    env.step({name: 3 for name in env.agents})
    printed = capsys.readouterr().out
    assert "period 0" in printed
    assert "period 1" in printed
    assert env.render() is None
    env.close()


def test_human_mode_opens_one_window_and_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a screen pretended: the window shows the picture of every period."""
    from scenv.render import viewer

    class Screen:
        shown: ClassVar[list[np.ndarray]] = []
        closed = 0

        def show(self, image: np.ndarray) -> None:
            self.shown.append(image)

        def close(self) -> None:
            Screen.closed += 1

    monkeypatch.setattr(viewer, "_open_window", Screen)
    env = scenv.parallel_env("bg", render_mode="human")
    env.reset(seed=0)
    env.step({name: 3 for name in env.agents})
    env.close()
    env.close()
    assert len(Screen.shown) == 2
    assert Screen.closed == 1


def test_rendering_without_a_mode_warns_and_shows_nothing() -> None:
    env = scenv.parallel_env("bg")
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"render_mode must be None or one of \['human', 'ansi', 'rgb_array'\]"):
        scenv.parallel_env("bg", render_mode="hologram")


def test_without_matplotlib_the_error_says_what_to_install(repository: Path) -> None:
    code = """
import sys
sys.modules["matplotlib"] = None
import scenv
from scenv.render import draw_network
for attempt in (lambda: draw_network("bg"), lambda: scenv.parallel_env("bg", render_mode="rgb_array")):
    try:
        attempt()
    except scenv.ScenvError as error:
        print(error)
env = scenv.parallel_env("bg", render_mode="human")
env.reset(seed=0)
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count('pip install "scenv[plot]"') == 2
    assert "period 0" in result.stdout


def what_if() -> scenv.Episode:
    fields: dict[str, Any] = {
        "lost_sales": True,
        "disruptions": [
            {"kind": "closure", "firms": ["dist_0"], "period": 20, "duration": 6},
            {"kind": "demand_shock", "period": 30, "duration": 5, "factor": 3},
        ],
    }
    return scenv.record_episode("base-stock", "bg", seed=1, **fields)


def test_a_what_if_shows_what_it_is_and_whom_it_hits() -> None:
    episode = what_if()
    figure = draw_episode(episode)
    shown = {text.get_text() for text in texts(figure)}
    assert "lost sales · closure of dist_0 in periods 20 to 25 · demand of all ×3 in periods 30 to 34" in shown
    assert {"dist_0: closed", "ret_0: demand ×3", "lost units", "closed", "demand changed", "owed and lost"} <= shown
    assert_texts_apart_and_on_the_canvas(figure)
    usual = {text.get_text() for text in texts(draw_episode(scenv.record_episode("base-stock", "bg")))}
    assert not {"closed", "lost units", "owed and lost"} & usual


def test_what_waits_at_the_gates_of_full_stocks_is_drawn() -> None:
    fields: dict[str, Any] = {"storage_capacity": {"ret_0": 50}, "review_period": 2, "order_cost": 9}
    episode = scenv.record_episode("base-stock", "bg", seed=1, **fields)
    assert set(episode.infos) == {"review", "order_cost", "waiting"}
    assert episode.infos["waiting"][:, 0].max() > 0
    assert episode.infos["waiting"][:, 1:].max() == 0
    figure = draw_episode(episode)
    shown = {text.get_text() for text in texts(figure)}
    assert {"in stock, at the gate", "units at the gate of a full stock"} <= shown
    assert "review period 2 · order cost 9 · storage capacity ret_0 50" in shown
    assert_texts_apart_and_on_the_canvas(figure)


def test_marks_are_the_periods_in_which_firms_were_hit() -> None:
    episode, network = what_if(), scenv.load_network("bg")
    assert [marks_of(episode, stage) for stage in (1, 3)] == [[], []]
    [closed] = marks_of(episode, network.stages["dist_0"])
    assert (closed.start, closed.stop, closed.text) == (20, 26, "dist_0: closed")
    [shock] = marks_of(episode, 0)
    assert (shock.start, shock.stop, shock.text) == (30, 35, "ret_0: demand ×3")


def test_a_stage_that_is_not_all_retailers_is_told_apart_from_the_role() -> None:
    assert stage_titles(scenv.load_network("r2"))[0] == "Retail stage (4)"  # of nine retailers
    graph = nx.DiGraph([("mine", "shop_1"), ("mine", "shop_2")])
    nx.set_node_attributes(graph, {"mine": "Mine", "shop_1": "Shop", "shop_2": "Shop"}, "label")
    assert stage_titles(scenv.load_network(graph)) == ["Shop (2)", "Mine"]


def test_twelve_policies_can_be_told_apart_and_an_outlier_does_not_flatten_them() -> None:
    cheap = scenv.evaluate("base-stock", "bg", episodes=3)
    names = [f"a policy with a rather long name, number {k}" for k in range(11)]
    dear = replace(cheap, firm_costs=cheap.firm_costs * 50)
    figure = draw_comparison({"": {**dict.fromkeys(names, cheap), "dear": dear}})
    axes = figure.axes[0]
    assert axes.get_ylim()[1] < 2 * cheap.mean
    assert any(text.get_text().endswith("↑") for text in axes.texts)
    looks = {(patch.get_facecolor(), patch.get_hatch()) for patch in axes.patches}
    assert len(looks) == 24  # a dark and a light part for each
    figure.canvas.draw()
    labels = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(label.x0 >= 0 and label.y0 >= 0 for label in labels)


@pytest.mark.filterwarnings("ignore:Glyph")
def test_long_names_stay_in_their_pills_and_keep_their_ends() -> None:
    assert fitted("dist_0", 0.92) == ("dist_0", 8.5)
    name, size = fitted("Regional distribution centre (North-East) 17", 1.2)
    assert name.startswith("Regional")
    assert name.endswith("17")
    assert "…" in name
    assert 6.5 <= size < 7
    assert letters("東京") > letters("ab")
    graph = nx.DiGraph(
        [("株式会社 東京製作所 第二工場 部品センター", f"Filiale Am Hauptbahnhof Nummer {k}") for k in range(3)]
    )
    figure = draw_network(graph)
    assert_texts_apart_and_on_the_canvas(figure)
    figure.canvas.draw()
    [axes] = [axes for axes in figure.axes if any(patch.get_width() > 1 for patch in axes.patches)]
    widest = max(patch.get_window_extent().width for patch in axes.patches)
    drawn = [text for text in axes.texts if "Filiale" in text.get_text()]
    assert len({text.get_text() for text in drawn}) == 3
    assert all(text.get_window_extent().width <= widest for text in drawn)


def test_too_many_firms_are_gathered_with_their_number_and_flow_is_kept() -> None:
    scenario = scenv.load_scenario(scenv.generators.distribution(4, 6), costs="uniform")  # 1 + 6 + 36 + 216 firms
    sketch = gathered(scenario)
    assert sorted(sketch.labels) == ["1 × 0 in, 6 out", "216 × 1 in, 0 out", "36 × 1 in, 6 out", "6 × 1 in, 6 out"]
    np.testing.assert_allclose(sketch.flow, 216 * 8)
    np.testing.assert_allclose(sketch.demand, [216 * 8])
    shown = {text.get_text() for text in texts(draw_network(scenario))}
    assert "216 × 1 in, 0 out" in shown
    assert "firms of a stage that are alike are drawn as one, with their number" in shown


def test_the_firms_around_one() -> None:
    scenario, graph = scenv.load_scenario("r2"), scenv.load_network("r2").graph
    near = around(scenario, "whole_0", 1)
    assert set(near.agents) == {"whole_0", *graph.predecessors("whole_0"), *graph.successors("whole_0")}
    assert set(around(scenario, "whole_0", 0).agents) == {"whole_0"}
    assert set(around(scenario, "whole_0", 9).agents) == set(scenario.network.agents)
    full = whole(scenario)
    flows = {
        (full.agents[u], full.agents[v]): f for u, v, f in zip(full.supplier, full.customer, full.flow, strict=True)
    }
    for u, v, flow in zip(near.supplier, near.customer, near.flow, strict=True):
        assert flow == flows[near.agents[u], near.agents[v]]
    assert_texts_apart_and_on_the_canvas(draw_network("r2", around="whole_0", hops=1))
    with pytest.raises(scenv.ScenvError, match=r"'whole_9' is no firm of network 'r2' \(did you mean"):
        draw_network("r2", around="whole_9")
