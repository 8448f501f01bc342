"""Bytes on the wire: the same tensors come back, and nothing that is no message gets in."""

import json
import pickle
import struct

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given

from pmarl_trainer.parties.wire.codec import Envelope, WireError, open_envelope, pack, unpack
from pmarl_trainer.parties.wire.kinds import PRICES, TRADE, Kind

HEAD = {"session": "s", "sender": "ret_0", "sequence": 3, "kind": "trade", "round": 7}


def sealed(head, payload=b""):
    text = json.dumps(head).encode()
    return struct.pack("<I", len(text)) + text + payload


@given(st.lists(st.floats(width=64, allow_nan=False), max_size=5), st.integers(0, 10**9), st.text(max_size=20))
def test_a_message_comes_back_as_it_left(numbers, round, sender):
    tensors = {"quantity": torch.tensor(numbers, dtype=torch.float64), "b": torch.ones(2, 3)[:, 1]}
    sent = Envelope("s", sender, 1, "trade", round, pack(tensors))
    came = open_envelope(sent.seal())
    assert came == sent
    back = unpack(came.payload)
    assert back.keys() == tensors.keys()
    assert all(torch.equal(back[name], tensors[name]) and back[name].dtype == tensors[name].dtype for name in tensors)


def test_the_same_tensors_are_the_same_bytes_in_any_order():
    a, b = torch.zeros(2), torch.ones(3, dtype=torch.int64)
    assert pack({"a": a, "b": b}) == pack({"b": b, "a": a})


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "without a head"),
        (b"\xff\xff\xff\xff{}", "no end"),
        (b"\x02\x00\x00\x00", "no end"),
        (b"\x02\x00\x00\x00xx", "no JSON"),
        (b"\x02\x00\x00\x00[]", "must hold"),
        (sealed({**HEAD, "more": 1}), "must hold"),
        (sealed({key: HEAD[key] for key in ("session", "sender")}), "must hold"),
        (sealed({**HEAD, "sequence": True}), "sequence must be int"),
        (sealed({**HEAD, "round": 1.0}), "round must be int"),
        (sealed({**HEAD, "kind": None}), "kind must be str"),
        (pickle.dumps({"quantity": torch.ones(2)}), "head"),
    ],
)
def test_what_is_no_message_is_refused(data, why):
    with pytest.raises(WireError, match=why):
        open_envelope(data)


@pytest.mark.parametrize("payload", [b"", b"x" * 20, pickle.dumps({"quantity": torch.ones(2)})])
def test_what_is_no_safetensors_is_refused(payload):
    with pytest.raises(WireError, match="no safetensors"):
        unpack(payload)


SIZES = {"rows": frozenset({4, 100}), "batch": frozenset({8}), "width": frozenset({2})}
PAIR = Kind("pair", {"a": ("batch", "width"), "b": ("batch",)}, torch.float32)


@pytest.mark.parametrize(
    ("kind", "tensors", "why"),
    [
        (TRADE, {}, "holds"),
        (TRADE, {"quantity": torch.ones(4).double(), "observation": torch.ones(4, 30)}, "holds"),
        (TRADE, {"quantity": torch.ones(4)}, "must be float64"),
        (TRADE, {"quantity": torch.ones(4, dtype=torch.int64)}, "must be float64"),
        (TRADE, {"quantity": torch.ones(5).double()}, "must have shape"),
        (TRADE, {"quantity": torch.ones(4, 1).double()}, "must have shape"),
        (TRADE, {"quantity": torch.tensor([1.0, 2.0, float("nan"), 0.0]).double()}, "not finite"),
        (TRADE, {"quantity": torch.tensor([1.0, 2.0, float("inf"), 0.0]).double()}, "not finite"),
        (TRADE, {"quantity": torch.tensor([1.0, 2.0, -1.0, 0.0]).double()}, "negative"),
        (PRICES, {"quantity": torch.ones(4).double()}, "holds"),
        (PAIR, {"a": torch.ones(8, 2), "b": torch.ones(2)}, "must have shape"),
        (PAIR, {"a": torch.ones(8, 30), "b": torch.ones(8)}, "must have shape"),
    ],
)
def test_a_kind_knows_its_tensors(kind, tensors, why):
    with pytest.raises(WireError, match=why):
        kind.check(tensors, SIZES)


def test_each_size_that_a_dimension_may_have_is_taken():
    for rows in (4, 100):
        TRADE.check({"quantity": torch.ones(rows).double()}, SIZES)
    PRICES.check({"price": -torch.ones(4).double()}, SIZES)
    PAIR.check({"a": torch.ones(8, 2), "b": torch.ones(8)}, SIZES)
