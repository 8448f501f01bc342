"""What keeps numbers near 1: scaling of observations, running moments of whatever has no hint."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

_CLIP = 10.0


class RunningMoments(nn.Module):
    """Mean and standard deviation of all samples seen so far (Chan et al.'s parallel update), in float64."""

    count: Tensor
    mean: Tensor
    squares: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        """Moments of samples of `shape`."""
        super().__init__()
        self.register_buffer("count", torch.zeros(shape[0], *[1] * (len(shape) - 1), dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("squares", torch.zeros(shape, dtype=torch.float64))

    @torch.no_grad()
    def update(self, samples: Tensor, active: Tensor | None = None) -> None:
        """Take samples [S, N, ...], of each agent those where `active` [S, N] is true (None: all)."""
        samples = samples.to(self.mean)
        if active is None:
            count, mean = torch.full_like(self.count, len(samples)), samples.mean(dim=0)
        else:
            within = active.view(*active.shape, *[1] * (samples.dim() - 2))
            count = within.sum(dim=0).to(self.count)
            mean = torch.where(within, samples, 0.0).sum(dim=0) / count.clamp(min=1)
            samples = torch.where(within, samples, mean)
        total = self.count + count
        delta = mean - self.mean
        some = total.clamp(min=1)
        self.squares += (samples - mean).square().sum(dim=0) + delta.square() * self.count * count / some
        self.mean += delta * count / some
        self.count.copy_(total)

    @property
    def std(self) -> Tensor:
        """[*shape] float32 standard deviation; 1 where nothing varied."""
        std = (self.squares / self.count.clamp(min=1)).sqrt()
        return torch.where(std > 1e-6, std, torch.ones_like(std)).float()


class ObservationScaler(nn.Module):
    """x / scale - 1 with the environment's hint for each agent's scale; without hints, standardised by running moments.

    The hint is a typical size of what the agent observes (scenv: its mean demand), so a typical observation comes out
    near 0. Without the centring the same run learns much more slowly.
    """

    def __init__(self, scale: Tensor | None, agents: int, observation_size: int, *, symlog: bool) -> None:
        """`scale` [N] or None; with `symlog`, sign(x) ln(1 + |x|) of the result."""
        super().__init__()
        self.symlog, self.observation_size = symlog, observation_size
        self.moments = RunningMoments((agents, observation_size)) if scale is None else None
        self.register_buffer("divisor", torch.ones(agents, 1, 1) if scale is None else scale.view(-1, 1, 1).float())
        self.divisor: Tensor

    def update(self, observations: Tensor, active: Tensor | None = None) -> None:
        """Learn the running moments, where they are used, from observations [S, N, O]; `active` as there."""
        if self.moments is not None:
            self.moments.update(observations, active)

    def of_agent(self, agent: int) -> tuple[Tensor, Tensor, float | None, bool]:
        """One agent's mean [O], std [O], the bound after (x - mean) / std, and whether symlog follows: for export."""
        if self.moments is None:
            divisor = self.divisor[agent, 0].expand(self.observation_size)
            return divisor, divisor, None, self.symlog
        return self.moments.mean[agent].float(), self.moments.std[agent], _CLIP, self.symlog

    def slope(self, scaled: Tensor) -> Tensor:
        """d scaled / d raw, [N, B, O] or what broadcasts to it, where the result was `scaled` [N, B, O]."""
        if self.moments is None:
            slope = 1 / self.divisor
        else:
            bound = math.log1p(_CLIP) if self.symlog else _CLIP
            slope = (scaled.abs() < bound) / self.moments.std.unsqueeze(1)
        return slope * (-scaled.abs()).exp() if self.symlog else slope

    def forward(self, observations: Tensor) -> Tensor:
        """[N, B, O] raw -> [N, B, O] scaled."""
        if self.moments is None:
            x = observations / self.divisor - 1
        else:
            mean, std = self.moments.mean.float().unsqueeze(1), self.moments.std.unsqueeze(1)
            x = ((observations - mean) / std).clamp(-_CLIP, _CLIP)
        return x.sign() * x.abs().log1p() if self.symlog else x
