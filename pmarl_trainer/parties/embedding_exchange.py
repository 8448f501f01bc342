"""What firms exchange in an update of their critics: embeddings, their gradients, and the sum for the shared attention.

Three rounds along links (the embeddings of the next and of the replayed step together, gradients back, embeddings of
fresh actions) and one sum over all.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
from torch import Tensor

from pmarl_trainer.errors import DivergedError
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.learners.listening import Collect, Listen
from pmarl_trainer.networks.attention import Told
from pmarl_trainer.parties import fixed_point
from pmarl_trainer.parties.gradients import gradient_of
from pmarl_trainer.parties.messages import Parcels, Phase, Total, Trade
from pmarl_trainer.parties.seat import Seat

#: The kind of message by what is told in it.
_KINDS = {("target", "replay"): "embeddings", ("fresh",): "fresh"}


class EmbeddingExchange:
    """Drives a learner's updates, and asks the other firms for what they need."""

    def __init__(self, learner: Learner, seat: Seat) -> None:
        """`learner` is the firm's own, with one agent."""
        self._learner, self._seat = learner, seat
        self._own: Tensor  # the last embedding that others learn by, with the graph of the encoder
        self._told: Told  # what it was told with, leaves

    def drive(self, steps: Generator[Listen | Collect, Any, dict[str, Tensor]]) -> Phase:
        """Let an update run (`Learner.updating`) and answer all that it asks for; returns what to log."""
        answer: dict[str, Told] | None = None
        while True:
            try:
                wish = steps.send(answer)
            except StopIteration as done:
                return done.value
            if isinstance(wish, Listen):
                answer = yield from self._listen(wish)
            else:
                answer = None
                yield from self._return_gradients()
                yield from self._share_attention()

    def _listen(self, wish: Listen) -> Phase:
        """Encode, tell the neighbours, hear theirs."""
        own: dict[str, Tensor] = {}
        for name, step in wish.encodings.items():
            with torch.set_grad_enabled(step.learns):
                own[name] = step.critic.encoder(step.observations, step.actions)
        kind, heard = _KINDS[tuple(wish.encodings)], self._seat.heard
        parcel = {name: embedding[0].detach() for name, embedding in own.items()}
        came: Parcels = yield Trade(kind, self._seat.rounds.next(kind), dict.fromkeys(heard, parcel))
        told = {}
        for name, step in wish.encodings.items():
            others = [came[neighbour][name] for neighbour in heard]
            mine = own[name].detach().requires_grad_(step.learns)
            stack = torch.stack(others) if others else mine.detach().new_zeros(0, *mine.shape[1:])
            told[name] = Told(mine, stack.requires_grad_(step.learns))
            if step.learns:
                self._own, self._told = own[name], told[name]
        return told

    def _return_gradients(self) -> Phase:
        """Tell the neighbours how their embeddings should change; let one's own encoder learn from what they say."""
        heard, gradients = self._seat.heard, gradient_of(self._told.heard)
        parcels = {neighbour: {"gradient": gradients[k]} for k, neighbour in enumerate(heard)}
        came: Parcels = yield Trade("gradient", self._seat.rounds.next("gradient"), parcels)
        total = gradient_of(self._told.own)[0]
        for neighbour in heard:
            total = total + came[neighbour]["gradient"]
        self._own.backward(total.unsqueeze(0))  # type: ignore[no-untyped-call]

    def _share_attention(self) -> Phase:
        """Put the sum of all firms' gradients in the place of the own one."""
        shared = self._learner.critic.shared_parameters()
        own = torch.cat([gradient_of(parameter).flatten() for parameter in shared])
        if not bool(torch.isfinite(own).all()):
            raise DivergedError(f"{self._seat.agent}: training diverged: its critic's gradient is not finite")
        summed = yield Total("attention", self._seat.rounds.next("attention"), fixed_point.split(own))
        parts = fixed_point.join(summed).split_with_sizes([parameter.numel() for parameter in shared])
        for parameter, part in zip(shared, parts, strict=True):
            parameter.grad = part.view_as(parameter).to(parameter.dtype)
