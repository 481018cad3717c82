"""Guessing and crowding are counted by who comes, not by how many addresses they have."""

import pytest
from starlette.requests import Request

from services.panel.pages.door import source_of
from shared.doors.subscriber import subscriber


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:51234", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("unknown", "unknown"),
        ("", ""),
        ("x" * 500, "x" * 64),
    ],
)
def test_a_subscriber_is_one_whatever_address_they_come_from(address: str, who: str) -> None:
    assert subscriber(address) == who


def came(*forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return Request({"type": "http", "headers": headers, "client": ("10.0.0.1", 1)})


def test_what_a_caller_says_of_itself_does_not_count_whether_proxies_add_words_or_lines() -> None:
    assert source_of(came("8.8.8.8"), 0) == "10.0.0.1"
    assert source_of(came("8.8.8.8, 203.0.113.7"), 1) == "203.0.113.7"
    assert source_of(came("8.8.8.8", "203.0.113.7"), 1) == "203.0.113.7"
    assert source_of(came("8.8.8.8", "203.0.113.7, 10.1.1.1"), 2) == "203.0.113.7"
    assert source_of(came("2001:db8::1:2"), 1) == source_of(came("2001:db8::3:4"), 1)
    assert source_of(came(), 1) == "10.0.0.1"
