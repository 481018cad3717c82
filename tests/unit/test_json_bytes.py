"""JSON both ways: what we read, we can write, seal and store."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.net.json_bytes import read_json, write_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(values)
def test_what_was_written_is_read_again(value: object) -> None:
    assert read_json(write_json(value)) == value


@given(values)
def test_it_reads_what_the_standard_library_writes(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"name": "Jo\\ud800\\u00e3o"}', {"name": "Jo\N{REPLACEMENT CHARACTER}ão"}),
        (b'["\\udc00"]', ["\N{REPLACEMENT CHARACTER}"]),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        ("Número e ação – R$".encode("cp1252").join((b'["', b'"]')), ["Número e ação – R$"]),
        ('["ação"'.encode() + b', "a\xe7\xe3o"]', ["ação", "a\ufffd\ufffdo"]),
        (b'\xef\xbb\xbf["N\xfamero"]', ["Número"]),
    ],
)
def test_odd_text_is_mended_so_that_it_can_be_kept(body: bytes, value: object) -> None:
    read = read_json(body)

    assert read == value
    assert read_json(write_json(read)) == value


def test_a_number_of_many_digits_can_be_written() -> None:
    assert write_json({"n": 10**30}) == b'{"n":1000000000000000000000000000000}'


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"{", b"\xff\xfe\xfd", b"[" * 100_000, b'{"a":' * 100_000]
)
def test_anything_else_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_json(body)
