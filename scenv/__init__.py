"""scenv: multi-echelon inventory control on real supply networks, as a PettingZoo environment and its batched twin."""

from scenv import policies, render, testing
from scenv.envs import wrappers
from scenv.envs.factory import env, parallel_env, raw_env, vector_env
from scenv.envs.firm import FirmEnv, firm_env
from scenv.envs.gym_vector import (
    MultiAgentVectorEnv,
    SingleAgentVectorEnv,
    centralised_vector_env,
    multi_agent_vector_env,
    single_firm_vector_env,
)
from scenv.envs.parallel import SupplyChainEnv
from scenv.envs.registration import register_envs
from scenv.envs.single_agent import SingleAgentEnv, centralised_env, single_firm_env
from scenv.errors import ActionError, NetworkError, PolicyError, ScenarioError, ScenvError
from scenv.evaluation.against_calm import ResilienceComparison, resilience
from scenv.evaluation.comparison import Comparison
from scenv.evaluation.episode import Episode, record_episode
from scenv.evaluation.resilience import Resilience
from scenv.evaluation.result import Evaluation
from scenv.evaluation.run import evaluate
from scenv.network import generators
from scenv.network.network import Network, load_network
from scenv.scenario import demand
from scenv.scenario.files import load_scenario
from scenv.scenario.firm_scenario import firm_scenario
from scenv.scenario.scenario import Scenario
from scenv.simulation.vector_env import VectorEnv
from scenv.theory.lower_bound import newsvendor_bound
from scenv.theory.serial_optimum import serial_optimum

__all__ = [
    "ActionError",
    "Comparison",
    "Episode",
    "Evaluation",
    "FirmEnv",
    "MultiAgentVectorEnv",
    "Network",
    "NetworkError",
    "PolicyError",
    "Resilience",
    "ResilienceComparison",
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
    "firm_env",
    "firm_scenario",
    "generators",
    "load_network",
    "load_scenario",
    "multi_agent_vector_env",
    "newsvendor_bound",
    "parallel_env",
    "policies",
    "raw_env",
    "record_episode",
    "render",
    "resilience",
    "serial_optimum",
    "single_firm_env",
    "single_firm_vector_env",
    "testing",
    "vector_env",
    "wrappers",
]

register_envs()
