"""scenv: multi-echelon inventory control on real supply networks, as a PettingZoo environment and its batched twin."""

from scenv import demand, generators, policies, render, testing, wrappers
from scenv.comparison import Comparison
from scenv.env import SupplyChainEnv, env, parallel_env, raw_env
from scenv.episode import Episode, record_episode
from scenv.errors import ActionError, NetworkError, ScenarioError, ScenvError
from scenv.evaluation import Evaluation, evaluate
from scenv.gym_vector import SingleAgentVectorEnv, centralised_vector_env, single_firm_vector_env
from scenv.lower_bound import newsvendor_bound
from scenv.network import Network, load_network
from scenv.registration import register_envs
from scenv.scenario import Scenario
from scenv.scenario_files import load_scenario
from scenv.serial_optimum import serial_optimum
from scenv.single_agent import SingleAgentEnv, centralised_env, single_firm_env
from scenv.vector_env import VectorEnv, vector_env

__all__ = [
    "ActionError",
    "Comparison",
    "Episode",
    "Evaluation",
    "Network",
    "NetworkError",
    "Scenario",
    "ScenarioError",
    "ScenvError",
    "SingleAgentEnv",
    "SingleAgentVectorEnv",
    "SupplyChainEnv",
    "VectorEnv",
    "centralised_env",
    "centralised_vector_env",
    "demand",
    "env",
    "evaluate",
    "generators",
    "load_network",
    "load_scenario",
    "newsvendor_bound",
    "parallel_env",
    "policies",
    "raw_env",
    "record_episode",
    "render",
    "serial_optimum",
    "single_firm_env",
    "single_firm_vector_env",
    "testing",
    "vector_env",
    "wrappers",
]

register_envs()
