"""TensorFlow's way to write a training loop: GradientTape in a compiled step. Needs TensorFlow.

An ordinary Keras script, which knows nothing of parametry. The report tells what stands in
constants, in a dataclass and in local variables, and each change of the learning rate, although
the step is a compiled `tf.function`:

    parametry run examples/gradient_tape.py
"""

import os
from dataclasses import dataclass

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

WARMUP_EPOCHS = 2


@dataclass
class Settings:
    hidden_units: int = 16
    batch_size: int = 64
    epochs: int = 8
    peak_learning_rate: float = 0.02


def rings(samples, generator):
    """Points in the plane, and whether each lies within the unit circle."""
    points = generator.uniform(-1.5, 1.5, size=(samples, 2)).astype("float32")
    inside = np.sum(points**2, axis=1, keepdims=True) < 1
    return points, inside.astype("float32")


def train(settings):
    points, inside = rings(2_048, np.random.default_rng(5))
    batches = tf.data.Dataset.from_tensor_slices((points, inside))
    batches = batches.shuffle(2_048, seed=11).batch(settings.batch_size)
    net = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(settings.hidden_units, activation="tanh"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate=settings.peak_learning_rate, beta_2=0.98)
    loss_function = keras.losses.BinaryCrossentropy(label_smoothing=0.02)
    accuracy = keras.metrics.BinaryAccuracy()

    @tf.function
    def step(inputs, targets):
        with tf.GradientTape() as tape:
            predictions = net(inputs, training=True)
            loss = loss_function(targets, predictions)
        gradients = tape.gradient(loss, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables, strict=True))
        accuracy.update_state(targets, predictions)
        return loss

    for epoch in range(settings.epochs):
        warmup = min(1.0, (epoch + 1) / WARMUP_EPOCHS)
        optimizer.learning_rate.assign(settings.peak_learning_rate * warmup)
        accuracy.reset_state()
        for inputs, targets in batches:
            loss = step(inputs, targets)
        print(f"epoch {epoch + 1}: loss {float(loss):.3f}, accuracy {float(accuracy.result()):.3f}")
    return float(accuracy.result())


if __name__ == "__main__":
    keras.utils.set_random_seed(13)
    assert train(Settings(hidden_units=24)) > 0.9
