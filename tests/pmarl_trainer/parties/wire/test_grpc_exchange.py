"""The exchange over mutual TLS: the same answers as in one process, and refusals in one line."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from pmarl_trainer.errors import TrainerError
from pmarl_trainer.parties.local_exchange import LocalExchange
from pmarl_trainer.parties.messages import Total, Trade
from pmarl_trainer.parties.wire.audit_log import read_log
from pmarl_trainer.parties.wire.certificates import Authority, check_identity
from pmarl_trainer.parties.wire.codec import Envelope, pack
from pmarl_trainer.parties.wire.post import PartyLostError, Post
from pmarl_trainer.parties.wire.probe import probe
from pmarl_trainer.parties.wire.rpc import SERVICE, channel_to
from pmarl_trainer.parties.wire.server import Server
from tests.pmarl_trainer.parties.wire.consortium import Consortium, chatter


@pytest.fixture
def firms(tmp_path):
    return Consortium(tmp_path)


def errors_of(futures, seconds=15):
    return {name: str(future.exception(seconds)) for name, future in futures.items()}


def test_the_answers_are_those_of_one_process(firms):
    futures = firms.start(chatter)
    apart = {name: future.result(20) for name, future in futures.items()}
    together = LocalExchange().run({name: chatter(name, firms.neighbours(name)) for name in firms.names})
    assert apart == together
    events = [line["event"] for line in read_log(firms.folder / "whole_0.jsonl")]
    assert events.count("opened") == events.count("closed") == 1
    assert "refused" not in events


def test_a_firm_that_starts_late_is_waited_for_and_the_others_say_so(firms):
    exchanges = {name: firms.exchange(name) for name in firms.names}
    late = exchanges.pop("dist_0")
    futures = firms.start(chatter, exchanges)
    time.sleep(3.0)
    futures |= firms.start(chatter, {"dist_0": late})
    assert all(future.result(20) for future in futures.values())
    assert any("waiting for dist_0" in line for line in firms.said["whole_0"] + firms.said["sup_0"])


def test_a_firm_that_never_comes_is_given_up_by_name(firms):
    exchanges = {name: firms.exchange(name, patience=1.0) for name in ("ret_0", "whole_0")}
    errors = errors_of(firms.start(chatter, exchanges))
    assert "dist_0 did not come" in errors["ret_0"] + errors["whole_0"]


def test_a_firm_that_stops_stops_the_others_who_name_it(firms):
    def party(name, neighbours):
        for period in range(4):
            if name == "sup_0" and period == 2:
                raise TrainerError("no space left on the disk")
            yield Trade("trade", period, {other: {"quantity": torch.ones(2).double()} for other in neighbours})

    started = time.monotonic()
    errors = errors_of(firms.start(party))
    assert time.monotonic() - started < 8
    assert errors.pop("sup_0") == "no space left on the disk"
    assert all("sup_0 stopped: no space left on the disk" in error for error in errors.values()), errors


def test_a_firm_that_says_nothing_is_given_up_after_the_deadline(firms):
    gone = threading.Event()

    def party(name, neighbours):
        if name == "whole_0":
            gone.wait(3)
        for period in range(2):
            yield Trade("trade", period, {other: {"quantity": torch.ones(2).double()} for other in neighbours})

    firms.settings["deadline"] = 1.0
    errors = errors_of(firms.start(party))
    gone.set()
    del errors["whole_0"]
    assert all("whole_0 has sent nothing for 1 s" in error for error in errors.values()), errors


def test_parties_at_different_points_are_stopped(firms):
    def party(name, neighbours):
        round = 7 if name == "dist_0" else 0
        yield Trade("trade", round, {other: {"quantity": torch.ones(2).double()} for other in neighbours})

    errors = errors_of(firms.start(party))
    assert any("trade 7 where trade 0 was due" in e or "trade 0 where trade 7" in e for e in errors.values()), errors


def test_a_raw_observation_is_stopped_at_the_gate(firms):
    """A mutant that sends what it sees: the gate refuses it, and the others hear who was stopped."""

    def party(name, neighbours):
        quantity = {"quantity": torch.ones(2).double()}
        raw = {**quantity, "observation": torch.arange(60.0).reshape(2, 30)} if name == "whole_0" else quantity
        yield Trade("trade", 0, dict.fromkeys(neighbours, raw))
        yield Total("cost", 0, torch.ones(1))

    errors = errors_of(firms.start(party))
    assert "whole_0: refused a message to ret_0: trade holds ['quantity']" in errors["whole_0"]
    assert all("whole_0" in error for error in errors.values()), errors
    assert "refused" in [line["event"] for line in read_log(firms.folder / "whole_0.jsonl")]


REFUSALS = {
    "replayed": ("whole_0", lambda s: [(s, 1, "trade", 0), (s, 1, "trade", 0)], "replayed"),
    "out of order": ("whole_0", lambda s: [(s, 9, "trade", 0)], "out of order"),
    "unknown kind": ("whole_0", lambda s: [(s, 1, "observation", 0)], "no kind of message"),
    "another start": ("whole_0", lambda s: [("old", 1, "trade", 0)], "another start of the run"),
    "no neighbour": ("sup_0", lambda s: [(s, 1, "trade", 0)], "sup_0 is none"),
    "somebody else's name": ("whole_0", lambda s: [(s, 1, "trade", 0, "dist_0")], "comes from 'dist_0'"),
}


@pytest.mark.parametrize(("sender", "letters", "why"), REFUSALS.values(), ids=REFUSALS)
def test_what_may_not_come_in_stops_the_run_in_one_line(firms, sender, letters, why):
    """`sender` is certified, but sends to ret_0 what it may not, past its own gate."""
    payload = pack({"quantity": torch.ones(2).double()})

    def forge(session):
        peer = firms.description.firms["ret_0"]
        channel = channel_to(peer.address, "ret_0", firms.identities[sender], peer.certificate.encode())
        for letter in letters(session):
            session, sequence, kind, round, *name = letter
            envelope = Envelope(session, name[0] if name else sender, sequence, kind, round, payload)
            channel.unary_unary(f"/{SERVICE}/Deliver").future(envelope.seal(), timeout=5).exception()
        channel.close()

    exchanges = {name: firms.exchange(name) for name in firms.names}

    def party(name, neighbours):
        if name == sender:
            forge(exchanges[sender].session)
            time.sleep(0.5)
        yield Trade("trade", 0, {other: {"quantity": torch.ones(2).double()} for other in neighbours})
        yield Total("cost", 0, torch.ones(1))

    error = errors_of(firms.start(party, exchanges))["ret_0"]
    assert error.startswith(f"ret_0: refused a message from {sender}: ")
    assert why in error
    assert "\n" not in error
    refused = [line for line in read_log(firms.folder / "ret_0.jsonl") if line["event"] == "refused"]
    assert refused
    assert why in refused[0]["why"]


def test_another_run_description_is_refused_by_both(firms, monkeypatch):
    exchanges = {name: firms.exchange(name, run="other" if name == "sup_0" else "sha") for name in firms.names}
    # Nobody stops listening before all have stopped, or one would hear that another is gone before it hears why.
    stopped, close = threading.Barrier(len(exchanges)), Server.close

    def close_together(server, grace):
        stopped.wait(10)
        close(server, grace)

    monkeypatch.setattr(Server, "close", close_together)
    errors = errors_of(firms.start(chatter, exchanges))
    assert any("sup_0 has another run description" in error for error in errors.values()), errors
    assert all("another run description" in error for error in errors.values()), errors


@pytest.mark.parametrize(
    "stranger",
    [
        lambda firms: firms.another_certificate("dist_0"),
        lambda firms: firms.another_certificate("dist_0", Authority("another")),
    ],
    ids=["another certificate", "another authority"],
)
def test_whoever_has_another_certificate_is_not_talked_to(firms, stranger):
    known = firms.exchange("sup_0", patience=2.0)
    address = firms.listen["dist_0"]
    firms.identities["dist_0"] = stranger(firms)
    unknown = firms.exchange("dist_0", patience=2.0)  # its own copy of the description has the new certificate
    with ThreadPoolExecutor(2) as pool:
        entered = [pool.submit(exchange.__enter__) for exchange in (known, unknown)]
        errors = [str(future.exception(15)) for future in entered]
    assert any(f"whoever is at {address} is not dist_0" in error for error in errors) or any(
        "does not take this firm's certificate" in error for error in errors
    ), errors


@pytest.mark.parametrize("theirs", ["same", "another"])
def test_who_is_there_is_told_by_the_certificate_alone(firms, theirs):
    """A server with another certificate of the same name and authority; a client with one."""
    other = firms.another_certificate("dist_0")
    server = Server(
        other if theirs == "another" else firms.identities["dist_0"],
        firms.listen["dist_0"],
        {"sup_0": firms.identities["sup_0"].certificate},
        "sha",
        firms.gate("dist_0"),
        Post(),
        lambda asked: "",
    )
    pinned = firms.identities["dist_0"].certificate
    address = firms.listen["dist_0"]
    try:
        if theirs == "another":
            with pytest.raises(TrainerError, match=f"whoever is at {address} is not dist_0"):
                probe(address, "dist_0", firms.identities["sup_0"], pinned)
        else:
            assert probe(address, "dist_0", firms.identities["sup_0"], pinned) == ""
            for stranger in (firms.another_certificate("sup_0"), firms.identities["ret_0"]):
                with pytest.raises(TrainerError, match="does not take this firm's certificate"):
                    probe(address, "dist_0", stranger, pinned)
    finally:
        server.close(0)


def test_plain_tcp_is_refused(firms):
    server = socket.create_server(("127.0.0.1", 0))
    firms.address["dist_0"] = f"127.0.0.1:{server.getsockname()[1]}"

    def answer():
        connection, _ = server.accept()
        connection.recv(100)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    threading.Thread(target=answer, daemon=True).start()
    with pytest.raises(TrainerError, match=r"dist_0 at .* speaks no TLS"), firms.exchange("sup_0"):
        pass
    server.close()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda firms: firms.another_certificate("whole_0", days=-1), "whole_0's certificate expired on"),
        (lambda firms: firms.authority.identity("dist_0"), "whole_0's certificate is for dist_0"),
    ],
    ids=["expired", "wrong name"],
)
def test_a_certificate_that_proves_nothing_is_refused_before_anything_is_sent(firms, change, why):
    firms.identities["whole_0"] = change(firms)
    with pytest.raises(TrainerError, match=why):
        firms.exchange("ret_0")
    with pytest.raises(TrainerError, match=why):
        check_identity(firms.identities["whole_0"]) if "expired" in why else firms.exchange("dist_0")


def test_a_port_that_is_taken_is_said(firms):
    with (
        socket.create_server(("127.0.0.1", int(firms.listen["ret_0"].split(":")[1]))),
        pytest.raises(TrainerError, match=r"ret_0: cannot listen on 127.0.0.1:\d+; is it taken"),
        firms.exchange("ret_0"),
    ):
        pass


def test_a_lost_connection_names_the_firm(firms):
    """A firm whose process ends without a word, as after kill -9."""

    def party(name, neighbours):
        if name == "dist_0":
            exchanges["dist_0"]._server._server.stop(0).wait()
            raise PartyLostError("killed")
        for period in range(3):
            yield Trade("trade", period, {other: {"quantity": torch.ones(2).double()} for other in neighbours})

    exchanges = {name: firms.exchange(name) for name in firms.names}
    exchanges["dist_0"]._links.leave = lambda why: None
    errors = errors_of(firms.start(party, exchanges))
    assert all("dist_0 is gone" in errors[name] for name in ("ret_0", "whole_0", "sup_0")), errors
