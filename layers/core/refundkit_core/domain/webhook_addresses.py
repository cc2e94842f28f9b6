"""Which URLs webhooks may be posted to: https on port 443, at addresses of the public internet and no others.

A URL is judged twice: as text (``parsed``), and by every address that its name resolves to (``vetted``), each time
anew, since a name may point elsewhere by the time of the post. ``ipaddress``'s own ``is_global`` and ``is_private``
are not asked: they pass NAT64, IPv4-compatible, site-local and multicast addresses.

Sources: IANA's IPv4 and IPv6 Special-Purpose Address Registries with the RFCs named in the table; RFC 3986 (URLs),
RFC 1123 section 2.1 and RFC 5891 (names); the clouds' documentation of their metadata services.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Literal, NamedTuple, NoReturn

from refundkit_core.domain.errors import Detail, RefusedAddress

Address = IPv4Address | IPv6Address
Reason = Literal[
    "malformed",
    "not_https",
    "port",
    "credentials",
    "fragment",
    "forbidden_name",
    "loopback_address",
    "link_local_address",
    "private_address",
    "metadata_address",
    "special_address",
    "unresolvable",
    "mixed",
]

MAX_CHARACTERS: Final = 2_048
HTTPS_PORT: Final = 443
HTTP_PORT: Final = 80


class RefusedNetwork(NamedTuple):
    """Addresses that nothing is posted to: the word for why, what they are, and where that is laid down."""

    network: IPv4Network | IPv6Network
    reason: Reason
    what: str
    source: str


def _row(network: str, reason: Reason, what: str, source: str) -> RefusedNetwork:
    return RefusedNetwork(ip_network(network), reason, what, source)


REFUSED_NETWORKS: Final = (  # the first that fits says why: single addresses stand before the networks around them
    _row("169.254.169.254/32", "metadata_address", "instance metadata of most clouds", "AWS, Google Cloud, Azure"),
    _row("169.254.170.2/32", "metadata_address", "credentials of ECS tasks", "AWS: task metadata endpoint"),
    _row("169.254.170.23/32", "metadata_address", "credentials of EKS pods", "AWS: EKS Pod Identity"),
    _row("168.63.129.16/32", "metadata_address", "Azure's wire server", "Azure: IP address 168.63.129.16"),
    _row("100.100.100.200/32", "metadata_address", "Alibaba Cloud's metadata", "Alibaba Cloud: ECS metadata"),
    _row("192.0.0.192/32", "metadata_address", "Oracle Cloud's classic metadata", "Oracle: Compute Classic"),
    _row("0.0.0.0/8", "special_address", "this network", "RFC 791"),
    _row("10.0.0.0/8", "private_address", "private use", "RFC 1918"),
    _row("100.64.0.0/10", "private_address", "shared by carriers' NATs", "RFC 6598"),
    _row("127.0.0.0/8", "loopback_address", "loopback", "RFC 1122"),
    _row("169.254.0.0/16", "link_local_address", "link-local, Lambda's own services too", "RFC 3927"),
    _row("172.16.0.0/12", "private_address", "private use", "RFC 1918"),
    _row("192.0.0.0/24", "special_address", "protocol assignments", "RFC 6890"),
    _row("192.0.2.0/24", "special_address", "documentation", "RFC 5737"),
    _row("192.31.196.0/24", "special_address", "AS112", "RFC 7535"),
    _row("192.52.193.0/24", "special_address", "multicast tunnelling", "RFC 7450"),
    _row("192.88.99.0/24", "special_address", "6to4 relays", "RFC 7526"),
    _row("192.168.0.0/16", "private_address", "private use", "RFC 1918"),
    _row("192.175.48.0/24", "special_address", "AS112, delegated directly", "RFC 7534"),
    _row("198.18.0.0/15", "special_address", "benchmarks", "RFC 2544"),
    _row("198.51.100.0/24", "special_address", "documentation", "RFC 5737"),
    _row("203.0.113.0/24", "special_address", "documentation", "RFC 5737"),
    _row("224.0.0.0/4", "special_address", "multicast", "RFC 5771"),
    _row("255.255.255.255/32", "special_address", "broadcast", "RFC 919"),
    _row("240.0.0.0/4", "special_address", "reserved", "RFC 1112"),
    _row("fd00:ec2::254/128", "metadata_address", "EC2's instance metadata", "AWS: instance metadata by IPv6"),
    _row("fd00:ec2::23/128", "metadata_address", "credentials of EKS pods", "AWS: EKS Pod Identity"),
    _row("fd20:ce::254/128", "metadata_address", "Google Cloud's metadata", "Google Cloud: metadata by IPv6"),
    _row("fd00:c1::a9fe:a9fe/128", "metadata_address", "Oracle Cloud's metadata", "Oracle: IMDS by IPv6"),
    _row("::1/128", "loopback_address", "loopback", "RFC 4291"),
    _row("::ffff:0:0/96", "special_address", "IPv4 mapped into IPv6", "RFC 4291"),
    _row("64:ff9b::/96", "special_address", "NAT64: an IPv4 address inside", "RFC 6052"),
    _row("64:ff9b:1::/48", "special_address", "NAT64 of a local network", "RFC 8215"),
    _row("::/8", "special_address", "unspecified, IPv4-compatible, reserved", "RFC 4291"),
    _row("100::/64", "special_address", "discarded", "RFC 6666"),
    _row("100:0:0:1::/64", "special_address", "dummy prefix", "RFC 9780"),
    _row("2001::/23", "special_address", "protocol assignments; Teredo in 2001::/32", "RFC 2928, RFC 4380"),
    _row("2001:db8::/32", "special_address", "documentation", "RFC 3849"),
    _row("2002::/16", "special_address", "6to4: an IPv4 address inside", "RFC 3056"),
    _row("2620:4f:8000::/48", "special_address", "AS112, delegated directly", "RFC 7534"),
    _row("3ffe::/16", "special_address", "6bone, given back", "RFC 3701"),
    _row("3fff::/20", "special_address", "documentation", "RFC 9637"),
    _row("5f00::/16", "special_address", "segment routing", "RFC 9602"),
    _row("fc00::/7", "private_address", "unique local", "RFC 4193"),
    _row("fe80::/10", "link_local_address", "link-local", "RFC 4291"),
    _row("fec0::/10", "private_address", "site-local", "RFC 3879"),
    _row("ff00::/8", "special_address", "multicast", "RFC 4291"),
    _row("::/3", "special_address", "not global unicast, which is 2000::/3", "RFC 4291"),
    _row("4000::/2", "special_address", "not global unicast, which is 2000::/3", "RFC 4291"),
    _row("8000::/1", "special_address", "not global unicast, which is 2000::/3", "RFC 4291"),
)

_FORBIDDEN_NAMES: Final = frozenset("localhost local localdomain internal intranet lan home corp private arpa".split())
"""Last labels of names that mean a network of one's own: RFC 6761, 6762, 8375, ICANN's resolutions on ``internal``,
``home`` and ``corp``. A cloud's names for its metadata end so as well: ``metadata.google.internal``."""

