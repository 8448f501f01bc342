"""A consortium that trains on bg for a moment, and when two trainings are equal."""

from concurrent.futures import ThreadPoolExecutor

import torch
from safetensors.torch import load_file

from pmarl_trainer.config.files import build_config
from pmarl_trainer.parties.party_log import read_log
from pmarl_trainer.parties.wire.founding import found
from pmarl_trainer.parties.wire.party_run import run_party
from tests.pmarl_trainer.parties.wire.consortium import CHAIN, free_ports

TRAIN = {
    "rollouts": 3,
    "num_envs": 2,
    "learning_starts": 1,
    "updates_per_rollout": 2,
    "batch_size": 8,
    "hidden_size": 8,
    "attention_heads": 2,
    "evaluation_episodes": 3,
    "evaluation_interval": 2,
    "checkpoint_interval": 1,
}


def consortium(folder, method, **train):
    settings = {**TRAIN, "method": method, **train}
    if method == "hdpo":
        settings |= {"rollouts": 20, "evaluation_interval": 10, **train}
        for key in ("learning_starts", "updates_per_rollout", "batch_size"):
            del settings[key]
    env = {"entry": "scenv:vector_env", "scenario": "bg", "horizon": 12, "warmup": 2}
    ports = free_ports(len(CHAIN))
    return found(
        build_config({"env": env, "train": settings}, "test"),
        "test",
        folder,
        addresses=lambda number: f"127.0.0.1:{ports[number]}",
        secret=lambda number: 100 + number,
    )


def run_all(places, **more):
    """Every firm in a thread, over the wire; name -> future."""
    pool = ThreadPoolExecutor(len(places))
    futures = {name: pool.submit(run_party, place, say=lambda text: None, **more) for name, place in places.items()}
    pool.shutdown(wait=True)
    return futures


def assert_equal_trainings(one, other):
    assert read_log(one) == read_log(other) != []
    names = sorted(path.name for path in (one / "checkpoints").glob("*.safetensors"))
    assert names == sorted(path.name for path in (other / "checkpoints").glob("*.safetensors"))
    for name in names:
        first, second = (load_file(place / "checkpoints" / name) for place in (one, other))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[key], second[key]) for key in first), name
