"""One firm of methods pmarl and maac: plays with its neighbours, stores what it saw, and learns from its own memory.

Its learner is the stacked one for a team of one agent; embeddings, their gradients and the shared attention's are what
it exchanges with the others (`embedding_exchange`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pmarl_trainer.data.replay import Replay
from pmarl_trainer.data.rollout import Episodes, align
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.listening import Team
from pmarl_trainer.networks.attention import NeighbourAttention
from pmarl_trainer.parties.embedding_exchange import EmbeddingExchange
from pmarl_trainer.parties.messages import Phase
from pmarl_trainer.parties.seat import Seat
from pmarl_trainer.parties.trading import end_period, one_agent, play
from pmarl_trainer.training.off_policy import means
from pmarl_trainer.training.state import RunState

CPU = torch.device("cpu")


class ActorCriticParty:
    """Improves one firm's policy and critic.

    Attributes:
        learner: the firm's own, with its copy of the attention that all share.
        replay: its memory; all firms' memories hold the same steps, so the same indices are the same steps to all.
    """

    def __init__(self, seat: Seat) -> None:
        """Networks from the firm's secret seed, but for the attention: that is everybody's."""
        cfg, spec = seat.train, seat.spec
        self._seat = seat
        self._env, self._evaluated = seat.simulator(cfg.num_envs), seat.simulator(cfg.evaluation_episodes)
        self.learner = one_firms_learner(seat)
        self.replay = Replay(spec, cfg.memory_size, cfg.num_envs, CPU)
        self._delay = torch.as_tensor(spec.reward_delay)
        self._exchange = EmbeddingExchange(self.learner, seat)
        self._actions, self._noise, self._indices = (torch.Generator() for _ in range(3))

    def improve(self, state: RunState) -> Phase:
        """Play a rollout, learn once enough is stored, and count the updates; what to log."""
        seat, cfg, rollout = self._seat, self._seat.train, state.rollout
        self._actions.manual_seed(seat.private("actions", rollout))
        self._noise.manual_seed(seat.private("noise", rollout))
        self._indices.manual_seed(seat.public("updates", rollout))
        lived = yield from self._collect(rollout)
        episodes = align(lived, self._delay, seat.spec.longest_delay)
        self.learner.observe(episodes)
        self.replay.add(episodes)
        row = {"rollout_cost": episodes.cost}
        if rollout >= cfg.learning_starts and len(self.replay):
            self.learner.schedule(cfg.progress(rollout))
            updates = cfg.updates_for(episodes.transitions)
            reports = []
            for _ in range(updates):
                batch = self.replay.sample(cfg.batch_size, self._indices)
                reports.append((yield from self._exchange.drive(self.learner.updating(batch, self._noise))))
            row |= means(reports, self.learner, self.replay, cfg, seat.folder)
            state.updates += updates
        return row

    def evaluate(self, seed: int) -> Phase:
        """Own costs [episodes] of the greedy policy on the paths of `seed`."""
        return (yield from play(self._evaluated, self._seat.rounds, seed, self._greedy))

    def _greedy(self, seen: Tensor) -> dict[str, Any]:
        return {"action": self.learner.act(seen)[0].numpy()}

    def _collect(self, rollout: int) -> Phase:
        """The `Episodes` of this firm: an episode of every row with the exploring policy."""
        env, steps = self._env, self._seat.spec.max_steps
        observations = [one_agent(self._seat.begin(env, rollout))]
        actions, rewards, cost = [], [], 0.0
        for _ in range(steps):
            chosen = self.learner.act(observations[-1], generator=self._actions)
            seen = yield from end_period(env, self._seat.rounds, action=chosen[0].numpy())
            observations.append(one_agent(seen))
            actions.append(chosen.T)
            rewards.append(torch.as_tensor(env.reward, dtype=torch.float32).unsqueeze(1))
            cost += float(env.cost.mean())
        shape = (steps, env.num_envs, 1)
        return Episodes(
            observations=torch.stack(observations).transpose(1, 2),
            actions=torch.stack(actions),
            rewards=torch.stack(rewards),
            terminated=torch.zeros(shape, dtype=torch.bool),
            active=torch.ones(shape, dtype=torch.bool),
            allowed=None,
            cost=cost,
        )


def one_firms_learner(seat: Seat) -> Learner:
    """The firm's networks, from its secret seed; the attention is from the common one, the same at every firm."""
    cfg = seat.train
    mask = torch.ones(1, len(seat.heard), dtype=torch.bool)
    team = Team(mask, torch.tensor([seat.weight], dtype=torch.float64), len(seat.everybody.agents))
    learner = Learner(seat.spec, seat.own_train, CPU, team)
    generator = torch.Generator().manual_seed(seat.public("attention"))
    linear = cfg.attention_values == "linear"
    shared = NeighbourAttention(mask, cfg.hidden_size, cfg.attention_heads, generator, linear_values=linear)
    for critic in (learner.critic, learner.target_critic):
        critic.attention.load_state_dict(shared.state_dict())
    return learner
