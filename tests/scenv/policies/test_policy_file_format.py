"""The policy file format (docs/pages/policy_files.md): scenv reads what the trainer writes, tests/golden/policy."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from scenv.policies import FirmPolicy


def test_scenv_decides_as_the_golden_files_say(repository: Path) -> None:
    golden = repository / "tests" / "golden" / "policy"
    policy = FirmPolicy.from_file(golden / "agent_1.json")
    decided = json.loads((golden / "decided" / "agent_1.json").read_text())
    logits = policy.logits(np.array(decided["observations"]))
    log_pi = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = np.array(decided["log_probabilities"])
    np.testing.assert_allclose(log_pi, expected, atol=1e-5)
    np.testing.assert_array_equal(policy.actions(np.array(decided["observations"])), expected.argmax(axis=-1))
    assert len(set(expected.argmax(axis=-1).tolist())) > 1
    assert (policy.agent, policy.position, policy.team) == ("agent_1", 1, 2)
