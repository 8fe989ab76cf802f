"""CBOR that is whole, and CBOR that was cut anywhere."""

from __future__ import annotations

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.bedrock_model_customization.aws.cbor import is_whole

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_whole_and_cut(value: object) -> None:
    body = cbor2.dumps(value)
    assert is_whole(body)
    assert not any(is_whole(body[:end]) for end in range(len(body)))
    assert not is_whole(body + b'\0')


def test_items_of_unknown_length_and_nesting_without_end() -> None:
    assert is_whole(bytes.fromhex('bf6161 9f01ff 6162 7f6161ff ff'))
    assert not is_whole(bytes.fromhex('bf6161 9f01ff 6162 7f6161ff'))
    assert not is_whole(b'\x81' * 100_000)
