"""The gate: nothing but the known kinds leaves a firm or comes in, and everything that does is written down."""

import hashlib

import pytest
import torch

from pmarl_trainer.parties.wire.audit_log import AuditLog, read_log
from pmarl_trainer.parties.wire.codec import pack
from pmarl_trainer.parties.wire.gate import Gate, GateError
from pmarl_trainer.parties.wire.kinds import PRICES, TRADE, kinds_by_name, kinds_of_sum
from pmarl_trainer.parties.wire.protection import Protection

KINDS = kinds_by_name((TRADE, PRICES, *kinds_of_sum("cost")))
SIZES = {"rows": frozenset({4}), "cost": frozenset({1})}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.jsonl"


def gate_of(path, **more):
    log = AuditLog(path, "run", "ret_0")
    return Gate("ret_0", {"whole_0"}, {"sup_0"}, KINDS, SIZES, log, **more)


def quantity(*numbers):
    return {"quantity": torch.tensor(numbers or (1.0, 2.0, 3.0, 4.0), dtype=torch.float64)}


def price(*numbers):
    return {"price": torch.tensor(numbers or (1.0, -2.0, 3.0, 4.0), dtype=torch.float64)}


def test_what_passes_is_written_down(path):
    gate = gate_of(path)
    payload = gate.out("whole_0", "trade", 0, quantity())
    came = gate.into("whole_0", "trade", 0, payload)
    assert torch.equal(came["quantity"], quantity()["quantity"])
    sent, received = read_log(path)
    assert sent["event"] == "sent"
    assert (sent["neighbour"], sent["kind"], sent["round"], sent["count"]) == ("whole_0", "trade", 0, 0)
    assert sent["shape"] == {"quantity": [4]}
    assert sent["bytes"] == len(payload)
    assert sent["sha256"] == hashlib.sha256(payload).hexdigest() == received["sha256"]
    assert (sent["clip"], sent["noise"], sent["silent"]) == (None, 0.0, False)
    assert received["event"] == "received"


@pytest.mark.parametrize(
    ("neighbour", "kind", "tensors", "why"),
    [
        ("whole_0", "observation", {"observation": torch.ones(4, 30)}, "no kind of message"),
        ("whole_0", "trade", {**quantity(), "observation": torch.ones(4, 30)}, "holds"),
        ("whole_0", "trade", {"quantity": torch.ones(4, 30).double()}, "shape"),
        ("whole_0", "prices", {"price": torch.ones(1, 30).double()}, "shape"),
        ("dist_0", "trade", quantity(), "dist_0 is none"),
        ("sup_0", "trade", quantity(), "sup_0 is none"),
        ("whole_0", "part/cost", {"masked": torch.ones(1, dtype=torch.int64)}, "whole_0 is none"),
        ("sup_0", "part/cost", {"masked": torch.ones(30, dtype=torch.int64)}, "shape"),
        ("whole_0", "trade", quantity(1.0, 2.0, 3.0, float("nan")), "not finite"),
        ("whole_0", "trade", quantity(1.0, 2.0, 3.0, -4.0), "negative"),
    ],
)
def test_anything_else_is_refused_both_ways_and_written_down(path, neighbour, kind, tensors, why):
    gate = gate_of(path)
    with pytest.raises(GateError, match=why):
        gate.out(neighbour, kind, 5, tensors)
    with pytest.raises(GateError, match=why):
        gate.into(neighbour, kind, 5, pack(tensors))
    left, came = read_log(path)
    assert (left["event"], left["way"], left["round"]) == ("refused", "out", 5)
    assert (came["event"], came["way"], came["neighbour"]) == ("refused", "in", neighbour)


def test_no_more_messages_than_the_run_has(path):
    gate = gate_of(path, most={"trade": 2})
    for _ in range(2):
        gate.out("whole_0", "trade", 0, quantity())
        gate.into("whole_0", "trade", 0, pack(quantity()))
    for crossing in (
        lambda: gate.out("whole_0", "trade", 0, quantity()),
        lambda: gate.into("whole_0", "trade", 0, pack(quantity())),
    ):
        with pytest.raises(GateError, match="more than 2"):
            crossing()


def sent(tmp_path, protection, tensors, *, kind="prices", round=0, secret=b"own", name="x"):
    gate = gate_of(tmp_path / f"{name}.jsonl", protections={"whole_0": protection}, secret=secret)
    payload = gate.out("whole_0", kind, round, tensors)
    return gate_of(tmp_path / f"{name}-in.jsonl").into("whole_0", kind, round, payload)[next(iter(tensors))]


def test_a_long_row_is_shortened_and_a_short_one_is_not(tmp_path):
    left = sent(tmp_path, Protection(clip=2.5), price(1.0, -2.0, 3.0, -40.0))
    assert left.tolist() == [1.0, -2.0, 2.5, -2.5]
    log = next(iter(read_log(tmp_path / "x.jsonl")))
    assert log["clip"] == 2.5


def test_noise_is_of_the_size_asked_for_and_depends_on_message_and_secret(tmp_path):
    rows = {"price": torch.zeros(4, dtype=torch.float64)}
    protection = Protection(clip=2.0, noise=0.5)
    first = sent(tmp_path, protection, rows, name="a")
    assert torch.equal(first, sent(tmp_path, protection, rows, name="b"))
    assert not torch.equal(first, sent(tmp_path, protection, rows, secret=b"another", name="c"))
    other = price(0.0, 0.0, 0.0, 1e-9)
    assert (sent(tmp_path, protection, other, name="d") - first).abs().min() > 1e-6
    many = torch.cat([protection.apply(rows, 0, bytes([k]), "x")["price"] for k in range(250)])
    assert float(many.std()) == pytest.approx(1.0, abs=0.1)  # noise times clip


def test_most_rounds_may_say_nothing(tmp_path):
    protection = Protection(every=3)
    said = [bool(sent(tmp_path, protection, price(), round=k, name=str(k)).any()) for k in range(7)]
    assert said == [True, False, False, True, False, False, True]


def test_trade_is_never_falsified(tmp_path):
    protection = Protection(clip=0.1, noise=9.0, every=2)
    assert torch.equal(sent(tmp_path, protection, quantity(), kind="trade", round=1), quantity()["quantity"])
