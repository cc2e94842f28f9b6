"""Where webhooks may be posted to: the public internet, by https, and nowhere else however it is spelled."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.errors import Detail, RefusedAddress
from refundkit_core.domain.webhook_addresses import (
    REFUSED_NETWORKS,
    Address,
    Reason,
    RefusedNetwork,
    Target,
    literal,
    parsed,
    vetted,
    why_not,
)

from tests.support.hostile_urls import GOOD, HOSTILE

PUBLIC_4 = "93.184.216.34"
PUBLIC_6 = "2606:4700::1111"

every_ipv4 = st.integers(0, 2**32 - 1).map(IPv4Address)
every_ipv6 = st.integers(0, 2**128 - 1).map(IPv6Address)


def refused(url: str, *, local: bool = False) -> RefusedAddress:
    with pytest.raises(RefusedAddress) as caught:
        parsed(url, local)
    return caught.value


def reason_for(host: str, *addresses: str, local: bool = False) -> str:
    with pytest.raises(RefusedAddress) as caught:
        vetted(host, addresses, local)
    return caught.value.reason


@pytest.mark.parametrize(("url", "reason"), HOSTILE)
def test_a_hostile_url_is_refused_for_its_reason_by_its_text_alone(url: str, reason: Reason) -> None:
    assert refused(url).reason == reason


@pytest.mark.parametrize(("url", "host_header", "path_and_query"), GOOD)
def test_a_good_url_comes_apart_into_where_the_request_goes(url: str, host_header: str, path_and_query: str) -> None:
    target = parsed(url, local=False)

    assert target == Target("https", host_header.strip("[]"), 443, path_and_query)
    assert target.host_header == host_header


@pytest.mark.parametrize(("url", "host_header", "path_and_query"), GOOD)
def test_a_local_stack_takes_all_that_others_take(url: str, host_header: str, path_and_query: str) -> None:
    assert parsed(url, local=True) == parsed(url, local=False)


@pytest.mark.parametrize(
    ("url", "target", "host_header"),
    [
        ("http://localhost:9000/x?y", Target("http", "localhost", 9000, "/x?y"), "localhost:9000"),
        ("http://127.0.0.1:80", Target("http", "127.0.0.1", 80, "/"), "127.0.0.1"),
        ("http://127.9.9.9", Target("http", "127.9.9.9", 80, "/"), "127.9.9.9"),
        ("https://[::1]:8443/", Target("https", "::1", 8443, "/"), "[::1]:8443"),
        ("https://localhost", Target("https", "localhost", 443, "/"), "localhost"),
    ],
)
def test_a_local_stack_takes_this_machine_too(url: str, target: Target, host_header: str) -> None:
    assert parsed(url, local=True) == target
    assert target.host_header == host_header
    assert refused(url).reason in {"not_https", "loopback_address", "forbidden_name"}


THIS_MACHINE = {"https://localhost/", "https://LOCALHOST/"}


@pytest.mark.parametrize(
    ("url", "reason"), [row for row in HOSTILE if row[1] != "loopback_address" and row[0] not in THIS_MACHINE]
)
def test_a_local_stack_takes_nothing_else(url: str, reason: Reason) -> None:
    assert refused(url, local=True).reason == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://example.com:8080/", "not_https"),
        ("http://10.0.0.1/", "private_address"),
        ("http://a.localhost/", "forbidden_name"),
        ("http://169.254.169.254/", "metadata_address"),
        ("http://[::ffff:127.0.0.1]/", "special_address"),
        ("http://2130706433/", "malformed"),
        ("http://localhost:99999/", "port"),
        ("http://localhost:0/", "port"),
        ("ftp://localhost/", "not_https"),
    ],
)
def test_plain_http_and_other_ports_are_for_this_machine_alone(url: str, reason: Reason) -> None:
    assert refused(url, local=True).reason == reason


def test_who_is_refused_is_told_why_in_plain_words_and_at_its_field() -> None:
    error = refused("https://10.0.0.1/secret-path")

    assert (error.code, error.message) == ("validation_error", "The host's address is not a public one")
    assert error.details == (Detail("url", error.message),)
    assert refused("https://example.com:8443/").message == "The port must be 443, or be left out"


def test_no_message_says_what_address_a_name_has() -> None:
    with pytest.raises(RefusedAddress) as caught:
        vetted("inside.example.com", ["10.1.2.3"], False)

    assert "10.1.2.3" not in str(caught.value.details) + caught.value.message


def test_all_addresses_of_a_name_are_given_each_once_ipv4_first() -> None:
    assert vetted("example.com", [PUBLIC_6, PUBLIC_4, "8.8.8.8", PUBLIC_4], local=False) == (
        IPv4Address(PUBLIC_4),
        IPv4Address("8.8.8.8"),
        IPv6Address(PUBLIC_6),
    )


def test_a_name_without_an_address_is_refused() -> None:
    assert reason_for("example.com") == "unresolvable"


@pytest.mark.parametrize("hidden", ["127.0.0.1", "169.254.169.254", "::1", "fd00:ec2::254", "no address"])
def test_one_bad_address_among_good_ones_refuses_all(hidden: str) -> None:
    assert reason_for("example.com", PUBLIC_4, hidden) == "mixed"
    assert reason_for("example.com", hidden, PUBLIC_6) == "mixed"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback_address"),
        ("169.254.169.254", "metadata_address"),
        ("::ffff:93.184.216.34", "special_address"),
        ("fe80::1%2", "special_address"),
        ("2606:4700::1111%2", "special_address"),
        ("0177.0.0.1", "special_address"),
    ],
)
def test_bad_addresses_alone_are_refused_for_what_they_are(address: str, reason: Reason) -> None:
    assert reason_for("example.com", address) == reason
    assert reason_for("example.com", address, local=True) == reason


def test_a_local_name_must_be_this_machine_and_another_name_must_not() -> None:
    assert vetted("localhost", ["::1", "127.0.0.1"], local=True) == (IPv4Address("127.0.0.1"), IPv6Address("::1"))
    assert reason_for("localhost", PUBLIC_4, local=True) == "forbidden_name"
    assert reason_for("localhost", "127.0.0.1", "10.0.0.1", local=True) == "mixed"
    assert reason_for("localhost", "127.0.0.1") == "loopback_address"


def test_a_literal_needs_no_looking_up() -> None:
    assert [literal(host) for host in (PUBLIC_4, PUBLIC_6, "example.com")] == [PUBLIC_4, PUBLIC_6, None]


@pytest.mark.parametrize("row", REFUSED_NETWORKS, ids=lambda row: str(row.network))
def test_a_network_is_refused_from_its_first_address_to_its_last(row: RefusedNetwork) -> None:
    assert why_not(row.network[0], at_home=False) is not None
    assert why_not(row.network[-1], at_home=False) is not None
    assert row.what
    assert row.source


@pytest.mark.parametrize(
    "network",
    """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 ::/8
    64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 fe80::/10
    fec0::/10 ff00::/8 ::/3 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/3""".split(),
)
@given(st.data())
def test_nothing_of_a_special_network_passes(network: str, data: st.DataObject) -> None:
    address = data.draw(st.ip_addresses(network=ip_network(network)))

    assert why_not(address, at_home=False) is not None
    with pytest.raises(RefusedAddress):
        vetted("example.com", [str(address)], local=False)


@given(
    every_ipv4,
    st.sampled_from(["::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/96", "2002::/16", "::ffff:0:0:0/96"]),
)
def test_no_ipv4_address_passes_inside_an_ipv6_address(address: IPv4Address, prefix: str) -> None:
    network = IPv6Network(prefix)
    inside = IPv6Address(int(network.network_address) | int(address) << (80 if network.prefixlen == 16 else 0))

    assert reason_for("example.com", str(inside)) in {"special_address", "loopback_address"}
    assert refused(f"https://[{inside}]/").reason in {"special_address", "loopback_address"}


@given(every_ipv4 | every_ipv6)
def test_what_the_standard_library_calls_not_global_is_refused_too(address: Address) -> None:
    if not address.is_global:
        assert why_not(address, at_home=False) is not None


@given(every_ipv4)
def test_what_passes_of_ipv4_lies_outside_the_table_and_is_global(address: IPv4Address) -> None:
    tables = [row.network for row in REFUSED_NETWORKS if isinstance(row.network, IPv4Network)]

    assert (why_not(address, at_home=False) is None) == (not any(address in network for network in tables))


@given(st.integers(0, 2**125 - 1))
def test_what_passes_of_ipv6_is_global_unicast(low: int) -> None:
    address = IPv6Address(0x2000 << 112 | low)
    inside = [row for row in REFUSED_NETWORKS if address in row.network]

    assert (why_not(address, at_home=False) is None) == (not inside)
    assert why_not(IPv6Address(low), at_home=False) is not None


@pytest.mark.parametrize(
    "address", [PUBLIC_4, "1.1.1.1", "9.255.255.255", "11.0.0.0", "126.255.255.255", "128.0.0.0", "172.15.255.255",
                "172.32.0.0", "100.63.255.255", "100.128.0.0", "169.253.255.255", "223.255.255.255", "191.255.255.255",
                PUBLIC_6, "2000::", "2001:200::", "2003::1", "2400:cb00::1", "2a00:1450::1", "3ffd::1"],
)  # fmt: skip
def test_the_neighbours_of_refused_networks_pass(address: str) -> None:
    assert [str(each) for each in vetted("example.com", [address], local=False)] == [address]


@given(st.text() | st.text("htps:/.[]@#?%\\127x0 a\n-localhost", max_size=60) | st.text().map("https://{}/".format))
def test_any_text_is_taken_apart_or_refused_and_nothing_else(url: str) -> None:
    for local in (False, True):
        with suppress(RefusedAddress):
            target = parsed(url, local)
            assert (target.host, target.path_and_query.isascii()) == (target.host.lower(), True)
            assert target.path_and_query.startswith("/")


@given(every_ipv4 | every_ipv6)
def test_a_literal_is_judged_as_its_address_is(address: Address) -> None:
    url = f"https://[{address}]/" if address.version == 6 else f"https://{address}/"

    reason = why_not(address, at_home=False)
    if reason is None:
        assert parsed(url, local=False).host == str(address)
    else:
        assert refused(url).reason == reason


@given(st.text(max_size=40), st.booleans())
def test_whatever_a_resolver_says_is_judged(said: str, local: bool) -> None:
    with pytest.raises(RefusedAddress):
        vetted("example.com", [said or "x", "10.0.0.1"], local)
