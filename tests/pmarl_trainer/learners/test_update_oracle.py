"""The stacked update against the same update agent by agent, in the structure of the published MAAC code (float64)."""

import numpy as np
import pytest
import torch

from benchmarks.maac_loop import LoopLearner
from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Batch
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.graph import neighbour_mask

N, B, SIZE, A = 6, 9, 5, 4
CHAIN = np.zeros((N, N), dtype=int)  # 0 -> 1 -> 2 -> 3, 1 -> 4, and 5 alone
for supplier, customer in ((0, 1), (1, 2), (2, 3), (1, 4)):
    CHAIN[supplier, customer], CHAIN[customer, supplier] = -1, 1


def make_learner(**settings):
    spec = EnvSpec(
        agents=tuple("abcdef"),
        observation_size=SIZE,
        num_actions=np.full(N, A),
        adjacency=CHAIN,
        reward_delay=np.zeros(N, dtype=int),
        observation_scale=np.arange(1, N + 1, dtype=np.float32),
        max_steps=9,
    )
    config = TrainConfig(hidden_size=8, attention_heads=2, alpha=0.1, critic_clip=0.3, policy_clip=0.1, **settings)
    learner = Learner(spec, config, torch.device("cpu"))
    for module in learner.modules().values():
        module.double()
    learner.weights = learner.weights.double()
    learner.log_alpha = learner.log_alpha.detach().double()
    return learner, [np.flatnonzero(row).tolist() for row in neighbour_mask(CHAIN, config.row.attention)]


def make_batch(seed):
    rng = torch.Generator().manual_seed(seed)
    observations, next_observations = torch.rand(2, N, B, SIZE, generator=rng, dtype=torch.float64) * 4
    rewards, terminated = torch.randn(N, B, generator=rng, dtype=torch.float64), torch.zeros(B, dtype=torch.float64)
    terminated[0] = 1
    return Batch(observations, torch.randint(A, (N, B), generator=rng), rewards, terminated, next_observations)


@pytest.mark.parametrize("method", ["pmarl", "maac"])
def test_five_stacked_updates_equal_five_agent_by_agent(method):
    """Clips this small bind, so per-agent clipping is compared too; the group weights are unequal in pmarl."""
    learner, neighbours = make_learner(method=method)
    loop = LoopLearner(learner, neighbours)
    before = [own.clone() for own, _ in loop.pairs(learner)]
    for k in range(5):
        learner.update(make_batch(k), torch.Generator().manual_seed(k))
        loop.update(make_batch(k), torch.Generator().manual_seed(k))
    for target in (False, True):
        for own, stacked in loop.pairs(learner, target=target):
            torch.testing.assert_close(own.data, stacked, rtol=0, atol=1e-10, check_dtype=True)
    moved = [(own - old).abs().max().item() for (own, _), old in zip(loop.pairs(learner), before, strict=True)]
    # Every parameter of every agent took part, but the encoder of the lonely agent, whom nobody hears in pmarl.
    assert sum(size < 1e-3 for size in moved) == {"pmarl": 2, "maac": 0}[method]
