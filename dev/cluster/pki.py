"""Certificates and keys of one control plane, all below a certificate authority of its own.

Its own authority is also what tells control planes apart: a client of one that reaches the port of another is
turned away by TLS and never writes to the wrong etcd. Elliptic-curve keys, because they take no time to make.
"""

import datetime
import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=3650)
_BACKDATED = datetime.timedelta(hours=1)
"""Certificates begin to count this long ago, for clients in virtual machines whose clock is behind."""


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, or a public key with its private key: PEM files."""

    public: Path
    private: Path

    def missing(self) -> bool:
        return not (self.public.exists() and self.private.exists())


class Authority:
    """Signs certificates for servers and clients; its files are made at first use and then kept."""

    def __init__(self, folder: Path, *, key_identifiers: bool = True) -> None:
        """Without ``key_identifiers``, certificates are like those of clusters made long ago."""
        self._key_identifiers = key_identifiers
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.files = Pair(folder / "ca.crt", folder / "ca.key")
        if self.files.missing():
            key = ec.generate_private_key(ec.SECP256R1())
            # A name of its own: of two authorities with one name, clients may take the wrong one.
            subject = _name(f"powercap test cluster {os.urandom(4).hex()}", [])
            certificate = _sign(
                subject=subject,
                public_key=key.public_key(),
                issuer=subject,
                issuer_key=key,
                is_authority=True,
                addresses=[],
                key_identifiers=key_identifiers,
            )
            _write(self.files, certificate.public_bytes(serialization.Encoding.PEM), key)

    def issue(self, name: str, user: str, groups: Iterable[str] = (), addresses: Iterable[str] = ()) -> Pair:
        """A new certificate NAME.crt and NAME.key, for `user` in `groups` and for serving at `addresses`."""
        authority = x509.load_pem_x509_certificate(self.files.public.read_bytes())
        authority_key = serialization.load_pem_private_key(self.files.private.read_bytes(), None)
        assert isinstance(authority_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(
            subject=_name(user, groups),
            public_key=key.public_key(),
            issuer=authority.subject,
            issuer_key=authority_key,
            is_authority=False,
            addresses=addresses,
            key_identifiers=self._key_identifiers,
        )
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        _write(pair, certificate.public_bytes(serialization.Encoding.PEM), key)
        return pair


def service_account_keys(folder: Path) -> Pair:
    """What service accounts' tokens are signed with; made at first use and then kept: tokens stay valid."""
    pair = Pair(folder / "service-accounts.pub", folder / "service-accounts.key")
    if pair.missing():
        key = ec.generate_private_key(ec.SECP256R1())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _write(pair, public, key)
    return pair


def write_secret(file: Path, content: bytes) -> None:
    """Readable by this user only, from its first byte on, and never to be seen half-written."""
    half_done = file.with_name(f"{file.name}.{os.getpid()}")
    half_done.unlink(missing_ok=True)
    with os.fdopen(os.open(half_done, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)
    half_done.replace(file)


def _write(pair: Pair, public: bytes, key: ec.EllipticCurvePrivateKey) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_secret(pair.private, private)
    pair.public.write_bytes(public)


def _name(user: str, groups: Iterable[str]) -> x509.Name:
    """Kubernetes takes the common name for the user and organisations for groups."""
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _sign(
    *,
    subject: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    is_authority: bool,
    addresses: Iterable[str],
    key_identifiers: bool,
) -> x509.Certificate:
    """Key usage is there because Python 3.13 and newer refuse certificates without."""
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority), critical=True)
    )
    if key_identifiers:
        issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        builder = builder.add_extension(issuers, critical=False)
    if not is_authority:
        usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    names = [_general_name(address) for address in addresses]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _general_name(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(address))
    except ValueError:
        return x509.DNSName(address)


def _key_usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
