"""The key of a stream: what it depends on, and that two never share their bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parametry.errors import RuleError
from parametry.kernels import random_numpy
from parametry.kernels.stream import Stream, stream

SEEDS = [0, 1, -1, 2**63, 2**64 - 1, 2**64, -(2**64), 2**80, -(2**80), 10**5000]


def test_keys_are_as_they_have_always_been() -> None:
    assert stream(0, "dense/kernel") == Stream(0xDF23B1B02137C7E5, 0xCCF987516D90F40D)
    assert stream(-1, "") == Stream(0xE103185AB92E3220, 0x6399B9A58FFA0277)
    assert stream(2**80, "é/%2F") == Stream(0x756E843CFC782093, 0xEABD45E3405A3879)


def test_every_seed_is_a_seed_of_its_own() -> None:
    found = {stream(seed, "a") for seed in SEEDS}
    assert len(found) == len(SEEDS)
    assert len({key.start for key in found} | {key.gamma for key in found}) == 2 * len(SEEDS)


def test_address_and_purpose_are_apart() -> None:
    asked = [("a/b", ""), ("a", "b"), ("b", "a"), ("", "a/b"), ("a/b", "sparse"), ("A/b", "")]
    assert len({stream(0, address, purpose) for address, purpose in asked}) == len(asked)
    assert stream(1, "1") != stream(11, "")


def test_integers_of_numpy_are_integers() -> None:
    assert stream(np.int64(-3), "a") == stream(-3, "a")
    assert stream(np.uint8(3), "a") == stream(3, "a")


@pytest.mark.parametrize("seed", [0.0, "0", None, [0], np.float32(1)])
def test_a_seed_that_is_no_integer(seed: object) -> None:
    with pytest.raises(RuleError, match=r"a seed is an integer, not .*\nhint: seed=0"):
        stream(seed, "a")  # type: ignore[arg-type]


def test_an_address_that_is_no_unicode() -> None:
    assert stream(0, "\ud800") != stream(0, "\ud801")


@given(st.integers(), st.integers(), st.text(), st.text())
def test_equal_means_equal(seed: int, other: int, address: str, another: str) -> None:
    same = (seed, address) == (other, another)
    assert (stream(seed, address) == stream(other, another)) is same


@given(st.integers(), st.text())
def test_the_step_is_a_good_one(seed: int, address: str) -> None:
    found = stream(seed, address)
    assert found.gamma % 2 == 1
    assert (found.gamma ^ (found.gamma >> 1)).bit_count() >= 24
    assert 0 <= found.start < 2**64
    assert found.gamma < 2**64


def test_words_are_those_of_splitmix64() -> None:
    # The first numbers after the seed 1234567, as they are published for checking other versions:
    # https://rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64
    out = np.empty(5, np.uint64)
    random_numpy.words(1234567, 0x9E3779B97F4A7C15, 0, out)
    assert out.tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@given(st.integers(0, 2**40), st.integers(0, 50))
def test_an_element_depends_on_its_index_alone(first: int, offset: int) -> None:
    key = stream(0, "a")
    whole, part = np.empty(60, np.uint64), np.empty(10, np.uint64)
    random_numpy.words(key.start, key.gamma, first, whole)
    random_numpy.words(key.start, key.gamma, first + offset, part)
    assert part.tolist() == whole[offset : offset + 10].tolist()


def test_the_bits_are_even() -> None:
    # Each bit of a word, and of the difference between neighbours, between streams of neighbouring
    # seeds, and between streams of neighbouring addresses: one half, within 5 standard deviations.
    count = 1 << 14
    words = np.empty((4, count), np.uint64)
    keys = [stream(0, "a/kernel"), stream(1, "a/kernel"), stream(0, "b/kernel")]
    for key, row in zip([*keys, keys[0]], words, strict=True):
        random_numpy.words(key.start, key.gamma, 0, row)
    words[3] = np.roll(words[0], 1)
    for row in (words[0], *(words[0] ^ words[1:])):
        ones = np.unpackbits(row.view(np.uint8)).reshape(count, 64).sum(axis=0)
        assert abs(ones - count / 2).max() < 5 * np.sqrt(count) / 2
