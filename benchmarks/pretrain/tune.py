"""Go on with the pretrained policy on one network: a few gradient steps on its own random paths.

python -m benchmarks.pretrain.tune r2 --steps 20 --out mine.safetensors
scenv evaluate r2 --policy base-stock,pretrained,mine.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmarks.pretrain.learning import Worlds, fresh_parameters, play
from scenv.policies.pretrained import WEIGHTS
from scenv.scenario.files import load_scenario
from scenv.scenario.scenario import Scenario


def tuned(
    scenario: Scenario, steps: int, *, init: Path | None = WEIGHTS, rows: int = 48, lr: float = 1e-3, seed: int = 0
) -> dict[str, Tensor]:
    """The parameters after `steps` steps on `scenario`; the learning rate rises for ten, then falls to 0.

    Args:
        scenario: what to learn on.
        steps: of Adam, each on fresh paths.
        init: the file to begin with; None: from scratch.
        rows: paths of a step.
        lr: the learning rate at the start.
        seed: of the paths, and of the parameters from scratch.
    """
    parameters = fresh_parameters(seed, 48, 64)
    if init is not None:
        parameters = {name: tensor.requires_grad_() for name, tensor in load_file(init).items()}
    worlds, optimiser = Worlds.of([scenario]), torch.optim.Adam(parameters.values(), lr=lr)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = lr * min((step + 1) / 10, 1 - step / steps)  # Adam's first steps are the least sure
        _, gradients = play(parameters, worlds, rows, seed * 10**6 + 10**5 + step, learn=True)
        optimiser.zero_grad()
        torch.autograd.backward([z for z, _ in gradients], [by for _, by in gradients])
        torch.nn.utils.clip_grad_norm_(list(parameters.values()), 1.0)
        optimiser.step()
    return {name: tensor.detach() for name, tensor in parameters.items()}


def main() -> None:
    """Tune."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", help="bg, r1, r2, r3, or a scenario or network file")
    parser.add_argument("--steps", default=20, type=int)
    parser.add_argument("--rows", default=48, type=int, help="paths of a step")
    parser.add_argument("--lr", default=1e-3, type=float)
    parser.add_argument("--seed", default=0, type=int)
    parser.add_argument("--scratch", action="store_true", help="not from what is shipped")
    parser.add_argument("--out", required=True, type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    init = None if args.scratch else WEIGHTS
    scenario = load_scenario(args.scenario)
    save_file(tuned(scenario, args.steps, init=init, rows=args.rows, lr=args.lr, seed=args.seed), args.out)


if __name__ == "__main__":
    main()
