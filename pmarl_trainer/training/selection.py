"""Which policies are kept: the best on fixed paths, which are neither trained on nor used for the final result."""

from __future__ import annotations

from pathlib import Path

from pmarl_trainer.config.schema import RunConfig
from pmarl_trainer.data.seeds import derived_seed
from pmarl_trainer.env_api.protocol import EnvSpec
from pmarl_trainer.learners.evaluation import Outcome, play_first_baseline
from pmarl_trainer.learners.trainable import Trainable
from pmarl_trainer.training.run_checkpoints import save_best
from pmarl_trainer.training.setup import open_env
from pmarl_trainer.training.state import RunState


class Selection:
    """Evaluates the greedy policy on the fixed paths, and keeps the best.

    Attributes:
        baseline: name of the environment's first baseline, or None.
    """

    def __init__(self, config: RunConfig, spec: EnvSpec) -> None:
        """Make an environment of its own, and let its first baseline play on the paths."""
        cfg = config.train
        self._config, self._spec = cfg, spec
        self._seed = derived_seed(cfg.seed, "selection")
        self._env, _ = open_env(config, cfg.evaluation_episodes, self._seed)
        baseline = play_first_baseline(self._env, self._seed)
        self.baseline: str | None = baseline[0] if baseline else None
        self._measure: Outcome | None = baseline[1] if baseline else None

    def evaluate(self, learner: Trainable, state: RunState, folder: Path) -> Outcome:
        """Play the greedy policy; writes the checkpoint `best` if it is."""
        outcome = learner.play(self._env, self._seed)
        if outcome.score < state.best_score:
            state.best_score, state.best_rollout = outcome.score, state.rollout
            save_best(folder, self._spec, self._config, learner, state)
        return outcome

    def columns(self, outcome: Outcome) -> dict[str, float]:
        """What to log of an evaluation."""
        ratio = outcome.ratio_to(self._measure) if self._measure else None
        return {"evaluation": outcome.mean, **({} if ratio is None else {"evaluation_ratio": ratio})}
