"""Whole trainings over mutual TLS: what comes out is what one process computes, and only what the docs say crosses."""

import re
from pathlib import Path

import pytest
import torch
import yaml

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties import trading
from pmarl_trainer.parties.factory import build_party
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.wire import audit_log
from pmarl_trainer.parties.wire.audit_join import join
from pmarl_trainer.parties.wire.grpc_exchange import GrpcExchange
from pmarl_trainer.parties.wire.party_folder import read_folder
from pmarl_trainer.parties.wire.party_run import run_party
from tests.pmarl_trainer.parties.wire.trainings import assert_equal_trainings, consortium, run_all


def in_one_process(places, folder):
    phases = {}
    for name, place in places.items():
        known = read_folder(place)
        phases[name] = build_party(known.config, name, folder / name, secret=known.own.secret_seed)
    LocalExchange().run(phases)


def documented(method):
    """Kinds in the audit logs, by the rows of the docs' table that speak of this method."""
    page = Path("docs/pages/sharing.md").read_text(encoding="utf-8")
    table = page[page.index("| message | holds | methods |") :].split("\n\n")[0].splitlines()[2:]
    kinds = {"join", "joined"}
    for row in table:
        message, _, methods, to, _ = (cell.strip() for cell in row.strip("|").split("|"))
        name = message.strip("`")
        if f"`{method}`" not in methods:
            continue
        if to.startswith("only the sum"):
            kinds |= {f"part/{name}", f"total/{name}"}
        elif to.startswith("only the greatest"):
            kinds |= {f"offer/{name}", f"agreed/{name}"}
        else:
            kinds.add(name)
    return kinds


@pytest.mark.parametrize("method", ["pmarl", "hdpo"])
def test_a_training_over_the_wire_is_that_of_one_process_and_sends_what_the_docs_say(tmp_path, method):
    places = consortium(tmp_path / "wire", method)
    futures = run_all(places)
    assert all(future.exception() is None for future in futures.values()), futures
    in_one_process(places, tmp_path / "local")
    crossed = set()
    for name, place in places.items():
        assert_equal_trainings(place / "training", tmp_path / "local" / name)
        lines = list(audit_log.read_log(place / "audit.jsonl"))
        crossed |= {line["kind"] for line in lines if line["event"] in ("sent", "received")}
        assert not [line for line in lines if line["event"] == "refused"]
    assert crossed == documented(method)
    for one, other in (("ret_0", "whole_0"), ("ret_0", "sup_0"), ("dist_0", "sup_0")):
        assert join(places[one], places[other])


def test_what_was_interrupted_goes_on_bit_for_bit(tmp_path, monkeypatch):
    """One firm's connection breaks in the middle of an update; all start again."""
    whole = consortium(tmp_path / "whole", "pmarl")
    assert all(future.exception() is None for future in run_all(whole).values())
    places = consortium(tmp_path / "broken", "pmarl")
    trade, calls = GrpcExchange._trade, []

    def breaks(self, wish):
        if self.firm == "dist_0":
            calls.append(wish)
            if len(calls) == 40:
                raise RuntimeError("killed")
        return trade(self, wish)

    monkeypatch.setattr(GrpcExchange, "_trade", breaks)
    errors = {name: str(future.exception()) for name, future in run_all(places).items()}
    assert errors.pop("dist_0") == "killed"
    assert all("dist_0" in error for error in errors.values()), errors
    assert all(future.exception() is None for future in run_all(places).values())
    for name, place in places.items():
        assert_equal_trainings(place / "training", whole[name] / "training")
    join(places["dist_0"], places["sup_0"])


def test_a_firm_that_sends_what_it_sees_is_caught_by_the_gate(tmp_path, monkeypatch):
    """The mutant's trade carries one raw observation beside the quantity."""
    places = consortium(tmp_path, "pmarl")
    honest = trading.Trade

    def curious(kind, round, parcels):
        seen = torch.arange(60.0).reshape(2, 30)
        return honest(kind, round, {name: {**parcel, "observation": seen} for name, parcel in parcels.items()})

    monkeypatch.setattr(trading, "Trade", curious)
    errors = [str(future.exception()) for future in run_all(places).values()]
    assert any("refused a message to" in error and "'observation'" in error for error in errors), errors


