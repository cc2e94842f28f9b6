"""Certificates for receivers that speak TLS, from an authority of the tests' own."""

from __future__ import annotations

import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Signs for any name. ``pem`` is what who trusts it loads."""

    def __init__(self, name: str = "Authority of the tests") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signs = x509.KeyUsage(False, False, False, False, False, True, True, False, False)  # certificates, their lists
        built = self._begun(self._name, self._key.public_key(), DAY).add_extension(signs, critical=True)
        self._certificate = built.add_extension(x509.BasicConstraints(True, 0), critical=True).sign(
            self._key, hashes.SHA256()
        )

    @property
    def pem(self) -> str:
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server(self, host: str, valid_for: timedelta = DAY) -> ssl.SSLContext:
        """What a server for ``host``, a name or an address, speaks TLS with. Below zero it is past its end."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "A receiver")])
        built = self._begun(subject, key.public_key(), valid_for)
        signed = built.add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False).sign(
            self._key, hashes.SHA256()
        )
        return _context(key, signed)

    def _begun(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, valid_for: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + valid_for)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _context(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"  # ``ssl`` loads keys from files alone
        held = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        chain.write_bytes(held + certificate.public_bytes(pem))
        context.load_cert_chain(chain)
    return context
