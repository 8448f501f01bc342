"""The experiments of the paper's section 5: which cells the grid has, and how long each is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

NETWORKS = ("bg", "r1", "r2", "r3")
LEAD_TIMES = (1, 2, 3)
#: The paper's three, in the order in which a partial grid says most, and the near-optimal policies.
METHODS = ("pmarl", "maac", "fv", "hdpo")
#: Names of the classical policies in the raw files, as `scenv.policies.make_policy` takes them.
CLASSICAL = ("base-stock", "decomposition-aggregation", "optimised-base-stock", "pass-through", "sterman")
#: 100 runs of 50 periods, 5 of them warm-up, as in the paper; paths that no training and no search has seen.
EVALUATION_EPISODES, EVALUATION_SEED = 100, 2024

#: Methods that differ from one of METHODS in one thing: name -> (method, settings of the section train).
ABLATIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pmarl_all_attention": ("pmarl", ("attention=all",)),
    "pmarl_equal_weights": ("pmarl", ("group_weights=equal",)),
    "fv_common_step": ("fv", ("policy_lr=2e-3",)),  # the other methods' learning rate
}


@dataclass(frozen=True)
class Budget:
    """How much training a cell gets. A rollout is 32 episodes and 32 updates; for hdpo 48 episodes and one step.

    Attributes:
        rollouts: of MAAC, PMaRL and FV; `standard` is the trainer's default.
        hdpo_rollouts: of the near-optimal policies.
    """

    rollouts: int
    hdpo_rollouts: int


BUDGETS: Mapping[str, Budget] = {
    "smoke": Budget(rollouts=6, hdpo_rollouts=10),
    "small": Budget(rollouts=50, hdpo_rollouts=200),
    "standard": Budget(rollouts=100, hdpo_rollouts=400),
    "paper": Budget(rollouts=400, hdpo_rollouts=1000),
}


@dataclass(frozen=True)
class Cell:
    """One experiment: a training run, or with method "classical" all classical policies, which need no seed or budget.

    Attributes:
        network: name of a built-in network.
        lead_time: shipment lead time, periods.
        method: one of METHODS or ABLATIONS, or "classical".
        seed: of the training.
        budget: one of BUDGETS.
    """

    network: str
    lead_time: int
    method: str
    seed: int = 0
    budget: str = "standard"

    @property
    def name(self) -> str:
        """Of its folder and of its raw file, e.g. "standard/r2-2-pmarl-s0"."""
        if self.method == "classical":
            return f"classical/{self.network}-{self.lead_time}"
        return f"{self.budget}/{self.network}-{self.lead_time}-{self.method}-s{self.seed}"

    def trainer_method(self) -> str:
        """The trainer's name of the method."""
        return ABLATIONS[self.method][0] if self.method in ABLATIONS else self.method

    def overrides(self) -> list[str]:
        """What `pmarl-train` is told beyond the scenario file, method and seed."""
        budget = BUDGETS[self.budget]
        rollouts = budget.hdpo_rollouts if self.method == "hdpo" else budget.rollouts
        settings = [f"rollouts={rollouts}", f"evaluation_interval={max(1, rollouts // 20)}"]
        settings += [f"final_episodes={EVALUATION_EPISODES}", f"evaluation_seed={EVALUATION_SEED}"]
        settings += [*ABLATIONS[self.method][1]] if self.method in ABLATIONS else []
        if self.budget == "smoke":
            settings.append("learning_starts=2")
        return [f"env.shipment_lead_time={self.lead_time}", *settings]


def cells(
    budget: str,
    networks: Collection[str] = NETWORKS,
    lead_times: Collection[int] = LEAD_TIMES,
    methods: Collection[str] = METHODS,
    seeds: int = 3,
) -> Iterator[Cell]:
    """The grid, the most telling cells first: lead time 2 before 1 and 3, every method's first seed before a second."""
    order = sorted(lead_times, key=lambda lead: (lead != 2, lead))
    for lead_time in order:
        for network in networks:
            yield Cell(network, lead_time, "classical")
    for lead_time in order:
        for seed in range(seeds):
            for network in networks:
                for method in methods:
                    yield Cell(network, lead_time, method, seed, budget)
