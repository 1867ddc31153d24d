"""What could not be asked with is said before anything is asked."""

from __future__ import annotations

import math

import pytest

from data_synthesis.teacher.server import ServerSettings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("answer", "yaml"),
        ("concurrency", 0),
        ("concurrency", "many"),
        ("most_concurrency", 15),
        ("base_urls", ()),
        ("base_urls", "http://127.0.0.1:30000/v1"),
        ("base_urls", ("127.0.0.1:30000/v1",)),
        ("base_urls", ("http://127.0.0.1:30000/v1", "ftp://server/v1")),
        ("base_urls", ("http://:30000/v1",)),
        ("base_urls", ("http://server:port/v1",)),
        ("attempts", 0),
        ("patience", -1),
        ("deadline_s", 0.0),
        ("deadline_s", math.nan),
        ("deadline_s", math.inf),
        ("backoff_s", -1.0),
        ("budget", -0.5),
        ("input_price", -1.0),
        ("output_price", math.nan),
        ("max_tokens", 0),
        ("temperature", -0.1),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_its_value(field, value):
    with pytest.raises(ValueError, match=f"^{field} must be ") as refused:
        ServerSettings("small", **{field: value})
    assert str(refused.value).endswith(f", not {value!r}")
    assert "\n" not in str(refused.value)


def test_the_bounds_themselves_are_allowed():
    ServerSettings(
        "small",
        ("https://[::1]:1/v1", "http://server/v1"),
        max_tokens=1,
        attempts=1,
        patience=0,
        concurrency=1,
        most_concurrency=1,
        temperature=0.0,
    )


@pytest.mark.parametrize("key", ["secret\n", "se\rcret", "sécret", "secret\x7f"])
def test_a_key_that_no_header_holds_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("SOME_KEY", key)
    with pytest.raises(ValueError, match="the key in SOME_KEY has a line break or another") as refused:
        ServerSettings("small", api_key_env="SOME_KEY")
    assert "cret" not in str(refused.value)