_SAYS: Final[dict[str, str]] = {
    "malformed": "This is not a plain https URL with a name or an address for its host",
    "not_https": "The URL must begin with https://",
    "port": "The port must be 443, or be left out",
    "credentials": "The URL must not hold a user name or a password",
    "fragment": "The URL must not hold a fragment (#)",
    "forbidden_name": "The host's name is one of private networks",
    "unresolvable": "The host's name has no address",
    "mixed": "Some of the addresses of the host's name are not public ones",
}
_NOT_PUBLIC: Final = "The host's address is not a public one"

_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?"
)
_AUTHORITY: Final = re.compile(r"(?P<host>\[[^\[\]@]*\]|[^\[\]@:]*)(?P<port>:[^@]*)?")
_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*")
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})+")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_IPV4: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")


class Target(NamedTuple):
    """Where a request goes. ``host`` is a name in small letters, or an address without brackets."""

    scheme: Literal["https", "http"]
    host: str
    port: int
    path_and_query: str

    @property
    def host_header(self) -> str:
        """The host as the ``Host`` header has it: with brackets around IPv6, and the port where it is not usual."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = HTTPS_PORT if self.scheme == "https" else HTTP_PORT
        return host if self.port == usual else f"{host}:{self.port}"


def parsed(url: str, local: bool) -> Target:
    """The parts of a URL that may be posted to, as far as its text tells. Nothing is looked up.

    ``local`` is for a stage on one machine, from which nothing leaves: plain http and any port are taken too, for
    ``localhost``, 127.0.0.0/8 and ``[::1]`` alone.

    Raises:
        RefusedAddress: with its ``Reason``.
    """
    found = _URL.fullmatch(url) if len(url) <= MAX_CHARACTERS and url.isascii() else None
    if found is None:
        _refuse("malformed")
    scheme = found["scheme"].lower()
    if scheme != "https" and not (local and scheme == "http"):
        _refuse("not_https")
    if "@" in found["authority"]:
        _refuse("credentials")
    if found["fragment"] is not None:
        _refuse("fragment")
    path_and_query = (found["path"] or "/") + (found["query"] or "")
    authority = _AUTHORITY.fullmatch(found["authority"])
    if authority is None or not _PLAIN.fullmatch(path_and_query):
        _refuse("malformed")
    host = _host(authority["host"].lower(), local)
    at_home = local and is_local(host)
    if scheme != "https" and not at_home:
        _refuse("not_https")
    port = _port(authority["port"], HTTPS_PORT if scheme == "https" else HTTP_PORT, at_home)
    return Target("https" if scheme == "https" else "http", host, port, path_and_query)


def vetted(host: str, addresses: Iterable[str], local: bool) -> tuple[Address, ...]:
    """All of the addresses that ``host`` resolved to, IPv4 first, each once, where every one of them may be posted to.

    One that may not refuses all of them: who answers with both kinds hopes for the other one. With ``local`` a host
    of this machine must have addresses of this machine, and no others.

    Raises:
        RefusedAddress: ``unresolvable`` where there is none, ``mixed``, or the word for the first one.
    """
    found = tuple(dict.fromkeys(addresses))
    if not found:
        _refuse("unresolvable")
    at_home = local and is_local(host)
    judged = [(address, why_not(address, at_home)) for address in map(_address, found)]
    reasons = [reason for _, reason in judged if reason is not None]
    if reasons:
        _refuse(reasons[0] if len(reasons) == len(judged) else "mixed")
    return tuple(sorted((address for address, _ in judged if address is not None), key=lambda each: each.version))


def is_local(host: str) -> bool:
    """Whether a host, as ``Target`` has it, means this machine: ``localhost``, 127.0.0.0/8 or ``::1``."""
    return host == "localhost" or why_not(_address(host), at_home=False) == "loopback_address"


def literal(host: str) -> str | None:
    """The host itself where it is an address, which needs no looking up."""
    return None if _address(host) is None else host


def why_not(address: Address | None, at_home: bool) -> Reason | None:
    """Why an address is refused; None where it is not. No ``address`` is what a resolver said and is none.

    ``at_home`` takes the addresses of this machine, and those alone.
    """
    if address is None or (isinstance(address, IPv6Address) and address.scope_id is not None):
        return "special_address"
    reason = next((row.reason for row in REFUSED_NETWORKS if address in row.network), None)
    if at_home:
        return None if reason == "loopback_address" else reason or "forbidden_name"
    return reason


def _host(text: str, local: bool) -> str:
    """A name or an address in its usual spelling."""
    if text.startswith("["):
        address = _address(text[1:-1])
        return _public(address if isinstance(address, IPv6Address) else None, local)
    if _IPV4.fullmatch(text):
        return _public(_address(text), local)
    last = text.rpartition(".")[2]
    if local and text == "localhost":
        return text
    if last in _FORBIDDEN_NAMES:
        _refuse("forbidden_name")
    if not _NAME.fullmatch(text) or _NUMBER.fullmatch(last):
        _refuse("malformed")
    return text


def _public(address: Address | None, local: bool) -> str:
    if address is None or getattr(address, "scope_id", None) is not None:
        _refuse("malformed")
    reason = why_not(address, at_home=False)
    if reason is not None and not (local and reason == "loopback_address"):
        _refuse(reason)
    return str(address)


def _port(text: str | None, usual: int, at_home: bool) -> int:
    if text is None:
        return usual
    digits = text.removeprefix(":")
    port = int(digits) if _PORT.fullmatch(digits) else 0
    if not 0 < port < 1 << 16 or not (at_home or port == HTTPS_PORT):
        _refuse("port")
    return port


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _refuse(reason: Reason) -> NoReturn:
    message = _SAYS.get(reason, _NOT_PUBLIC)
    raise RefusedAddress(reason, message, (Detail("url", message),))
