"""What a training run is: the schema of a scenario file's `train:` section, with every default.

Names follow BenchMARL where the thing is the same. `config.files` reads the files and overrides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from pmarl_trainer.config.env_section import EnvConfig
from pmarl_trainer.config.methods import (
    METHOD_DEFAULTS,
    METHODS,
    Attention,
    CostScope,
    GroupWeights,
    Method,
    PolicyInput,
)
from pmarl_trainer.config.numbers import LARGEST, Boolean, Real, Seed, Whole
from pmarl_trainer.config.presets import ENV_WISHES, PRESETS
from pmarl_trainer.errors import did_you_mean

#: More processors than any machine that this runs on.
MOST_THREADS = 1024


class TrainConfig(BaseModel):
    """The `train:` section. A *rollout* is one episode of each of `num_envs` environment rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["default", "maac-reference", "paper"] = Field(
        default="default", description="Settings for whatever is not given: the published MAAC code's, or the paper's."
    )

    # What is learned
    method: Literal["maac", "pmarl", "fv", "hdpo"] = Field(
        default="pmarl",
        description="A row of METHODS (paper, Table 3); or hdpo, hindsight differentiable policy optimisation, which "
        "needs a differentiable environment and has no critic, replay or temperature.",
    )
    attention: Attention | None = Field(default=None, description="Instead of the method's (for ablations).")
    group_weights: GroupWeights | None = Field(default=None, description="Instead of the method's.")
    policy_input: PolicyInput | None = Field(
        default=None,
        description="What policies see, instead of the method's (hdpo: local): their own agent's observation, its "
        "neighbours' in the graph too, or every agent's.",
    )
    order_range: Literal["action_set", "free"] = Field(
        default="action_set",
        description="hdpo: the adjustment a in max(0, d + a) is within the actions' range, or any.",
    )
    cost_scope: CostScope = Field(
        default="network",
        description="hdpo: whose costs a firm's policy descends: its own, its own and its neighbours' in the graph, or "
        "everybody's.",
    )
    adjustment: Literal["real", "nearest", "straight_through"] = Field(
        default="real",
        description="hdpo: a is a real number; nearest: trained so, but evaluated with the nearest action of the set; "
        "straight_through: trained with the nearest action too, the gradient passing as if a were real.",
    )
    adjacency: tuple[tuple[int | float, ...], ...] | None = Field(
        default=None,
        description="[N][N] instead of the environment's own, or the name of a file with it (.json, .npy, text): entry "
        "i,j is -1 if i supplies j, 1 if i is a customer of j; or 1 for any two neighbours.",
    )

    max_steps: Whole | None = Field(
        default=None, ge=1, description="Steps of an episode, for a PettingZoo environment that does not say."
    )

    env_processes: Whole = Field(
        default=0, ge=0, le=1024, description="Processes that step the copies of a PettingZoo environment; 0: none."
    )

    init: str | None = Field(
        default=None,
        min_length=1,
        description="A run's folder, or a checkpoint file, whose networks training begins with, each agent's by the "
        "agent's name, where the sizes are the same; on this environment or on another one.",
    )
    parties: Literal["none", "local", "processes"] = Field(
        default="none",
        description="Whether every firm is a party of its own, which tells the others no more than the docs' page What "
        "firms share says: none, all are trained at once; local: one after the other in this process; "
        "processes: each in a process of its own (extra parties).",
    )

    # Budget and data
    seed: Seed = Field(default=0, description="Of initialisation, exploration and training paths.")
    rollouts: Whole = Field(default=100, ge=1, description="Rollouts in all.")
    num_envs: Whole = Field(default=32, ge=1, description="Environment rows that are rolled out together.")
    learning_starts: Whole = Field(default=4, ge=0, description="Rollouts before the first update.")
    updates_per_rollout: Whole = Field(default=32, ge=1, description="Of critics and policies, after each rollout.")
    updates_per_transition: Real | None = Field(
        default=None, gt=0, le=100, description="Instead: this many for each transition that a rollout brought."
    )
    memory_size: Whole = Field(default=40_000, ge=1, description="Replay capacity, transitions of all agents together.")
    batch_size: Whole = Field(default=256, ge=1, description="Transitions that an update is made from.")

    # Networks
    hidden_size: Whole = Field(
        default=64, ge=1, le=2**20, description="Width of every hidden layer and of the attention."
    )
    attention_heads: Whole = Field(default=4, ge=1, le=2**20, description="Must divide hidden_size.")
    own_action: Literal["outputs", "encoded"] = Field(
        default="outputs",
        description="outputs: the critic has one output per own action (MAAC); encoded: the own action is an input, as "
        "in the paper's eqs. 12-15, so that values of all actions take one pass each.",
    )
    attention_values: Literal["leaky", "linear"] = Field(
        default="leaky",
        description="leaky: what is heard of a neighbour j is LeakyReLU(W_v e_j + b) (MAAC); linear: W_v e_j, as eq. "
        "13 is printed.",
    )
    initialisation: Literal["rectified", "torch"] = Field(
        default="rectified",
        description="Of weights: He et al.'s scale, outputs small, biases 0; or as torch.nn.Linear does (MAAC).",
    )
    input_normalisation: Literal["scale", "batch"] = Field(
        default="scale",
        description="scale: by the environment's observation_scale, or else running moments; batch: batch "
        "normalisation of what policies and critics are given (MAAC).",
    )
    observation_transform: Literal["none", "symlog"] = Field(
        default="none", description="symlog: sign(x) ln(1 + |x|) after scaling, for heavy-tailed observations."
    )

    # Losses
    gamma: Real | None = Field(
        default=None,
        ge=0,
        lt=1,
        description="Discount of the next state's value; null: the environment's own `gamma`, or 0.95 if it has none. "
        "A given one is the environment's too, if it takes one and has not been given another.",
    )
    policy_gradient: Literal["expected", "sampled"] = Field(
        default="expected", description="Eq. 9 as the exact expectation over own actions, or from one sampled action."
    )
    target_value: Literal["expected", "sampled"] = Field(
        default="expected", description="Eq. 10's expectation over the own next action: exact, or one drawn action's."
    )
    target_entropy_term: Literal["discounted", "undiscounted"] = Field(
        default="discounted",
        description="-alpha log pi of the next action in the target: within gamma, as in eq. 10; or outside, and at "
        "real ends too, as in the code published with MAAC.",
    )
    huber_delta: Real | None = Field(default=None, gt=0, description="Huber loss for the critic; null: squared.")
    reward_normalisation: Literal["none", "scale", "standardise"] = Field(
        default="none",
        description="scale: divide each agent's rewards by their running std; standardise: less their mean.",
    )
    temperature: Literal["fixed", "auto"] = Field(
        default="fixed", description="fixed: alpha goes from alpha to alpha_final; auto: tuned towards target_entropy."
    )
    alpha: Real = Field(default=0.02, ge=0, description="Entropy temperature at the start.")
    alpha_final: Real = Field(default=0.001, ge=0, description="At the end (temperature: fixed), geometrically.")
    target_entropy: Real = Field(default=0.3, ge=0, le=1, description="Fraction of ln|A| (temperature: auto).")
    alpha_lr: Real = Field(default=1e-3, gt=0, description="Learning rate of alpha (temperature: auto).")

    attention_regularisation: Real = Field(default=0.0, ge=0, description="Times the mean square attention logit.")
    logit_regularisation: Real = Field(default=0.0, ge=0, description="Times the mean square policy logit.")

    # Optimisation
    lr: Real = Field(default=3e-3, gt=0, description="Critic's learning rate at the start.")
    policy_lr: Real | None = Field(default=2e-3, gt=0, description="Policies' learning rate; null: lr.")
    lr_final: Real = Field(default=0.1, ge=0, le=1, description="Share of the learning rates left at the end.")
    critic_weight_decay: Real = Field(default=0.0, ge=0, description="Of Adam, as an L2 penalty.")
    polyak_tau: Real = Field(default=0.01, gt=0, le=1, description="Step of the target networks to the trained ones.")
    shared_gradient: Literal["sum", "mean", "mean_with_encoders"] = Field(
        default="sum",
        description="What the shared attention weights get of all agents' losses; mean_with_encoders: the encoders of "
        "observation and action, which others' losses reach through the attention, get the Nth part too (MAAC).",
    )
    critic_clip: Real = Field(default=10.0, gt=0, description="Largest gradient norm of one agent's critic.")
    critic_clip_scope: Literal["agent", "all"] = Field(
        default="agent", description="agent: each on its own norm; all: one norm of at most N times critic_clip."
    )
    policy_clip: Real = Field(default=0.5, gt=0, description="Largest gradient norm of one agent's policy.")

    # Evaluation, output
    evaluation_interval: Whole = Field(default=10, ge=1, description="Rollouts between evaluations on fixed paths.")
    evaluation_episodes: Whole = Field(default=32, ge=1, description="Episodes of each of these.")
    final_episodes: Whole = Field(default=100, ge=2, description="Episodes of the final evaluation [paper: 100].")
    evaluation_seed: Seed = Field(default=2024, description="Of the final evaluation's paths.")
    checkpoint_interval: Whole = Field(default=20, ge=1, description="Rollouts between checkpoints.")
    keep_checkpoints_num: Whole | None = Field(
        default=0, ge=0, description="Policies of the latest checkpoints kept besides best and last; null: all."
    )
    checkpoint_memory: Boolean = Field(default=True, description="Save the replay too, so that resuming is exact.")
    loggers: tuple[Literal["csv", "tensorboard", "wandb", "mlflow"], ...] = Field(
        default=("csv", "tensorboard"),
        description="Where losses and evaluations go while training; each needs its package.",
    )
    train_device: str = Field(
        default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto: a CUDA device where there is one."
    )
    precision: Literal["float32", "tf32", "bf16"] = Field(
        default="float32",
        description="Of the networks' products; parameters, losses and targets are float32 in any case. bf16 is "
        "faster on processors that have it, and rounds to three digits; tf32 (also three digits) is for NVIDIA GPUs.",
    )
    compile: Boolean = Field(default=False, description="torch.compile the networks: pays on GPUs, seldom on CPUs.")
    threads: Literal["auto"] | Whole = Field(default="auto", description="Of torch on the CPU; auto: torch's choice.")

    @field_validator("*", mode="before")
    @classmethod
    def _number(cls, value: Any, info: ValidationInfo) -> Any:
        """1e1 is 10, in the section train as in env; a seed is written as the whole number that it is."""
        if isinstance(value, bool) or not isinstance(value, int | float) or str(info.field_name).endswith("seed"):
            return value
        if LARGEST < abs(value) < math.inf:
            raise ValueError(f"must be at most {LARGEST:.0e}")
        return int(value) if isinstance(value, float) and value.is_integer() else value

    @model_validator(mode="before")
    @classmethod
    def _defaults_of_method(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not isinstance(data.get("method"), str):
            return data
        return {**METHOD_DEFAULTS.get(data["method"], {}), **data}

    @model_validator(mode="before")
    @classmethod
    def _settings_of_preset(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or not isinstance(data.get("preset"), str):
            return data
        return {**PRESETS.get(data["preset"], {}), **data}

    @model_validator(mode="after")
    def _switches_of_method(self) -> TrainConfig:
        if self.method == "hdpo":
            if self.preset != "default":
                raise ValueError(f"preset {self.preset} is for methods with a critic, which hdpo does not have")
            if self.attention is not None or self.group_weights is not None:
                raise ValueError("attention and group_weights belong to a critic, which method hdpo does not have")
            if self.order_range == "free" and self.adjustment != "real":
                raise ValueError(
                    f"adjustment: {self.adjustment} takes actions of the set, so order_range cannot be free"
                )
        elif self.order_range != "action_set" or self.adjustment != "real" or self.cost_scope != "network":
            raise ValueError(
                f"order_range, adjustment and cost_scope are switches of method hdpo, not of {self.method}"
            )
        return self

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        if self.hidden_size % self.attention_heads:
            raise ValueError(
                f"attention_heads must divide hidden_size ({self.hidden_size}), got {self.attention_heads}"
            )
        if self.threads != "auto" and not 1 <= self.threads <= MOST_THREADS:
            raise ValueError(f"threads must be 'auto' or 1 to {MOST_THREADS}, got {self.threads}")
        return self

    @property
    def sees(self) -> PolicyInput:
        """Whose observations a policy is given."""
        return (self.policy_input or "local") if self.method == "hdpo" else self.row.policy_input

    @property
    def row(self) -> Method:
        """The row of the table of an actor-critic method, with this section's own switches on top."""
        row = METHODS[self.method]
        return Method(
            attention=self.attention or row.attention,
            group_weights=self.group_weights or row.group_weights,
            policy_input=self.policy_input or row.policy_input,
        )

    def updates_for(self, transitions: int) -> int:
        """How many updates follow a rollout that brought so many transitions; at least one."""
        if self.updates_per_transition is None:
            return self.updates_per_rollout
        return max(1, round(self.updates_per_transition * transitions))

    def progress(self, rollout: int) -> float:
        """How far `rollout` is into the learning part of the run, 0 .. 1: what the schedules run on."""
        return min(1.0, max(0.0, (rollout - self.learning_starts) / max(1, self.rollouts - self.learning_starts)))


class RunConfig(BaseModel):
    """A whole scenario file."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    env: EnvConfig
    train: TrainConfig = TrainConfig()

    @property
    def env_wishes(self) -> dict[str, Any]:
        """What `train` would like the environment to be given, where its entry takes it and `env` does not say."""
        wishes = dict(ENV_WISHES.get(self.train.preset, {}))
        if self.train.gamma is not None:
            wishes["gamma"] = self.train.gamma
        return {name: value for name, value in wishes.items() if name not in self.env.arguments}


def unknown_key_hint(key: str, section: str) -> str:
    """The nearest right name for an unknown key of a section ('' is the top level)."""
    model: type[BaseModel] = TrainConfig if section == "train" else RunConfig
    return did_you_mean(key, model.model_fields)
