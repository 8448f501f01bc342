"""Decentralised execution: one policy file per agent, which needs neither torch nor any other agent.

NAME.json says what goes in and what comes out, NAME.safetensors holds the numbers, NAME.onnx is the same as a graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save_file

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.env_api.protocol import BatchedEnv, EnvSpec
from pmarl_trainer.errors import TrainerError
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.runs.facts import load_config
from pmarl_trainer.runs.report import write_json
from pmarl_trainer.training import checkpoint
from pmarl_trainer.training.file_names import file_stems
from pmarl_trainer.training.run_checkpoints import checkpoint_path, read_checkpoint
from pmarl_trainer.training.setup import open_env

FORMAT = "pmarl-policy"
VERSION = 1
LAYERS = ("hidden_1", "hidden_2", "logits")
NEGATIVE_SLOPE = 0.01  # of torch's leaky_relu, which the policies use


@dataclass(frozen=True, eq=False)
class AgentPolicy:
    """One agent's policy as plain arrays.

    Attributes:
        spec: what NAME.json holds.
        tensors: mean, std [O] of the scaling; NAME.weight [in, out], NAME.bias [out] of each layer. float32.
    """

    spec: dict[str, Any]
    tensors: dict[str, np.ndarray]


def export_run(run: Path, out: Path, *, which: str = "best", onnx: bool | None = None) -> list[str]:
    """Write every agent's policy of a run to the folder `out`; the names of the files.

    Args:
        run: folder of a run.
        out: a new or empty folder.
        which: the checkpoint, "best" or "last".
        onnx: write ONNX files too; None: where the package `onnx` is installed.

    Raises:
        TrainerError: for a method whose policies need more than their own observation, or what cannot be read.
    """
    config = load_config(run)
    refuse_global_policies(config)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TrainerError(f"{out}: already there and not empty; give another --out")
    if onnx is not False:
        from pmarl_trainer.export.onnx import available, save_onnx

        if onnx and not available():
            raise TrainerError('--onnx needs the package onnx: pip install "scenv[export]"')
        onnx = available()
    learner, env, spec, rollout = load_policies(config, run, which)
    trained = {"run": run.name, "method": config.train.method, "seed": config.train.seed, "rollout": rollout}
    out.mkdir(parents=True, exist_ok=True)
    stems = file_stems(spec.agents)
    for agent, stem in enumerate(stems):
        policy = agent_policy(learner, env, spec, agent, trained)
        save_file(policy.tensors, out / f"{stem}.safetensors")
        write_json(out / f"{stem}.json", policy.spec)
        if onnx:
            save_onnx(policy, out / f"{stem}.onnx")
    kinds = ("json", "safetensors", *(("onnx",) if onnx else ()))
    return [f"{stem}.{kind}" for stem in stems for kind in kinds]


def refuse_global_policies(config: RunConfig) -> None:
    """A policy that sees every agent's observation cannot run at one agent alone."""
    if config.train.method == "hdpo":
        raise TrainerError("policies of method hdpo order real quantities; only maac and pmarl export")
    if config.train.sees != "local":
        raise TrainerError(
            f"method {config.train.method}: its policies see others' observations (policy_input: {config.train.sees}), "
            "so none can run from its own agent's alone; train pmarl or maac to export policies"
        )


def load_policies(config: RunConfig, run: Path, which: str) -> tuple[Learner, BatchedEnv, EnvSpec, int]:
    """A run's trained learner on the CPU, its environment, that one's facts, and the rollout of the checkpoint."""
    env, spec = open_env(config, 1, config.train.seed)
    learner, path = Learner(spec, config.train, torch.device("cpu")), checkpoint_path(run, which)
    tensors, state = read_checkpoint(path, spec, config.train, learner.device)
    checkpoint.load_learner(path, learner, tensors, policy_only=True)
    return learner, env, spec, state.rollout


def agent_policy(
    learner: Learner, env: BatchedEnv, spec: EnvSpec, agent: int, trained: Mapping[str, Any]
) -> AgentPolicy:
    """Agent number `agent`'s slice of the stacked networks, cut to its own observations and actions."""
    sizes = getattr(env, "observation_sizes", [spec.observation_size] * len(spec.agents))
    size, actions = int(sizes[agent]), int(spec.num_actions[agent])
    mean, std, clip, symlog = learner.scaler.of_agent(agent)
    tensors = {"mean": mean[:size], "std": std[:size]}
    for name in LAYERS:
        layer = getattr(learner.policy, name)
        tensors |= {f"{name}.weight": layer.weight[agent], f"{name}.bias": layer.bias[agent, 0]}
    normalise = learner.policy.normalise
    if normalise is not None:  # batch normalisation is linear while acting: part of the first layer
        weight = tensors["hidden_1.weight"] / normalise.std[agent].T
        tensors["hidden_1.bias"] = tensors["hidden_1.bias"] - normalise.mean[agent, 0] @ weight
        tensors["hidden_1.weight"] = weight
    # The trainer pads observations with zeros; what these contribute after scaling is constant, and goes into the bias.
    padding = learner.scaler(torch.zeros(len(spec.agents), 1, spec.observation_size, device=learner.device))
    tensors["hidden_1.bias"] = tensors["hidden_1.bias"] + padding[agent, 0, size:] @ tensors["hidden_1.weight"][size:]
    tensors["hidden_1.weight"] = tensors["hidden_1.weight"][:size]
    tensors["logits.weight"], tensors["logits.bias"] = (
        tensors[f"logits.{x}"][..., :actions] for x in ("weight", "bias")
    )
    arrays = {name: np.ascontiguousarray(t.detach().cpu().numpy(), dtype=np.float32) for name, t in tensors.items()}
    values = getattr(env, "adjustments", None)
    names = getattr(env, "observation_names", None)
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "agent": spec.agents[agent],
        "position": agent,
        "team": len(spec.agents),
        "observation_size": size,
        "observation_names": None if names is None else list(names),
        "num_actions": actions,
        "action_values": None if values is None else np.asarray(values).tolist(),
        "scaling": "x = (observation - mean) / std; then clipped to -clip .. clip; then sign(x) ln(1 + |x|) if symlog",
        "clip": clip,
        "symlog": symlog,
        "layers": list(LAYERS),
        "layer": "y = x @ weight + bias; between layers x = y if y > 0 else negative_slope * y",
        "negative_slope": NEGATIVE_SLOPE,
        "decision": "the action with the largest output; the outputs' softmax is the policy",
        "trained": dict(trained),
    }
    return AgentPolicy(facts, arrays)


def metadata(policy: AgentPolicy) -> dict[str, str]:
    """The spec as the flat texts that an ONNX file carries."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in policy.spec.items()}
