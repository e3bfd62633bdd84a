"""Secrets are withheld by the whole words of their names, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parametry.core.secrets import WITHHELD, is_secret, withhold, withhold_arguments
from parametry.core.value import same

relaxed = settings(deadline=None, max_examples=200)
WORD = "hunter2-word"


@pytest.mark.parametrize(
    "name",
    [
        *("password", "PASSWORD", "db_password", "dbPassword", "DBPassword", "passwords", "passwd"),
        *("passphrase", "pwd", "secret", "client_secret", "secrets", "token", "HF_TOKEN"),
        *("hfToken", "wandb.token", "access_token", "access_tokens", "apikey", "api_key"),
        *("API_KEY", "apiKey", "APIKey", "api-key", "api keys", "openai/api_key", "OPENAI_API_KEY"),
        *("aws_secret_access_key", "AWS_ACCESS_KEY_ID", "accessKeyId", "private_key", "ssh_key"),
        *("credentials", "google_credentials", "bearer", "Authorization", "auth_key"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)
    assert withhold(name, WORD) == WITHHELD


@pytest.mark.parametrize(
    "name",
    [
        *("max_tokens", "num_tokens", "tokens", "tokenizer", "tokenize", "tokenization"),
        *("key_dim", "key", "keys", "keyboard", "monkey", "api", "apis", "access", "private"),
        *("oov_token", "pad_token", "eosToken", "special_tokens", "mask_token", "UNK_TOKEN"),
        *(
            "passwordless",
            "secretary",
            "compass",
            "bypass",
            "author",
            "authors",
            "",
            "_",
            "key_api",
        ),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret(name)
    assert withhold(name, "bert") == "bert"


@pytest.mark.parametrize("value", [5, 0.5, True, None, "", [], [1, 2], {}, {"a": 1}])
def test_only_text_is_withheld(value: Any) -> None:
    assert same(withhold("token", value), value)


def test_within_containers_the_whole_path_is_the_name() -> None:
    value = {
        "db": {"password": WORD, "host": "h"},
        "list": [{"api_key": WORD}, "plain"],
        "api": {"key": WORD, "url": "u"},
        3: "three",
        "token": [WORD, 3, [WORD]],
    }
    assert withhold("config", value) == {
        "db": {"password": WITHHELD, "host": "h"},
        "list": [{"api_key": WITHHELD}, "plain"],
        "api": {"key": WITHHELD, "url": "u"},
        3: "three",
        "token": [WITHHELD, 3, [WITHHELD]],
    }
    assert withhold("secrets", {"a": {"b": WORD}}) == {"a": {"b": WITHHELD}}


def test_what_is_known_of_a_secret_that_is_no_text_is_withheld_too() -> None:
    hashed: Any = {"$bytes": 7, "sha256": "ab"}
    long: Any = {"$long": 70_000, "class": "str", "start": WORD, "sha256": "ab"}
    for tagged in (hashed, long):
        assert withhold("password", tagged) == WITHHELD
        assert withhold("config", {"token": tagged}) == {"token": WITHHELD}
        assert withhold("config", {"data": tagged}) == {"data": tagged}


def test_what_is_given_is_not_changed_and_what_comes_is_its_own() -> None:
    value = {"token": WORD}
    found = withhold("config", value)
    assert value == {"token": WORD}
    assert isinstance(found, dict)
    found["token"]["more"] = 1  # type: ignore[index, call-overload]
    assert WITHHELD == {"$withheld": "secret"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("postgres://me:hunter2@host/db", "postgres://me:…@host/db"),
        ("postgresql+psycopg2://me:hunter2@host", "postgresql+psycopg2://me:…@host"),
        ("redis://:hunter2@host:6379", "redis://:…@host:6379"),
        ("mongodb://me:hun@ter2@host", "mongodb://me:…@host"),
        ("a mongodb://me:hunter2@host b", "a mongodb://me:…@host b"),
        ("https://host/?a=1&token=hunter2&b=2", "https://host/?a=1&token=…&b=2"),
        ("https://host/?api_key=hunter2", "https://host/?api_key=…"),
        ("https://host/a:b@c", "https://host/a:b@c"),
        ("https://me@host/x", "https://me@host/x"),
        ("https://host:8080/x", "https://host:8080/x"),
        ("https://host/?max_tokens=5", "https://host/?max_tokens=5"),
        ("s3://bucket/key=1/x", "s3://bucket/key=1/x"),
        ("a:b@c", "a:b@c"),
        ("12:30", "12:30"),
    ],
)
def test_secrets_in_addresses_of_the_net(value: str, shown: str) -> None:
    assert withhold("url", value) == shown
    assert withhold_arguments([value]) == [shown]
    assert "hunter2" not in shown


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["--token", WORD, "--lr=1"], ["--token", WITHHELD, "--lr=1"]),
        (["--api-key=" + WORD], ["--api-key=…"]),
        (["--apiKey", WORD], ["--apiKey", WITHHELD]),
        (["db.password=" + WORD], ["db.password=…"]),
        (["HF_TOKEN=" + WORD], ["HF_TOKEN=…"]),
        (["--token", "--lr", "1"], ["--token", "--lr", "1"]),
        (["--token=a", "b"], ["--token=…", "b"]),
        (["--max-tokens", "5"], ["--max-tokens", "5"]),
        (["token", "x"], ["token", "x"]),
        (["--lr", "0.1", "--name", "x=y"], ["--lr", "0.1", "--name", "x=y"]),
        ([], []),
    ],
)
def test_command_lines(arguments: list[str], shown: list[Any]) -> None:
    assert withhold_arguments(arguments) == shown


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)


@relaxed
@given(plain)
def test_nothing_changes_but_what_is_secret(value: Any) -> None:
    assert same(withhold("learning_rate", value), value)


@relaxed
@given(st.recursive(st.just(WORD), lambda inner: st.lists(inner) | st.dictionaries(
    st.text(max_size=3), inner)))  # fmt: skip
def test_no_secret_comes_through(value: Any) -> None:
    assert WORD not in str(withhold("api_key", value))
