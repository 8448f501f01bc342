"""Is the firm there, and is it who it should be? Asked before gRPC connects, to say in one line what is wrong."""

from __future__ import annotations

import socket
import ssl
import tempfile
from pathlib import Path

from pmarl_trainer.parties.wire.certificates import CertificateError, Identity

_SECONDS = 5.0


def probe(address: str, firm: str, identity: Identity, pinned: bytes) -> str:
    """Greet `firm` by mutual TLS 1.3. "" if it is there; otherwise why not yet, so that one may try again.

    Raises:
        CertificateError: if somebody else is there, it speaks no TLS, or it does not take one's own certificate.
    """
    host, port = address.rsplit(":", 1)
    try:
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout=_SECONDS)
    except OSError as problem:
        return problem.strerror or str(problem)
    with plain:
        try:
            with _context(identity, pinned).wrap_socket(plain) as secure:
                if not secure.recv(1):  # the greeting of HTTP/2 comes when one's own certificate was taken
                    raise CertificateError(f"{firm} at {address} does not take this firm's certificate")
        except ssl.SSLCertVerificationError as problem:
            raise CertificateError(
                f"whoever is at {address} is not {firm} of the run description: {problem.verify_message}"
            ) from problem
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError, TimeoutError):
            return "it does not answer the TLS handshake"
        except ssl.SSLError as problem:
            raise CertificateError(f"{firm} at {address}: {_meaning(problem)}") from problem
    return ""


def _meaning(problem: ssl.SSLError) -> str:
    reason = problem.reason or str(problem)
    if reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"}:
        return "speaks no TLS; every party must"
    if "UNKNOWN_CA" in reason or "CERTIFICATE" in reason:
        return "does not take this firm's certificate; compare the run descriptions' SHA-256"
    return f"TLS 1.3 failed: {reason.replace('_', ' ').lower()}"


def _context(identity: Identity, pinned: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # the certificate itself is pinned
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=pinned.decode())
    context.set_alpn_protocols(["h2"])
    with tempfile.TemporaryDirectory() as folder:  # the ssl module reads one's own key from a file only
        path = Path(folder) / "own.pem"
        path.touch(mode=0o600)
        path.write_bytes(identity.key + identity.certificate)
        context.load_cert_chain(path)
    return context
