"""The exchange of one process: parcels, sums and agreements, and what it refuses."""

import pytest
import torch

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import fixed_point
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.messages import Agree, Rounds, Total, Trade


def asks(*wishes):
    """A party that has these wishes, and returns the answers."""
    answers = []
    for wish in wishes:
        answers.append((yield wish))
    return answers


def test_parcels_reach_the_neighbour_and_nobody_else():
    sent = {name: {"quantity": torch.tensor([float(k)])} for k, name in enumerate("abc")}
    phases = {
        "a": asks(Trade("trade", 0, {"b": sent["a"]})),
        "b": asks(Trade("trade", 0, {"a": sent["b"], "c": sent["b"]})),
        "c": asks(Trade("trade", 0, {"b": sent["c"]})),
    }
    came = LocalExchange().run(phases)
    assert {name: set(answers[0]) for name, answers in came.items()} == {"a": {"b"}, "b": {"a", "c"}, "c": {"b"}}
    assert float(came["b"][0]["c"]["quantity"]) == 2


def test_all_agree_on_the_greatest_number_that_all_hold():
    held = {"a": (0, 20, 40), "b": (0, 40, 60), "c": (40, 0)}
    agreed = LocalExchange().run({name: asks(Agree("resume", values)) for name, values in held.items()})
    assert agreed == {"a": [40], "b": [40], "c": [40]}


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (Agree("resume", (1,)), Agree("resume", (2,)), "no number in common"),
        (Agree("resume", (1,)), Total("cost", 0, torch.ones(1).double()), "same point"),
        (Total("cost", 0, torch.ones(1)), Total("cost", 1, torch.ones(1)), "same point"),
        (Total("cost", 0, torch.ones(1)), Total("stop", 0, torch.ones(1)), "same point"),
        (Trade("trade", 0, {}), Trade("prices", 0, {}), "same point"),
        (Trade("trade", 0, {"b": {}}), Trade("trade", 0, {}), "nothing came back"),
    ],
)
def test_parties_that_do_not_ask_for_the_same_are_refused(one, other, message):
    with pytest.raises(TrainerError, match=message):
        LocalExchange().run({"a": asks(one), "b": asks(other)})


def test_numbers_of_all_sizes_are_summed_without_loss():
    generator = torch.Generator().manual_seed(0)
    sizes = 10.0 ** torch.arange(-12, 9).repeat_interleave(50).double()
    parts = [torch.randn(len(sizes), generator=generator).double() * sizes for _ in range(22)]
    phases = {str(k): asks(Total("attention", 0, fixed_point.split(part))) for k, part in enumerate(parts)}
    total = fixed_point.join(LocalExchange().run(phases)["0"][0])
    exact = torch.tensor([sum(float(part[k]) for part in parts) for k in range(len(sizes))], dtype=torch.float64)
    torch.testing.assert_close(total, exact, rtol=1e-13, atol=1e-15)
    small = {str(k): asks(Total("attention", 0, part[:500])) for k, part in enumerate(parts)}
    plain = LocalExchange().run(small)["0"][0]
    assert float((plain - exact[:500]).abs().max()) > 1e-10  # as it is without splitting


def test_rounds_count_by_kind():
    rounds = Rounds()
    assert [rounds.next("trade"), rounds.next("trade"), rounds.next("prices"), rounds.next("trade")] == [0, 1, 0, 2]
