"""RLlib: PPO with one policy per stage of the beer game, through `ParallelPettingZooEnv`.

    pip install -r requirements-rllib.txt && python rllib_ppo.py

`policy_mapping_fn` decides which firms share a policy; here by the stage in their names ("ret_0" -> "ret").
`reward="cost"` rewards at once: RLlib's estimators know nothing of delayed rewards.
"""

import argparse

import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune.registry import register_env

import scenv
from scenv.envs.wrappers import NormalisedObservations


def make_env(config: dict) -> ParallelPettingZooEnv:
    """The environment as RLlib wants it."""
    return ParallelPettingZooEnv(NormalisedObservations(scenv.parallel_env(config["scenario"], reward="cost")))


def stage(agent: str, *args: object, **kwargs: object) -> str:
    """Which policy a firm follows."""
    return agent.partition("_")[0]


def main(iterations: int) -> list[float]:
    """Train; returns the mean return of each iteration."""
    register_env("scenv", make_env)
    stages = {stage(agent) for agent in scenv.load_network("bg").agents}
    config = (
        PPOConfig()
        .environment("scenv", env_config={"scenario": "bg"})
        .framework("torch")
        .env_runners(num_env_runners=0)
        .multi_agent(policies=stages, policy_mapping_fn=stage)
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[64, 64]))
        .training(train_batch_size=980, minibatch_size=245, num_epochs=5, gamma=0.95, lr=1e-3)
        .debugging(seed=0)
    )
    algorithm = config.build_algo()
    returns = []
    for _ in range(iterations):
        result = algorithm.train()
        returns.append(float(result["env_runners"]["episode_return_mean"]))
        print(f"mean return of all firms and an episode: {returns[-1]:.1f}", flush=True)
    algorithm.stop()
    return returns


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=5)
    arguments = parser.parse_args()
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    returns = main(arguments.iterations)
    ray.shutdown()
    assert returns[-1] > returns[0], f"no improvement: {returns}"
