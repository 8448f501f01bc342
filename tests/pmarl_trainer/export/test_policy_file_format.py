"""The policy file format (docs/pages/policy_files.md): the trainer writes what stands in tests/golden/policy.

python -m tests.pmarl_trainer.export.test_policy_file_format     # writes these files anew, after a change of version
"""

import json
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from pmarl_trainer.config.files import build_config
from pmarl_trainer.env_api.describe import describe
from pmarl_trainer.export.policies import AgentPolicy, agent_policy
from pmarl_trainer.learners.actor_critic import Learner
from pmarl_trainer.runs.report import write_json
from tests.pmarl_trainer.toy_envs import IdentityGame

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "policy"


def a_policy() -> tuple[AgentPolicy, np.ndarray, np.ndarray]:
    """A policy whose numbers follow from a formula, observations [50, O], and its actions' log-probabilities."""
    env = IdentityGame(6, agents=2, actions=4)
    env.adjustments, env.observation_scale = np.array([-2, 0, 2, 4]), np.array([4.0, 0.5])
    settings = {"hidden_size": 6, "attention_heads": 2, "observation_transform": "symlog"}
    learner = Learner(
        describe(env), build_config({"env": {"entry": "a:b"}, "train": settings}, "test").train, torch.device("cpu")
    )
    observations = 9 * np.sin(np.arange(2 * 50 * 4, dtype=np.float32)).reshape(2, 50, 4)
    with torch.no_grad():
        for k, parameter in enumerate(learner.policy.parameters()):
            numbers = torch.sin(torch.arange(parameter.numel(), dtype=torch.float64) + k)
            parameter.copy_(numbers.reshape(parameter.shape))
        expected = learner.policy(learner.scaler(torch.as_tensor(observations))).numpy()
    return agent_policy(learner, env, describe(env), 1, {"by": "a formula"}), observations[1], expected[1]


def test_the_trainer_writes_the_golden_files() -> None:
    policy, observations, expected = a_policy()
    assert policy.spec == json.loads((GOLDEN / "agent_1.json").read_text())
    golden = load_file(GOLDEN / "agent_1.safetensors")
    assert policy.tensors.keys() == golden.keys()
    for name, array in policy.tensors.items():
        assert array.dtype == golden[name].dtype
        np.testing.assert_allclose(array, golden[name], rtol=1e-5, atol=1e-6)
    decided = json.loads((GOLDEN / "decided" / "agent_1.json").read_text())
    np.testing.assert_allclose(observations, decided["observations"], rtol=1e-6)
    np.testing.assert_allclose(expected, decided["log_probabilities"], atol=1e-5)


def test_the_docs_list_every_field(repository: Path) -> None:
    page = (repository / "docs/pages/policy_files.md").read_text(encoding="utf-8")
    table = page[page.index("## NAME.json") : page.index("## NAME.safetensors")]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(a_policy()[0].spec)


if __name__ == "__main__":
    made, seen, log_probabilities = a_policy()
    (GOLDEN / "decided").mkdir(parents=True, exist_ok=True)
    save_file(made.tensors, GOLDEN / "agent_1.safetensors")
    write_json(GOLDEN / "agent_1.json", made.spec)
    write_json(
        GOLDEN / "decided" / "agent_1.json",
        {"observations": seen.tolist(), "log_probabilities": log_probabilities.tolist()},
    )
