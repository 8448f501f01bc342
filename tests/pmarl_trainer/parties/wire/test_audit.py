"""The audit log: a line that was changed, removed or added is found, in one log or by joining two."""

import json
import shutil

import pytest
import torch

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties.wire.audit_join import join
from pmarl_trainer.parties.wire.audit_log import AuditError, AuditLog, read_log
from pmarl_trainer.parties.wire.gate import Gate
from pmarl_trainer.parties.wire.kinds import PRICES, TRADE, kinds_by_name

KINDS, SIZES = kinds_by_name((TRADE, PRICES)), {"rows": frozenset({2})}


def gate_of(folder, agent, other, run="run"):
    folder.mkdir(exist_ok=True)
    log = AuditLog(folder / "audit.jsonl", run, agent)
    return Gate(agent, {other}, set(), KINDS, SIZES, log)


def two_firms(tmp_path, *, sessions=1, lost=0, close=True):
    """Two firms' folders after a few periods; `lost` messages of the last session did not arrive."""
    folders = tmp_path / "a", tmp_path / "b"
    gates = gate_of(folders[0], "a", "b"), gate_of(folders[1], "b", "a")
    for session in range(sessions):
        for gate in gates:
            gate.note("opened", session=str(session))
        for round in range(3):
            for sender, receiver, name in ((*gates, "a"), (*gates[::-1], "b")):
                payload = sender.out(receiver.agent, "trade", round, {"quantity": torch.ones(2).double() * round})
                if name == "b" or round < 3 - lost:
                    receiver.into(name, "trade", round, payload)
        if close:
            for gate in gates:
                gate.note("closed", session=str(session))
    return folders


def lines_of(folder):
    return (folder / "audit.jsonl").read_text().splitlines()


def write(folder, lines):
    (folder / "audit.jsonl").write_text("".join(f"{line}\n" for line in lines))


def rechained(folder, change):
    """Rewrite a firm's whole log after `change`, as the firm itself could."""
    entries = change([json.loads(line) for line in lines_of(folder)])
    (folder / "audit.jsonl").unlink()
    log = AuditLog(folder / "audit.jsonl", "run", entries[0]["firm"])
    for entry in entries:
        fields = {k: v for k, v in entry.items() if k not in {"line", "run", "firm", "event", "chain"}}
        log.write(entry["event"], **fields)


def test_two_honest_logs_agree(tmp_path):
    crossings = join(*two_firms(tmp_path, sessions=2))
    assert [(c.sender, c.receiver, c.kind, c.messages, c.open) for c in crossings] == [
        ("a", "b", "trade", 6, 0),
        ("b", "a", "trade", 6, 0),
    ]
    assert all(c.size > 6 * 16 for c in crossings)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: lines[1:],
        lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
        lambda lines: [*lines[:3], lines[2], *lines[3:]],
        lambda lines: [*lines[:2], lines[2].replace('"round": 0', '"round": 1'), *lines[3:]],
        lambda lines: [*lines[:2], lines[2].replace('"bytes": ', '"bytes": 1'), *lines[3:]],
        lambda lines: [*lines[:2], "no json", *lines[3:]],
        lambda lines: [*lines[:2], "[1]", *lines[3:]],
    ],
)
def test_a_line_that_was_changed_moved_or_removed_is_found(tmp_path, tamper):
    folder, _ = two_firms(tmp_path)
    before = lines_of(folder)
    assert tamper(before) != before
    write(folder, tamper(before))
    with pytest.raises(AuditError, match="line"):
        list(read_log(folder / "audit.jsonl"))
    with pytest.raises(AuditError, match="line"):
        AuditLog(folder / "audit.jsonl", "run", "a")


def first(lines, event):
    return next(i for i, line in enumerate(lines) if line["event"] == event)


@pytest.mark.parametrize(
    ("event", "why"), [("sent", "did not send it|not the same"), ("received", "did not receive it|not the same")]
)
def test_a_firm_that_hides_a_message_is_found_by_the_other(tmp_path, event, why):
    folders = two_firms(tmp_path)
    rechained(folders[0], lambda lines: [line for i, line in enumerate(lines) if i != first(lines, event)])
    assert list(read_log(folders[0] / "audit.jsonl"))
    with pytest.raises(AuditError, match=why):
        join(*folders)


def test_a_firm_that_says_it_sent_other_numbers_is_found(tmp_path):
    folders = two_firms(tmp_path)

    def change(lines):
        lines[first(lines, "sent")]["sha256"] = "0" * 64
        return lines

    rechained(folders[0], change)
    with pytest.raises(AuditError, match="not the same message"):
        join(*folders)


def test_the_last_message_may_be_lost_where_a_firm_was_stopped(tmp_path):
    folders = two_firms(tmp_path, lost=1, close=False)
    assert [c.open for c in join(*folders)] == [1, 0]


def test_it_may_not_be_lost_where_none_was(tmp_path):
    with pytest.raises(AuditError, match="went to b, which did not receive it"):
        join(*two_firms(tmp_path, lost=1))


def test_logs_of_other_runs_or_of_one_firm_cannot_be_joined(tmp_path):
    a, b = two_firms(tmp_path)
    shutil.copytree(a, tmp_path / "twin")
    with pytest.raises(AuditError, match="both logs of a"):
        join(a, tmp_path / "twin")
    gate_of(tmp_path / "c", "c", "a", run="another").note("opened", session="x")
    with pytest.raises(AuditError, match="different runs"):
        join(a, tmp_path / "c")
    with pytest.raises(AuditError, match="no audit log"):
        join(a, tmp_path)
    with pytest.raises(AuditError, match="another run"):
        AuditLog(b / "audit.jsonl", "another", "b")


def test_a_line_cut_off_by_a_kill_is_noted_and_gone_on_from(tmp_path):
    folder, _ = two_firms(tmp_path)
    path = folder / "audit.jsonl"
    path.write_bytes(path.read_bytes()[:-7])
    AuditLog(path, "run", "a")
    events = [line["event"] for line in read_log(path)]
    assert events[-1] == "cut"
    assert "closed" not in events


def test_a_full_disk_stops_the_message(tmp_path, monkeypatch):
    gate = gate_of(tmp_path / "a", "a", "b")

    class Full:
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(gate._log, "_file", Full())
    with pytest.raises(TrainerError, match=r"audit.jsonl: .*No space left"):
        gate.out("b", "trade", 0, {"quantity": torch.ones(2).double()})