def test_a_firm_that_sends_what_it_sees_as_a_quantity_is_seen_on_the_wire(tmp_path, monkeypatch):
    """Past the gate: what it sends in place of its orders is its stock. Whoever watches the wire finds it there."""
    wire, stocks = [], []
    deliver = GrpcExchange._send

    def watched(self, parcels, kind, round):
        wire.extend(tensor.flatten().tolist() for parcel in parcels.values() for tensor in parcel.values())
        return deliver(self, parcels, kind, round)

    monkeypatch.setattr(GrpcExchange, "_send", watched)
    end_period = trading.end_period

    def remembered(env, rounds, **ordered):
        stocks.append(env.local_state.on_hand.tolist())
        return end_period(env, rounds, **ordered)

    monkeypatch.setattr("pmarl_trainer.parties.actor_critic_party.end_period", remembered)
    settings = {"rollouts": 1, "num_envs": 3, "evaluation_episodes": 3}
    assert all(
        future.exception() is None for future in run_all(consortium(tmp_path / "a", "pmarl", **settings)).values()
    )

    def leaked():
        telling = [stock for stock in stocks if len(set(stock)) == 3 and all(stock)]
        assert telling
        return [stock for stock in telling if stock in wire]

    assert not leaked()
    stocks.clear()
    wire.clear()
    honest = trading.Trade

    def confiding(kind, round, parcels):
        stock = torch.tensor(stocks[-1], dtype=torch.float64)
        return honest(kind, round, {name: {"quantity": stock} for name in parcels})

    monkeypatch.setattr(trading, "Trade", confiding)
    run_all(consortium(tmp_path / "b", "pmarl", **settings))
    assert leaked()


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("party.yaml", lambda t: t.replace("listen:", "listens:"), "party.yaml: "),
        ("party.yaml", lambda t: t + "protection: {sup_0: {clip: 1}}\n", "sup_0 is no neighbour of ret_0"),
        ("party.yaml", lambda t: t + "protection: {whole_0: {clip: -1}}\n", "clip"),
        ("run.yaml", lambda t: t.replace("aggregator: ret_0", "aggregator: nobody"), "none of the firms"),
        ("run.yaml", lambda t: t.replace("protocol: 1", "protocol: 2"), "protocol"),
        ("run.yaml", lambda t: t.replace("127.0.0.1:", "127.0.0.1-"), "HOST:PORT"),
        ("mask.key", lambda t: "00" * 32, "mask_key"),
        ("key.pem", lambda t: "nothing", "no private key"),
    ],
)
def test_what_is_wrong_in_a_folder_is_one_line(tmp_path, file, change, why):
    place = consortium(tmp_path, "hdpo")["ret_0"]
    path = place / file
    path.write_text(change(path.read_text()))
    with pytest.raises(TrainerError, match=re.escape(why)) as refused:
        run_party(place, say=print)
    assert "\n" not in str(refused.value)


def test_a_folder_holds_its_own_secrets_alone_and_is_not_overwritten(tmp_path):
    places = consortium(tmp_path, "hdpo")
    secrets = {
        name: yaml.safe_load((place / "party.yaml").read_text())["secret_seed"] for name, place in places.items()
    }
    assert len(set(secrets.values())) == len(places)
    for name in ("party.yaml", "key.pem", "mask.key"):
        assert all((place / name).stat().st_mode & 0o077 == 0 for place in places.values())
    assert len({(place / "run.yaml").read_bytes() for place in places.values()}) == 1
    assert b"PRIVATE" not in (places["ret_0"] / "run.yaml").read_bytes()
    with pytest.raises(TrainerError, match="already there"):
        consortium(tmp_path, "hdpo")
