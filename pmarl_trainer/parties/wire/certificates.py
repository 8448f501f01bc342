"""Who is who: a key and a certificate a firm, made for a trial or by any authority, and what is checked of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.x509.oid import NameOID

from pmarl_trainer.errors import TrainerError

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,63}")
_CLOCKS_DIFFER = timedelta(hours=1)


class CertificateError(TrainerError):
    """A certificate that does not prove who a firm is."""


@dataclass(frozen=True)
class Identity:
    """What a firm proves itself with. Only the certificate is ever shown to others.

    Attributes:
        firm: its name.
        key: private key, PEM.
        certificate: PEM.
        mask_key: for masked sums.
    """

    firm: str
    key: bytes = field(repr=False)
    certificate: bytes
    mask_key: X25519PrivateKey = field(repr=False)


def tls_name(firm: str) -> str:
    """The DNS name in a firm's certificate: its own name, or where that cannot be one, a hash of it."""
    if _PLAIN.fullmatch(firm):
        return firm
    return "firm-" + hashlib.sha256(firm.encode()).hexdigest()[:32]


class Authority:
    """A certificate authority of one consortium, for trials; its key is never written down."""

    def __init__(self, name: str, days: int = 365) -> None:
        """Make one that is valid for so many `days`."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._days = days
        subject = _name(name)
        usage = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._sign(subject, subject, self._key.public_key(), usage, None)

    def identity(self, firm: str, *, days: int | None = None) -> Identity:
        """A key and certificate for a firm; expired for `days` below zero."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.BasicConstraints(ca=False, path_length=None)
        names = x509.SubjectAlternativeName([x509.DNSName(tls_name(firm))])
        certificate = self._sign(_name(firm), self._certificate.subject, key.public_key(), usage, names, days)
        return Identity(
            firm=firm,
            key=key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            mask_key=X25519PrivateKey.generate(),
        )

    def _sign(
        self,
        subject: x509.Name,
        issuer: x509.Name,
        key: ec.EllipticCurvePublicKey,
        usage: x509.BasicConstraints,
        names: x509.SubjectAlternativeName | None,
        days: int | None = None,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        end = now + timedelta(days=self._days if days is None else days)
        start = min(now, end) - _CLOCKS_DIFFER
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        builder = builder.add_extension(usage, critical=True)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate (PEM), the name by which it is pinned."""
    return _loaded(certificate, "a certificate").fingerprint(hashes.SHA256()).hex()


def check_certificate(firm: str, certificate: bytes) -> None:
    """Refuse a certificate that cannot prove that somebody is `firm` today.

    Raises:
        CertificateError: if it is none, is another firm's, has expired or is not valid yet.
    """
    loaded = _loaded(certificate, f"{firm}'s certificate")
    names = _names(loaded)
    if tls_name(firm) not in names:
        raise CertificateError(f"{firm}'s certificate is for {', '.join(names) or 'nobody'}, not for {tls_name(firm)}")
    now = datetime.now(UTC)
    if now > loaded.not_valid_after_utc:
        raise CertificateError(f"{firm}'s certificate expired on {loaded.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if now < loaded.not_valid_before_utc:
        raise CertificateError(f"{firm}'s certificate is valid only from {loaded.not_valid_before_utc:%Y-%m-%d} on")


def check_identity(identity: Identity) -> None:
    """Likewise, and its key must be the certificate's.

    Raises:
        CertificateError: says what is wrong.
    """
    check_certificate(identity.firm, identity.certificate)
    try:
        key = serialization.load_pem_private_key(identity.key, password=None)
    except (ValueError, TypeError) as problem:
        raise CertificateError(f"{identity.firm}'s key is no private key in PEM without a password") from problem
    own, certified = (
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        for public in (key.public_key(), _loaded(identity.certificate, "the certificate").public_key())
    )
    if own != certified:
        raise CertificateError(f"{identity.firm}'s key does not belong to its certificate")


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return names.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(attribute.value) for attribute in common]


def _loaded(certificate: bytes, what: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate)
    except ValueError as problem:
        raise CertificateError(f"{what} is no certificate in PEM") from problem
