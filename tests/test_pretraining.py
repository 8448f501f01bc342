"""How the pretrained policy is trained: joined networks live as alone, the gradient is the cost's, runs go on."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import scenv
from benchmarks.pretrain.__main__ import Run
from benchmarks.pretrain.export import export
from benchmarks.pretrain.learning import Worlds, fresh_parameters, play
from benchmarks.pretrain.worlds import random_scenario, side_by_side
from scenv.policies import Pretrained
from scenv.policies.pretrained import WEIGHTS
from scenv.scenario.implied import demand_moments
from scenv.simulation.structure import build_structure


def some_scenarios(count: int, seed: int = 0) -> list[scenv.Scenario]:
    rng = np.random.default_rng(seed)
    return [random_scenario(rng) for _ in range(count)]


def test_random_scenarios_are_varied_and_determined_by_the_seed():
    many, again = some_scenarios(60), some_scenarios(60)
    assert [s.network.edges for s in many] == [s.network.edges for s in again]
    assert [build_structure(s).lead_time.tolist() for s in many] == [
        build_structure(s).lead_time.tolist() for s in again
    ]
    firms = [len(s.network.agents) for s in many]
    assert min(firms) >= 4
    assert max(firms) <= 60
    lead_times = np.concatenate([build_structure(s).lead_time for s in many])
    assert set(lead_times.tolist()) >= {2, 3, 4}
    assert lead_times.max() <= 9
    assert {s.demand.kind for s in many} == {"poisson", "negative_binomial"}
    for scenario in many:
        mean, std = demand_moments(scenario)
        assert (std >= np.sqrt(mean) - 1e-9).all()


def test_networks_side_by_side_are_what_they_are_alone():
    """Costs, lead times, mean flows and neighbours; nothing links two of them."""
    scenarios = some_scenarios(5)
    joined, member = side_by_side(scenarios)
    whole, parts = build_structure(joined), [build_structure(scenario) for scenario in scenarios]
    for field in ("holding_cost", "backorder_cost", "mean_demand", "lead_time"):
        np.testing.assert_allclose(getattr(whole, field), np.concatenate([getattr(part, field) for part in parts]))
    assert np.bincount(member).tolist() == [len(scenario.network.agents) for scenario in scenarios]
    assert (member[joined.network.supplier] == member[joined.network.customer]).all()
    assert len(joined.network.edges) == sum(len(scenario.network.edges) for scenario in scenarios)


def test_it_is_trained_on_what_it_pays_in_an_evaluation():
    """The training's own episode and `scenv.evaluate` of the shipped policy add up to the same cost."""
    for scenario in (scenv.load_scenario("r1"), scenv.load_scenario("bg", shipment_lead_time=3)):
        parameters = {name: torch.as_tensor(array) for name, array in load_file(WEIGHTS).items()}
        costs, _ = play(parameters, Worlds.of([scenario]), 6, 4, learn=False)
        paid = scenv.evaluate(Pretrained(scenario), scenario, episodes=6, seed=4).mean
        assert costs.sum() == pytest.approx(paid, rel=1e-4)


def test_the_gradient_is_that_of_the_mean_logarithm_of_costs():
    """Against a difference quotient along the gradient itself, and along a random direction."""
    worlds = Worlds.of(some_scenarios(3))
    parameters = {name: torch.as_tensor(array).requires_grad_() for name, array in load_file(WEIGHTS).items()}
    _, steps = play(parameters, worlds, 8, 1, learn=True)
    torch.autograd.backward([z for z, _ in steps], [by for _, by in steps])
    gradient = {name: tensor.grad.clone() for name, tensor in parameters.items()}
    drawn = torch.Generator().manual_seed(0)
    for direction in (gradient, {name: torch.randn(g.shape, generator=drawn) for name, g in gradient.items()}):
        length = float(sum((d**2).sum() for d in direction.values())) ** 0.5
        slope = sum(float((gradient[name] * direction[name]).sum()) for name in gradient) / length
        at = {}
        for sign in (1, -1):
            moved = {n: (p + sign * 2e-4 * direction[n] / length).detach() for n, p in parameters.items()}
            at[sign] = np.log(play(moved, worlds, 8, 1, learn=False)[0]).mean()
        assert (at[1] - at[-1]) / 4e-4 == pytest.approx(slope, rel=0.05, abs=2e-3)


def arguments(**changes: object) -> argparse.Namespace:
    usual = {"steps": 6, "networks": 2, "rows": 2, "lr": 2e-3, "clip": 1.0, "width": 6, "hidden": 8, "seed": 3}
    return argparse.Namespace(**(usual | changes))


def test_a_run_that_goes_on_is_the_run_that_was_never_interrupted(tmp_path: Path):
    whole = Run(arguments())
    for _ in range(6):
        whole.improve()
    first = Run(arguments(steps=50))  # --steps does not matter before the last part
    for _ in range(2):
        first.improve()
    first.save(tmp_path / "run.pt")
    second = Run(arguments(seed=3))
    second.load(tmp_path / "run.pt")
    for _ in range(4):
        second.improve()
    for name, tensor in whole.parameters.items():
        torch.testing.assert_close(second.parameters[name], tensor, rtol=0, atol=0)
        torch.testing.assert_close(second.mean[name], whole.mean[name], rtol=0, atol=0)


def test_learning_lowers_the_cost_and_what_is_exported_is_what_was_learned(tmp_path: Path):
    scenario = scenv.load_scenario("bg")
    run = Run(arguments(steps=25, networks=4, rows=4, width=16, hidden=16, lr=5e-3))
    worlds = Worlds.of([scenario])
    before = play(run.parameters, worlds, 16, 0, learn=False)[0].sum()
    for _ in range(25):
        run.improve()
    after = play(run.mean, worlds, 16, 0, learn=False)[0].sum()
    assert after < 0.7 * before
    run.save(tmp_path / "run.pt")
    assert export(tmp_path / "run.pt", tmp_path / "mine.safetensors") == 25
    policy = Pretrained(scenario, weights=tmp_path / "mine.safetensors")
    assert scenv.evaluate(policy, scenario, episodes=16, seed=0).mean == pytest.approx(after, rel=1e-4)


def test_a_wild_gradient_is_passed_over():
    run = Run(arguments(steps=100))
    run.improve()
    run.step, run.norm = 30, 1e-9  # everything is wild against that
    before = {name: tensor.detach().clone() for name, tensor in run.parameters.items()}
    run.improve()
    assert all(torch.equal(before[name], tensor) for name, tensor in run.parameters.items())
    assert run.step == 31


def test_fresh_parameters_pass_demand_on_and_mend_a_tenth():
    worlds = Worlds.of(some_scenarios(2))
    parameters = fresh_parameters(0, 48, 64)
    costs, _ = play(parameters, worlds, 4, 0, learn=False)
    assert np.isfinite(costs).all()
    again = fresh_parameters(0, 48, 64)
    assert all(torch.equal(parameters[name], again[name]) for name in parameters)
