"""What cannot be divided among firms, said before anything begins."""

from __future__ import annotations

from pmarl_trainer.config.schema import TrainConfig
from pmarl_trainer.errors import ConfigError


def refuse_undivided(config: TrainConfig) -> None:
    """Refuse settings by which a firm would need more than the exchange carries.

    Raises:
        ConfigError: one line with the reason.
    """
    why = _why_not(config)
    if why is not None:
        raise ConfigError(f"among parties: {why}")


def _why_not(config: TrainConfig) -> str | None:
    if config.sees != "local":
        what = "method fv" if config.method == "fv" else f"policy_input: {config.sees}"
        whose = "its neighbours'" if config.sees == "neighbours" else "everybody's"
        return f"{what} gives every policy {whose} observations, which no firm tells another; train pmarl or maac"
    if config.method == "hdpo" and config.cost_scope != "network":
        return (
            f"cost_scope: {config.cost_scope} needs a gradient of each firm's cost by itself; shadow prices carry that "
            "of everybody's cost (cost_scope: network)"
        )
    if config.method != "hdpo" and config.critic_clip_scope == "all":
        return "critic_clip_scope: all is one norm over all firms' gradients, which no firm knows (take agent)"
    if config.init is not None:
        return "init: a run's checkpoint holds everybody's networks, and a firm's come from its own secret seed"
    if config.train_device.startswith("cuda"):
        return f"train_device: {config.train_device}: every firm trains in a process of its own, on the CPU"
    if config.precision != "float32":
        return f"precision: {config.precision}: what firms send each other is float32"
    if config.compile:
        return "compile: networks of one firm are too small to gain by it"
    if config.threads not in ("auto", 1):
        return f"threads: {config.threads}: a firm has one thread, so that its numbers do not depend on where it runs"
    if not config.checkpoint_memory:
        return "checkpoint_memory: false: all firms must go on from the same memory"
    return None
