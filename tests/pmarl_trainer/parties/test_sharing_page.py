"""The page says what crosses between firms: nothing else does, and all of it does."""

import re
from collections import defaultdict

import pytest

from pmarl_trainer.config.files import build_config
from pmarl_trainer.learners.graph import neighbour_mask
from pmarl_trainer.parties.assembly import secret_of
from pmarl_trainer.parties.factory import build_party
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.messages import Agree, Trade
from pmarl_trainer.training.setup import open_env

SMALL = {"num_envs": 3, "hidden_size": 8, "evaluation_episodes": 3, "batch_size": 16, "rollouts": 2}
SCOPES = {"neighbours": "trade", "only the sum": "sum", "only the greatest": "agreement"}


def rows_of_the_page(repository):
    """message -> (names in what it holds, methods, scope, whether it goes to every firm with maac)."""
    text = (repository / "docs" / "pages" / "sharing.md").read_text(encoding="utf-8")
    table = text[text.index("| message | holds |") :].split("\n\n")[0].splitlines()[2:]
    rows = {}
    for line in table:
        message, holds, methods, to, _ = (cell.strip() for cell in line.strip("|").split(" | "))
        scope = next(scope for words, scope in SCOPES.items() if to.startswith(words))
        names = set(re.findall(r"`(\w+)`", holds))
        rows[message.strip("` ")] = (names, set(re.findall(r"`(\w+)`", methods)), scope, "`maac`: every" in to)
    return rows


def crossings(method, folder):
    """message -> (names of tensors, scope, {sender: receivers}) of a short run; and the graph."""
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": 12, "warmup": 2}
    learning = {} if method == "hdpo" else {"learning_starts": 0, "updates_per_rollout": 1}
    config = build_config({"env": env, "train": {}}, "test", method=method, **SMALL, **learning)
    opened, seen = open_env(config, 1, 0), {}

    def watch(wishes):
        for sender, wish in wishes.items():
            if isinstance(wish, Trade):
                names = {name for parcel in wish.parcels.values() for name in parcel}
                row = seen.setdefault(wish.kind, (names, "trade", defaultdict(set)))
                assert row[0] == names
                row[2][sender] |= set(wish.parcels)
            else:
                seen[wish.purpose] = (set(), "agreement" if isinstance(wish, Agree) else "sum", {})

    phases = {
        agent: build_party(config, agent, folder / agent, secret=secret_of(config, i), env=opened)
        for i, agent in enumerate(opened[1].agents)
    }
    LocalExchange(watch).run(phases)
    return seen, opened[1]


@pytest.mark.parametrize("method", ["pmarl", "maac", "hdpo"])
def test_the_page_names_all_that_crosses_and_nothing_else(method, repository, tmp_path):
    page = rows_of_the_page(repository)
    seen, spec = crossings(method, tmp_path)
    assert set(seen) == {message for message, (_, methods, _, _) in page.items() if method in methods}
    linked = neighbour_mask(spec.adjacency, "neighbours")
    neighbours = {
        agent: {spec.agents[j] for j in row.nonzero()[0]} for agent, row in zip(spec.agents, linked, strict=True)
    }
    everybody = {agent: set(spec.agents) - {agent} for agent in spec.agents}
    for message, (names, scope, receivers) in seen.items():
        said_names, _, said_scope, all_with_maac = page[message]
        assert scope == said_scope, message
        if scope == "trade":
            assert names == said_names, message
            assert receivers == (everybody if all_with_maac and method == "maac" else neighbours), message
