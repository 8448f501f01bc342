"""SuperSuit and Stable-Baselines3: PPO with one network for all 22 firms of R2, and PPO for one firm of the beer game.

    pip install -r requirements-sb3.txt && python sb3_ppo.py

SuperSuit turns the parallel environment into a vector environment with one row per firm, so Stable-Baselines3 trains
one policy that every firm uses (parameter sharing). The second part needs no SuperSuit: `single_firm_env` is a plain
Gymnasium environment in which three firms follow base stock and the fourth learns.
`reward="cost"` rewards at once: Stable-Baselines3 knows nothing of delayed rewards.
"""

import argparse

import numpy as np
import supersuit
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecMonitor

import scenv
from scenv.envs.wrappers import NormalisedObservations, UniformSpaces


def shared_policy(steps: int) -> None:
    """One policy for every firm; `UniformSpaces` tells it which firm it decides for."""
    set_random_seed(0)  # not PPO(seed=0): SuperSuit's vector environments have no seed() to pass it on to
    firms = UniformSpaces(NormalisedObservations(scenv.parallel_env("r2", reward="cost"), clip=50.0), identity=True)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(firms)
    vector = supersuit.concat_vec_envs_v1(vector, 4, num_cpus=0, base_class="stable_baselines3")
    model = PPO("MlpPolicy", VecMonitor(vector), n_steps=49, batch_size=1078, gamma=0.95, device="cpu")
    model.learn(steps)
    returns = [episode["r"] for episode in model.ep_info_buffer]
    print(f"r2, shared policy: mean return of a firm and episode {np.mean(returns):.1f}", flush=True)


def one_firm(steps: int) -> tuple[float, float]:
    """The retailer of the beer game learns; the others follow base stock."""
    env = scenv.single_firm_env("bg", "ret_0", others="base-stock", normalise=True)
    model = PPO("MlpPolicy", env, n_steps=490, batch_size=245, gamma=0.9, seed=0, device="cpu")
    before, _ = evaluate_policy(model, Monitor(env), n_eval_episodes=20)
    model.learn(steps)
    after, _ = evaluate_policy(model, Monitor(env), n_eval_episodes=20)
    print(f"bg, ret_0 alone: mean return {before:.1f} before, {after:.1f} after {steps} steps", flush=True)
    return float(before), float(after)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=20_000)
    arguments = parser.parse_args()
    shared_policy(arguments.steps)
    before, after = one_firm(arguments.steps)
    assert after > before, f"no improvement: {before} -> {after}"
