"""How often firms wait for each other, and what a link carries: no more than the method needs."""

import pytest

from pmarl_trainer.config.files import build_config
from pmarl_trainer.parties.assembly import secret_of
from pmarl_trainer.parties.factory import build_party
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.traffic import Traffic
from pmarl_trainer.training.setup import open_env

STEPS, ROWS, BATCH, WIDTH, UPDATES, EPISODES = 11, 3, 16, 8, 2, 5


def traffic_of(method, folder, **fields):
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": STEPS + 1, "warmup": 2}
    sizes = {"num_envs": ROWS, "batch_size": BATCH, "hidden_size": WIDTH, "attention_heads": 2}
    budget = {"rollouts": 2, "learning_starts": 0, "updates_per_rollout": UPDATES, "evaluation_episodes": EPISODES}
    config = build_config({"env": env, "train": {}}, "test", method=method, **{**sizes, **budget, **fields})
    opened, traffic = open_env(config, 1, 0), Traffic()
    phases = {
        agent: build_party(config, agent, folder / agent, secret=secret_of(config, i), env=opened)
        for i, agent in enumerate(opened[1].agents)
    }
    LocalExchange(traffic.watch).run(phases)
    return traffic


def test_an_update_of_pmarl_takes_three_trades_and_a_sum(tmp_path):
    traffic = traffic_of("pmarl", tmp_path)
    updates, ends = 2 * UPDATES, {"evaluation": 1, "stop": 2, "resume": 1}
    each = {"embeddings": updates, "gradient": updates, "fresh": updates, "attention": updates}
    assert traffic.rounds == {"trade": (2 + 1) * STEPS, **each, **ends}  # two rollouts, one evaluation
    assert traffic.journeys == 3 * STEPS + 3 * updates + 2 * (updates + 1 + 2 + 1)
    link = ("ret_0", "whole_0")
    assert traffic.sizes[(*link, "trade")] == 8 * STEPS * (2 * ROWS + EPISODES)
    assert traffic.sizes[(*link, "embeddings")] == 4 * updates * 2 * BATCH * WIDTH
    assert traffic.sizes[(*link, "gradient")] == traffic.sizes[(*link, "fresh")] == 4 * updates * BATCH * WIDTH
    assert ("ret_0", "dist_0", "trade") not in traffic.sizes  # no neighbours
    assert ("ret_0", "dist_0", "embeddings") not in traffic.sizes


def test_with_maac_embeddings_go_to_everybody_and_goods_to_neighbours(tmp_path):
    traffic = traffic_of("maac", tmp_path)
    assert traffic.sizes["ret_0", "sup_0", "embeddings"] == traffic.sizes["ret_0", "whole_0", "embeddings"] > 0
    assert ("ret_0", "sup_0", "trade") not in traffic.sizes


def test_a_step_of_hdpo_takes_two_trades_a_period_and_a_sum(tmp_path):
    traffic = traffic_of("hdpo", tmp_path)
    assert traffic.rounds == {
        "trade": (2 + 1) * STEPS,
        "prices": 2 * STEPS,
        "cost": 2,
        "evaluation": 1,
        "stop": 2,
        "resume": 1,
    }
    assert traffic.sizes["ret_0", "whole_0", "prices"] == 8 * 2 * STEPS * ROWS
    everybody = {(firm, kind): size for (firm, to, kind), size in traffic.sizes.items() if to == "all"}
    assert everybody["ret_0", "cost"] == 2 * 8
    assert everybody["ret_0", "evaluation"] == 8  # a mean, whatever the number of episodes
    assert traffic.waited(0.05) == pytest.approx(0.05 * traffic.journeys)
