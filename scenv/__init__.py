"""scenv: multi-echelon inventory control on real supply networks, as a PettingZoo environment and its batched twin."""

from scenv import generators, policies
from scenv.env import SupplyChainEnv, env, parallel_env, raw_env
from scenv.episode import Episode, record_episode
from scenv.errors import ActionError, NetworkError, ScenarioError, ScenvError
from scenv.evaluation import Evaluation, evaluate
from scenv.network import Network, load_network
from scenv.scenario import Scenario
from scenv.scenario_files import load_scenario
from scenv.vector_env import VectorEnv, vector_env

__all__ = [
    "ActionError",
    "Episode",
    "Evaluation",
    "Network",
    "NetworkError",
    "Scenario",
    "ScenarioError",
    "ScenvError",
    "SupplyChainEnv",
    "VectorEnv",
    "env",
    "evaluate",
    "generators",
    "load_network",
    "load_scenario",
    "parallel_env",
    "policies",
    "raw_env",
    "record_episode",
    "vector_env",
]
