"""Addresses as a tree, and the folding of what is alike."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from parametry.core.address import part
from parametry.core.pattern import compile_pattern
from parametry.show.tree import Branch, fold, grow, walk


def folded(addresses: Iterable[str], forms: dict[str, int] | None = None) -> Branch[int]:
    items = ((address, (forms or {}).get(address, 0)) for address in addresses)
    return fold(grow(items), lambda item: item)


def leaves(tree: Branch[int]) -> list[str]:
    return [branch.address for _, branch in walk(tree) if branch.items]


def block(name: str) -> list[str]:
    return [f"{name}/{part}" for part in ("query/kernel", "query/bias", "dropout/seed")]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["dense", "dense_1", "dense_2"], ["dense{,_1,_2}"]),
        (["dense", *(f"dense_{n}" for n in range(1, 31))], ["dense{,_{1..30}}"]),
        (["dense_1", "dense_2", "dense_3"], ["dense_{1..3}"]),
        ([str(n) for n in range(32)], ["{0..31}"]),
        (["9", "10", "11"], ["{9..11}"]),
        (["conv2_block1_1", "conv2_block2_1", "conv2_block3_1"], ["conv2_block{1..3}_1"]),
        (["conv2d", "conv2d_1", "conv2d_2"], ["conv2d{,_1,_2}"]),
        # Two of a kind are shown as two, and so is what does not count up.
        (["dense", "dense_1"], ["dense", "dense_1"]),
        (["a", "b", "c"], ["a", "b", "c"]),
        (["x0", "x2", "x4"], ["x{0..4..2}"]),
        (["x0", "x2", "x3"], ["x0", "x2", "x3"]),
        (["norm", "norm_2", "norm_4", "norm_6"], ["norm{,_{2..6..2}}"]),
        # A file that lists names by their letters; other orders are the model's own.
        (sorted(map(str, range(12))), ["{0..11}"]),
        (sorted(f"h_{n}" for n in range(8, 13)), ["h_{8..12}"]),
        (["x2", "x10", "x1"], ["x2", "x10", "x1"]),
        (["x3", "x2", "x1"], ["x3", "x2", "x1"]),
        (["x01", "x02", "x03"], ["x01", "x02", "x03"]),
        (["a1b1", "a2b2", "a3b3"], ["a1b1", "a2b2", "a3b3"]),
        (["x1y1", "x2y1", "x2y2"], ["x1y1", "x2y1", "x2y2"]),
        (["conv2", "conv2_1", "conv3_1"], ["conv2", "conv2_1", "conv3_1"]),
        (["dense_1", "dense_1_1", "dense_2_1"], ["dense_1", "dense_1_1", "dense_2_1"]),
        (["x²", "x³", "x⁴"], ["x²", "x³", "x⁴"]),
    ],
)
def test_siblings_that_count_up_become_one(names: list[str], shown: list[str]) -> None:
    assert leaves(folded(names)) == shown


def test_equal_blocks_become_one_with_all_that_is_in_them() -> None:
    addresses = [address for n in range(12) for address in block(f"encoder/layers/{n}")]
    tree = folded(addresses)
    assert leaves(tree) == block("encoder/layers/{0..11}")


def test_a_block_that_differs_inside_stands_apart() -> None:
    addresses = [address for n in range(9) for address in block(f"layers/{n}")]
    tree = folded(addresses, {"layers/4/query/kernel": 1})
    assert leaves(tree) == [
        *block("layers/{0..3}"),
        *block("layers/4"),
        *block("layers/{5..8}"),
    ]


def test_siblings_that_take_turns_keep_their_turns() -> None:
    names = [f"{kind}_{n}" for n in range(5) for kind in ("conv", "norm", "relu")]
    tree = folded(names, {name: len(name) for name in names})
    rows = [(branch.address, branch.count, branch.turns) for _, branch in walk(tree)]
    assert rows == [(f"{kind}_{{0..4}}", 5, True) for kind in ("conv", "norm", "relu")]


def test_patterns_match_exactly_what_they_stand_for() -> None:
    generator = random.Random(0)
    for _ in range(200):
        names = {
            "/".join(
                part(generator.choice(["a", "b_1", "x[0]", "{y}", "*", "q", "dense", "c,d"]))
                + generator.choice(["", "_", "_1"])
                + generator.choice(["", str(generator.randrange(12))])
                for _ in range(generator.randrange(1, 4))
            )
            for _ in range(60)
        }
        addresses = sorted(names, key=lambda name: (len(name), name))
        tree = folded(addresses)
        found: list[str] = []
        stack = [(tree, 1)]
        while stack:
            branch, count = stack.pop()
            stack += [(child, count * child.count) for child in branch.children.values()]
            if branch.items:
                matches = compile_pattern(branch.address).fullmatch
                several = any(is_pattern for _, is_pattern in branch.parts)
                stands_for = (
                    [address for address in addresses if matches(address)]
                    if several
                    else [branch.address]
                )
                assert len(stands_for) == count, branch.address
                found += stands_for
        assert sorted(found) == sorted(addresses)


def test_a_literal_address_is_not_quoted() -> None:
    assert leaves(folded(["layer[0]/kernel*"])) == ["layer[0]/kernel*"]


def test_an_item_and_what_lies_below_it_are_both_there() -> None:
    tree = folded(["optimizer/learning_rate", "optimizer/learning_rate/decay_steps"])
    assert leaves(tree) == ["optimizer/learning_rate", "optimizer/learning_rate/decay_steps"]


def test_the_order_of_the_model_is_kept() -> None:
    assert leaves(folded(["z", "a/2", "m", "a/1"])) == ["z", "a/2", "a/1", "m"]


def test_an_address_of_many_parts_does_not_exhaust_the_stack() -> None:
    deep = "/".join(["a"] * 50_000)
    assert leaves(folded([deep, "b"])) == [deep, "b"]


def test_nothing_is_an_empty_tree() -> None:
    assert leaves(folded([])) == []
