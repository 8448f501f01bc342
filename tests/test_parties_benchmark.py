"""The benchmark of divided training measures what it says."""

from benchmarks import parties


def test_the_cost_of_dividing_is_measured_against_the_whole_trainer():
    rows = [parties.measure("bg", "hdpo", 1)]
    assert rows[0]["ratio"] > 0
    assert rows[0]["rounds_per_rollout"]["cost"] == rows[0]["updates_per_rollout"] == 1
    record = {"provenance": {"command": "x", "commit": "y", "machine": "z"}, "rows": rows}
    assert "| bg | 4 | hdpo | " in parties.report(record)
