"""Masked sums: the plain fixed-point sum, in any order, with no stream used twice."""

from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import fixed_point
from pmarl_trainer.parties.wire.masks import Masks, chacha20

NAMES = ("ret_0", "whole_0", "dist_0", "sup_0", "a", "zz")
PRIVATE = {name: X25519PrivateKey.from_private_bytes(bytes([i + 1]) * 32) for i, name in enumerate(NAMES)}


def consortium(count, session=b"first", kind=Masks, **settings):
    names = NAMES[:count]
    public = {name: PRIVATE[name].public_key().public_bytes_raw() for name in names}
    return {name: kind(name, PRIVATE[name], public, session, **settings) for name in names}


numbers = st.floats(-(2.0**26), 2.0**26)


@settings(deadline=None, max_examples=25)
@given(st.integers(3, 6), st.integers(1, 5), st.randoms(use_true_random=False), st.data())
def test_the_sum_is_the_plain_one_in_any_order(count, size, chance, data):
    masks = consortium(count)
    for round in range(2):
        values = {
            name: torch.tensor(data.draw(st.lists(numbers, min_size=size, max_size=size)), dtype=torch.float64)
            for name in masks
        }
        plain = fixed_point.add(fixed_point.encode(value, count) for value in values.values())
        hidden = [mask.hide("cost", round, values[name]) for name, mask in masks.items()]
        for part, value in zip(hidden, values.values(), strict=True):
            assert not torch.equal(part, fixed_point.encode(value, count))
        for _ in range(3):
            chance.shuffle(hidden)
            assert torch.equal(fixed_point.add(hidden), plain)


def test_any_shape_and_float32_too():
    masks = consortium(3)
    values = [torch.full((2, 3, 1), 0.1 * i) for i in range(3)]
    total = fixed_point.add(mask.hide("w", 0, value) for mask, value in zip(masks.values(), values, strict=True))
    assert total.shape == (2, 3, 1)
    torch.testing.assert_close(fixed_point.decode(total), sum(values).double(), atol=1e-7, rtol=0)


def used_twice(kind):
    """Keys of streams that more than the two ends of one pair in one sum have used."""
    seen = Counter()

    def recorded(key, length):
        seen[key] += 1
        return chacha20(key, length)

    for session in (b"first", b"after a resume"):
        for mask in consortium(4, session, kind, stream=recorded).values():
            for purpose, round in (("cost", 0), ("cost", 1), ("attention", 0), ("attention", 0)):
                mask.hide(purpose, round, torch.ones(3))
    pairs, sums, sessions = 6, 4, 2
    assert sum(seen.values()) == 2 * pairs * sums * sessions
    return [key for key, times in seen.items() if times > 2]


class Forgetful(Masks):
    """A mutant: it derives a stream from purpose and round alone, which a resumed phase counts from 0 again."""

    def hide(self, purpose, round, values):
        self._sums = 0
        return super().hide(purpose, round, values)


class OneStream(Masks):
    """A mutant: the same stream for every sum of a session."""

    def _mask(self, other, key, purpose, round, count):
        return np.frombuffer(self._stream(key, 8 * count), dtype="<u8")


class OneSession(Masks):
    """A mutant: the same streams after a resume."""

    def __init__(self, agent, private, public, session, **settings):
        super().__init__(agent, private, public, b"always the same", **settings)


def test_no_stream_is_ever_used_twice():
    assert used_twice(Masks) == []


@pytest.mark.parametrize("mutant", [Forgetful, OneStream, OneSession])
def test_a_stream_that_is_used_twice_is_found(mutant):
    assert used_twice(mutant)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 2.0**28, -(2.0**40)])
def test_what_no_sum_can_take_is_an_error(value):
    with pytest.raises(TrainerError, match=r"finite|too large"):
        consortium(4)["ret_0"].hide("cost", 0, torch.tensor([1.0, value]))


def test_two_firms_hide_nothing_from_each_other():
    with pytest.raises(TrainerError, match="hides nothing"):
        consortium(2)
    first, second = consortium(2, few=True).values()
    total = first.hide("cost", 0, torch.ones(1)) + second.hide("cost", 0, torch.ones(1))
    assert float(fixed_point.decode(total)) == 2.0


def test_a_key_that_is_none_is_an_error():
    public = {name: bytes(5) if name == "sup_0" else PRIVATE[name].public_key().public_bytes_raw() for name in NAMES}
    with pytest.raises(TrainerError, match="sup_0's mask key"):
        Masks("ret_0", PRIVATE["ret_0"], public, b"s")
