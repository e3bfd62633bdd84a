"""Fans, layer by layer."""

from __future__ import annotations

import pytest

from parametry.conventions.fans import fans

QUERY, OUTPUT = "abc,cde->abde", "abcd,cde->abe"


@pytest.mark.parametrize(
    ("layer", "name", "shape", "more", "wanted"),
    [
        ("Dense", "kernel", (3, 4), {}, (3, 4)),
        ("Dense", "bias", (4,), {}, (4, 4)),
        ("Mine", "scale", (), {}, (1, 1)),
        ("Mine", "weights", (5, 3, 4), {}, (15, 20)),
        ("Conv1D", "kernel", (5, 4, 8), {}, (20, 40)),
        ("Conv2D", "kernel", (3, 5, 4, 8), {}, (60, 120)),
        ("Conv3D", "kernel", (2, 2, 2, 4, 8), {}, (32, 64)),
        ("Conv2D", "kernel", (3, 3, 1, 8), {"groups": 4}, (9, 18)),
        ("Conv2D", "kernel", (1, 1, 4, 8), {"groups": 2}, (4, 4)),
        ("Conv1DTranspose", "kernel", (5, 8, 4), {}, (20, 40)),
        ("Conv2DTranspose", "kernel", (3, 3, 8, 4), {}, (36, 72)),
        ("Conv3DTranspose", "kernel", (2, 2, 2, 8, 4), {}, (32, 64)),
        ("DepthwiseConv1D", "kernel", (5, 4, 2), {}, (5, 10)),
        ("DepthwiseConv2D", "kernel", (3, 3, 16, 1), {}, (9, 9)),
        ("DepthwiseConv2D", "depthwise_kernel", (3, 3, 16, 2), {}, (9, 18)),
        ("SeparableConv1D", "depthwise_kernel", (5, 4, 2), {}, (5, 10)),
        ("SeparableConv2D", "depthwise_kernel", (3, 3, 4, 2), {}, (9, 18)),
        ("SeparableConv2D", "pointwise_kernel", (1, 1, 8, 16), {}, (8, 16)),
        ("Embedding", "embeddings", (1000, 16), {}, (1, 16)),
        ("ReversibleEmbedding", "reverse_embeddings", (16, 1000), {}, (16, 1000)),
        ("EinsumDense", "kernel", (64, 8, 16), {"equation": QUERY}, (64, 128)),
        ("EinsumDense", "kernel", (8, 16, 64), {"equation": OUTPUT}, (128, 64)),
        ("EinsumDense", "kernel", (64, 8), {"equation": "...x,xy->...y"}, (64, 8)),
        ("EinsumDense", "kernel", (4, 64, 8), {"equation": "axb, xbc -> axc"}, (64, 8)),
        ("EinsumDense", "kernel", (4, 64, 8), {}, (256, 8)),
        ("EinsumDense", "bias", (8, 16), {"equation": QUERY}, (16, 16)),
        ("SimpleRNNCell", "kernel", (3, 8), {}, (3, 8)),
        ("SimpleRNNCell", "recurrent_kernel", (8, 8), {}, (8, 8)),
        ("LSTMCell", "kernel", (3, 32), {}, (3, 8)),
        ("LSTMCell", "recurrent_kernel", (8, 32), {}, (8, 8)),
        ("LSTM", "kernel", (3, 32), {}, (3, 8)),
        ("GRUCell", "kernel", (3, 24), {}, (3, 8)),
        ("GRU", "recurrent_kernel", (8, 24), {}, (8, 8)),
        ("GRUCell", "bias", (2, 24), {}, (24, 24)),
        ("ConvLSTM2D", "kernel", (3, 3, 4, 32), {}, (36, 72)),
        ("ConvLSTM1DCell", "recurrent_kernel", (3, 8, 32), {}, (24, 24)),
        ("Dense", "kernel", (0, 4), {}, (0, 4)),
    ],
)
def test_fans(
    layer: str, name: str, shape: tuple[int, ...], more: dict[str, int], wanted: tuple[int, int]
) -> None:
    found = fans(layer, name, shape, **more)  # type: ignore[arg-type]
    assert found == wanted
    assert all(type(fan) is float for fan in found)


def counted(groups: int, inputs: int, outputs: int, size: int) -> tuple[set[int], set[int]]:
    """Fans of a convolution in one dimension by counting its products, away from the borders."""
    products = [
        (place + tap, group * (inputs // groups) + i, place, group * (outputs // groups) + o)
        for place in range(20)
        for tap in range(size)
        for group in range(groups)
        for i in range(inputs // groups)
        for o in range(outputs // groups)
    ]
    into = {len([p for p in products if p[2:] == (10, o)]) for o in range(outputs)}
    out_of = {len([p for p in products if p[:2] == (10, i)]) for i in range(inputs)}
    return into, out_of


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolutions_by_counting(groups: int) -> None:
    fan_in, fan_out = fans("Conv1D", "kernel", (3, 4 // groups, 8), groups=groups)
    assert counted(groups, 4, 8, 3) == ({fan_in}, {fan_out})


def test_depthwise_by_counting() -> None:
    fan_in, fan_out = fans("DepthwiseConv1D", "kernel", (3, 4, 2))
    assert counted(4, 4, 8, 3) == ({fan_in}, {fan_out})
