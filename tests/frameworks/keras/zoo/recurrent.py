"""Recurrent layers: their cells, stacks of cells, both directions, steps of time."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from zoo.case import case, of

# The cells of Keras's own layers keep a generator for their dropout.
CELL = "kernel recurrent_kernel bias seed_generator/seed_generator_state"


def _over_time(*stack: Any) -> Any:
    return keras.Sequential([keras.Input((5, 4)), *stack])


@case(of("simple_rnn/simple_rnn_cell", CELL) + of("gru/gru_cell", CELL) + of("lstm/lstm_cell", CELL))  # fmt: skip  # noqa: E501
def every_recurrent_layer() -> Any:
    return _over_time(
        layers.SimpleRNN(3, return_sequences=True),
        layers.GRU(3, return_sequences=True),
        layers.LSTM(3),
    )


@case(of("rnn/gru_cell", CELL))
def cell() -> Any:
    return _over_time(layers.RNN(layers.GRUCell(3)))


@case(
    of("rnn/stacked_rnn_cells/lstm_cell", CELL)
    + of("rnn/stacked_rnn_cells/lstm_cell_1", CELL)
    + of("rnn/stacked_rnn_cells/top", CELL)
)
def stacked_cells() -> Any:
    return _over_time(
        layers.RNN([layers.LSTMCell(3), layers.LSTMCell(2), layers.LSTMCell(2, name="top")])
    )


@case(
    of("bidirectional/forward_lstm/lstm_cell", CELL)
    + of("bidirectional/backward_lstm/lstm_cell", CELL)
    + of("bidirectional_1/forward_gru/gru_cell", CELL)
    + of("bidirectional_1/backward_gru/gru_cell", CELL)
)
def bidirectional() -> Any:
    return _over_time(
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.Bidirectional(layers.GRU(2)),
    )


@case(of("both/forward_words/lstm_cell", CELL) + of("both/backward_words/lstm_cell", CELL))
def bidirectional_with_names() -> Any:
    return _over_time(layers.Bidirectional(layers.LSTM(3, name="words"), name="both"))


@case(
    of("bidirectional/forward_lstm/lstm_cell", CELL) + of("bidirectional/lstm/lstm_cell", CELL),
)
def bidirectional_with_a_backward_layer() -> Any:
    backward = layers.LSTM(3, go_backwards=True)
    return _over_time(layers.Bidirectional(layers.LSTM(3), backward_layer=backward))


@case(of("time_distributed/dense") + of("time_distributed_1/sequential/dense"))
def time_distributed() -> Any:
    inner = keras.Sequential([layers.Dense(3)])
    return _over_time(layers.TimeDistributed(layers.Dense(3)), layers.TimeDistributed(inner))


@case(of("conv_lstm2d/conv_lstm_cell", CELL))
def convolutional_lstm() -> Any:
    return keras.Sequential([keras.Input((5, 6, 6, 2)), layers.ConvLSTM2D(3, 3)])
