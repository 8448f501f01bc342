"""Proves that scenv works where nothing of the extras is installed, and that the trainer then says what it needs.

    python .ci/without_extras.py SCENARIO TRAINER...     (TRAINER: the command that starts pmarl-train)

Called by `.ci/run` in an environment with no extras, and by tests/test_install_without_torch.py with the extras hidden.
"""

import importlib
import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

EXTRAS = ("torch", "tensorboard", "filelock", "matplotlib")


def importable(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def check_nothing_of_the_extras_is_here() -> None:
    found = [name for name in EXTRAS if importable(name)]
    assert not found, f"this check needs an environment without {found}"


def check_environment_runs() -> None:
    import scenv

    env = scenv.parallel_env("bg")
    observations, _ = env.reset(seed=0)
    assert set(observations) == set(env.agents) == set(env.possible_agents)
    steps = 0
    while env.agents:
        actions = {agent: int(env.action_space(agent).sample()) for agent in env.agents}
        _, rewards, _, _, infos = env.step(actions)
        assert all(math.isfinite(reward) for reward in rewards.values()), rewards
        assert all(infos[agent]["cost"] >= 0 for agent in actions), infos
        steps += 1
    env.close()
    assert steps > 1, "the episode ended at once"

    evaluation = scenv.evaluate(scenv.policies.BaseStock("bg"), "bg", episodes=5)
    assert evaluation.mean > 0
    print(f"scenv {scenv.__file__}: {steps} steps of bg, base-stock costs {float(evaluation.mean):.0f}")


def check_trainer_says_what_it_needs(scenario: str, trainer: Sequence[str]) -> None:
    before = set(Path.cwd().iterdir())
    result = subprocess.run([*trainer, "--scenario", scenario], capture_output=True, text=True, timeout=120)
    output = result.stdout + result.stderr
    assert result.returncode == 2, (result.returncode, output)
    assert len(output.splitlines()) == 1, output
    assert 'pip install "scenv[train]"' in output, output
    assert set(Path.cwd().iterdir()) == before, "a refused run wrote files"
    print(f"pmarl-train: exit 2, {output.strip()}")


if __name__ == "__main__":
    check_nothing_of_the_extras_is_here()
    check_environment_runs()
    check_trainer_says_what_it_needs(sys.argv[1], sys.argv[2:])
