"""gRPC as parties use it: bytes in, bytes out, both ends certified and pinned. Its own log lines stay off the screen:
what goes wrong is told by the party, in one line.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # read when grpc is imported
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc

from pmarl_trainer.parties.wire.certificates import Identity, tls_name

SERVICE = "pmarl.Party"
_OPTIONS = [
    ("grpc.max_send_message_length", 1 << 28),
    ("grpc.max_receive_message_length", 1 << 28),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
]


def server_on(pool: Any) -> grpc.Server:
    """A server without a port yet."""
    return grpc.server(pool, options=[*_OPTIONS, ("grpc.so_reuseport", 0)])


def server_credentials(identity: Identity, pinned: list[bytes]) -> grpc.ServerCredentials:
    """The firm's own certificate, and whose others are taken: the pinned ones, as they are."""
    return grpc.ssl_server_credentials(
        [(identity.key, identity.certificate)], root_certificates=b"".join(pinned), require_client_auth=True
    )


def channel_to(address: str, firm: str, identity: Identity, pinned: bytes) -> grpc.Channel:
    """A channel to the owner of the pinned certificate and to nobody else."""
    credentials = grpc.ssl_channel_credentials(pinned, identity.key, identity.certificate)
    return grpc.secure_channel(
        address, credentials, options=[*_OPTIONS, ("grpc.ssl_target_name_override", tls_name(firm))]
    )
