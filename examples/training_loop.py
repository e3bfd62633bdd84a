"""A hand-written training loop whose hyperparameters are constants and local variables.

An ordinary Keras script, which knows nothing of parametry. No callback sees these values, and
nothing stores them; run by parametry, they are all in the report, with the lines that set them:

    parametry run examples/training_loop.py
    parametry run --show 'optimizer/**' --show 'script/**' examples/training_loop.py --momentum 0.8

The model is linear and its gradient is written out, so that the loop runs on every backend. See
gradient_tape.py for one with TensorFlow's automatic differentiation.
"""

import argparse

import keras
import numpy as np

BATCH_SIZE = 32
TRUE_SLOPES = [2.0, -1.0, 0.5]


def make_data(samples, noise, generator):
    inputs = generator.normal(size=(samples, len(TRUE_SLOPES))).astype("float32")
    targets = inputs @ np.array(TRUE_SLOPES) + noise * generator.normal(size=samples)
    return inputs, targets[:, None].astype("float32")


def train(net, optimizer, inputs, targets):
    epochs = 12
    decay = 0.5
    decay_every = 4
    for epoch in range(epochs):
        if epoch and epoch % decay_every == 0:
            optimizer.learning_rate = float(optimizer.learning_rate) * decay
        for start in range(0, len(inputs), BATCH_SIZE):
            batch = inputs[start : start + BATCH_SIZE]
            error = keras.ops.subtract(net(batch), targets[start : start + BATCH_SIZE])
            gradients = [
                2 / len(batch) * keras.ops.matmul(batch.T, error),
                2 * keras.ops.mean(error, axis=0),
            ]
            optimizer.apply(gradients, net.trainable_variables)
        predictions = keras.ops.convert_to_numpy(net(inputs))
        loss = float(np.mean((predictions - targets) ** 2))
        rate = float(optimizer.learning_rate)
        print(f"epoch {epoch + 1:2}: learning rate {rate:.4f}, loss {loss:.4f}")
    return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--momentum", type=float, default=0.5)
    arguments = parser.parse_args()

    generator = np.random.default_rng(seed=3)
    inputs, targets = make_data(samples=256, noise=0.1, generator=generator)
    net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    optimizer = keras.optimizers.SGD(learning_rate=0.02, momentum=arguments.momentum)
    loss = train(net, optimizer, inputs, targets)
    assert loss < 0.05, loss


if __name__ == "__main__":
    main()
