"""TorchRL: independent PPO with one shared network for all firms of the beer game, through `PettingZooWrapper`.

    pip install -r requirements-torchrl.txt && python torchrl_ippo.py

TorchRL stacks the firms of a group along one dimension, so the policy below acts for all of them at once. The group map
puts all firms into one group; TorchRL's default groups them by stage ("ret", "whole", ...), from their names.
`reward="cost"` rewards at once: TorchRL's estimators know nothing of delayed rewards.
"""

import argparse

import torch
from tensordict.nn import TensorDictModule
from torch.distributions import Categorical
from torchrl.collectors import Collector
from torchrl.envs import RewardSum, TransformedEnv
from torchrl.envs.libs.pettingzoo import PettingZooWrapper
from torchrl.envs.utils import MarlGroupMapType, check_env_specs
from torchrl.modules import MultiAgentMLP, ProbabilisticActor
from torchrl.objectives import ClipPPOLoss, ValueEstimators

import scenv
from scenv.envs.wrappers import NormalisedObservations


def make_env(seed: int) -> TransformedEnv:
    """The environment as TorchRL wants it, with the return of each episode counted."""
    firms = NormalisedObservations(scenv.parallel_env("bg", reward="cost"))
    env = PettingZooWrapper(firms, group_map=MarlGroupMapType.ALL_IN_ONE_GROUP, use_mask=False, seed=seed)
    return TransformedEnv(env, RewardSum(in_keys=[env.reward_key], out_keys=[("agents", "episode_reward")]))


def main(iterations: int, episodes: int) -> list[float]:
    """Train; returns the mean return of each iteration."""
    torch.manual_seed(0)
    env = make_env(seed=0)
    check_env_specs(env)
    agents = env.group_map["agents"]
    sizes = {"n_agents": len(agents), "n_agent_inputs": env.observation_spec["agents", "observation"].shape[-1]}
    shared = {**sizes, "share_params": True, "depth": 2, "num_cells": 64, "activation_class": torch.nn.Tanh}
    actions = env.full_action_spec[env.action_key].space.n
    logits = MultiAgentMLP(n_agent_outputs=actions, centralized=False, **shared)
    value = MultiAgentMLP(n_agent_outputs=1, centralized=True, **shared)
    policy = ProbabilisticActor(
        TensorDictModule(logits, in_keys=[("agents", "observation")], out_keys=[("agents", "logits")]),
        spec=env.full_action_spec,
        in_keys=[("agents", "logits")],
        out_keys=[env.action_key],
        distribution_class=Categorical,
        return_log_prob=True,
    )
    critic = TensorDictModule(value, in_keys=[("agents", "observation")], out_keys=[("agents", "state_value")])
    loss = ClipPPOLoss(policy, critic, entropy_coeff=0.01)
    loss.set_keys(
        reward=env.reward_key,
        action=env.action_key,
        value=("agents", "state_value"),
        done=("agents", "done"),
        terminated=("agents", "terminated"),
    )
    loss.make_value_estimator(ValueEstimators.GAE, gamma=0.95, lmbda=0.9)
    optimiser = torch.optim.Adam(loss.parameters(), lr=1e-3)
    frames = 49 * episodes
    collector = Collector(
        env, policy, frames_per_batch=frames, total_frames=frames * iterations, auto_register_policy_transforms=False
    )
    returns = []
    for batch in collector:
        with torch.no_grad():
            loss.value_estimator(
                batch, params=loss.critic_network_params, target_params=loss.target_critic_network_params
            )
        for _ in range(8):
            losses = loss(batch)
            total = losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]
            optimiser.zero_grad()
            total.backward()
            torch.nn.utils.clip_grad_norm_(loss.parameters(), 1.0)
            optimiser.step()
        ended = batch["next", "agents", "done"]
        returns.append(batch["next", "agents", "episode_reward"][ended].mean().item())
        print(f"mean return of a firm and episode: {returns[-1]:.1f}", flush=True)
    collector.shutdown()
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--episodes", type=int, default=20, help="per iteration")
    arguments = parser.parse_args()
    returns = main(arguments.iterations, arguments.episodes)
    assert returns[-1] > returns[0], f"no improvement: {returns}"
