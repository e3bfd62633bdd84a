"""A hand-written loop whose values are local variables, its step a tf.function."""

import argparse
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf


@dataclass
class Settings:
    noise: float = 0.3
    layers: tuple = (8, 4)


class Config:
    patience = 6
    metric = "loss"


def train(samples, warm=False):
    batch_size = 8
    epochs = 2
    lr = 0.05
    decay = 0.5
    settings = Settings(noise=0.125)
    parser = argparse.ArgumentParser()
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--name", default="plain")
    args = parser.parse_args()
    model = keras.Sequential([keras.layers.Dense(args.width), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(learning_rate=lr, momentum=0.75)
    loss_of = keras.losses.Huber(delta=1.5)
    x = np.ones((samples, 3), "float32")
    y = np.zeros((samples, 1), "float32")

    @tf.function
    def step(a, b):
        with tf.GradientTape() as tape:
            loss = loss_of(b, model(a, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    total = 0.0
    seen = 0
    losses = []
    for epoch in range(epochs):
        if epoch:
            optimizer.learning_rate.assign(lr * decay)
        for start in range(0, samples, batch_size):
            loss = step(x[start : start + batch_size], y[start : start + batch_size])
            total += float(loss)
            losses.append(total)
            seen += 1
    return model, settings


if __name__ == "__main__":
    train(32)
