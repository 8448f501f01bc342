"""A few firms that talk over mutual TLS, each in a thread of this process."""

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from pmarl_trainer.parties.messages import Agree, Total, Trade
from pmarl_trainer.parties.wire.audit_log import AuditLog
from pmarl_trainer.parties.wire.certificates import Authority
from pmarl_trainer.parties.wire.description import Firm, RunDescription
from pmarl_trainer.parties.wire.gate import Gate
from pmarl_trainer.parties.wire.grpc_exchange import GrpcExchange
from pmarl_trainer.parties.wire.kinds import PRICES, TRADE, kinds_by_name, kinds_of_agreement, kinds_of_sum
from pmarl_trainer.parties.wire.session import JOIN, JOINED, NONCE_BYTES

CHAIN = ("ret_0", "whole_0", "dist_0", "sup_0")


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@dataclass
class Consortium:
    """The firms of a chain, what all know of them, and where each listens; change it before `start`."""

    folder: Path
    names: tuple = CHAIN
    authority: Authority = field(default_factory=lambda: Authority("consortium"))
    rows: int = 2
    settings: dict = field(default_factory=lambda: {"deadline": 10.0, "patience": 10.0})

    def __post_init__(self):
        self.identities = {name: self.authority.identity(name) for name in self.names}
        self.listen = {
            name: f"127.0.0.1:{port}" for name, port in zip(self.names, free_ports(len(self.names)), strict=True)
        }
        self.address = dict(self.listen)
        self.said = {name: [] for name in self.names}

    @property
    def description(self):
        firms = {
            name: Firm(
                address=self.address[name],
                certificate=self.identities[name].certificate.decode(),
                mask_key=self.identities[name].mask_key.public_key().public_bytes_raw().hex(),
                group_size=len(self.neighbours(name)) + 1,
            )
            for name in self.names
        }
        facts = {"run": "test", "method": "hdpo", "aggregator": "ret_0", "horizon": 5, "warmup": 1, "train": {}}
        return RunDescription(**facts, firms=firms)

    def neighbours(self, name):
        i = self.names.index(name)
        return tuple(self.names[j] for j in (i - 1, i + 1) if 0 <= j < len(self.names))

    def gate(self, name, **more):
        kinds = kinds_by_name((TRADE, PRICES, JOIN, JOINED, *kinds_of_sum("cost"), *kinds_of_agreement("resume")))
        firms = frozenset({len(self.names)})
        sizes = {
            "rows": frozenset({self.rows}),
            "cost": frozenset({1}),
            "nonce": frozenset({NONCE_BYTES}),
            "firms": firms,
        }
        peers = self.description.peers(name)
        log = AuditLog(self.folder / f"{name}.jsonl", "run", name)
        return Gate(name, self.neighbours(name), peers, kinds, sizes, log, **more)

    def exchange(self, name, *, run="sha", gate=None, **settings):
        return GrpcExchange(
            self.identities[name],
            self.description,
            run,
            self.neighbours(name),
            gate or self.gate(name),
            listen=self.listen[name],
            say=self.said[name].append,
            **{**self.settings, **settings},
        )

    def start(self, party, exchanges=None):
        """Run `party(name, neighbours)` of every firm in a thread; name -> future of what it returned."""
        exchanges = exchanges or {name: self.exchange(name) for name in self.names}

        def live(name):
            with exchanges[name] as exchange:
                return exchange.run({name: party(name, self.neighbours(name))})[name]

        pool = ThreadPoolExecutor(len(exchanges))
        futures = {name: pool.submit(live, name) for name in exchanges}
        pool.shutdown(wait=False)
        return futures

    def another_certificate(self, name, authority=None, **more):
        """The firm has a new certificate that the others do not know of."""
        return replace((authority or self.authority).identity(name, **more), mask_key=self.identities[name].mask_key)


def chatter(name, neighbours, periods=4, rows=2):
    """A party that trades what follows from its name, and adds it up."""
    own = torch.full((rows,), float(sum(name.encode())), dtype=torch.float64)
    heard = [(yield Agree("resume", (0, 2, 4, len(name))))]
    for period in range(periods):
        came = yield Trade("trade", period, {other: {"quantity": own + period} for other in neighbours})
        heard.append({other: parcel["quantity"].tolist() for other, parcel in came.items()})
        total = yield Total("cost", period, own[:1])
        heard.append(float(total))
    return heard
