"""Learning on toys without the machinery of a run."""

import torch

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import align, collect
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.learners.actor_critic import Learner

CPU = torch.device("cpu")
SMALL = {"hidden_size": 16, "attention_heads": 2, "batch_size": 64, "updates_per_rollout": 10, "learning_starts": 0}


def learn(env, **settings):
    """Train on a toy without the machinery of a run."""
    config = TrainConfig(**{**SMALL, "rollouts": 30, **settings})
    spec = describe(env)
    learner, replay = Learner(spec, config, CPU), Replay(spec, 2000, env.num_envs, CPU)
    rng = torch.Generator().manual_seed(config.seed)
    for rollout in range(config.rollouts):
        learner.schedule(config.progress(rollout))
        episodes = collect(env, spec, lambda o: learner.act(o, rng), 1000 + rollout, CPU)
        episodes = align(episodes, torch.as_tensor(spec.reward_delay))
        learner.observe(episodes)
        replay.add(episodes)
        for _ in range(config.updates_per_rollout):
            learner.update(replay.sample(config.batch_size, rng), rng)
    return learner


def greedy(learner, env):
    """The most probable actions [B, N] for the observations of seed 9."""
    return learner.act(torch.as_tensor(env.reset(seed=9)).transpose(0, 1)).T.numpy()


def parameters(learner):
    """Every tensor of a learner's modules."""
    return [p.detach() for module in learner.modules().values() for p in module.state_dict().values()]
