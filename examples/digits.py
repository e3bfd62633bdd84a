"""Train a small convolutional network to read scikit-learn's pictures of digits.

An ordinary Keras script, which knows nothing of parametry:

    python examples/digits.py
    parametry run examples/digits.py
    parametry run --show 'optimizer/**' examples/digits.py --epochs 4
"""

import argparse

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_class_weight

SEED = 7
BATCH_SIZE = 32
PEAK_LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-3
LABEL_SMOOTHING = 0.1
BATCH_NORM_MOMENTUM = 0.9  # few steps: the moving statistics must follow sooner than by default
TEST_SHARE = 0.25


class DigitReader(keras.Model):
    """Two convolutions, each followed by pooling, then a dense layer for the ten digits."""

    def __init__(self, filters, dropout_rate, classes=10, **kwargs):
        super().__init__(**kwargs)
        self.stages = []
        for count in filters:
            self.stages.append(keras.layers.Conv2D(count, 3, padding="same", activation="relu"))
            self.stages.append(keras.layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM))
            self.stages.append(keras.layers.MaxPooling2D())
        self.flatten = keras.layers.Flatten()
        self.dropout = keras.layers.Dropout(dropout_rate)
        self.head = keras.layers.Dense(classes, activation="softmax")

    def call(self, pictures, training=False):
        x = pictures
        for stage in self.stages:
            if isinstance(stage, keras.layers.BatchNormalization):
                x = stage(x, training=training)
            else:
                x = stage(x)
        return self.head(self.dropout(self.flatten(x), training=training))


def load_pictures():
    """Pictures of 8 × 8 pixels from 0 to 1, and their digits as one-hot rows."""
    pictures, digits = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8, 1).astype("float32") / 16.0
    return train_test_split(
        pictures, digits, test_size=TEST_SHARE, random_state=SEED, stratify=digits
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--filters", type=int, nargs=2, default=[16, 32])
    arguments = parser.parse_args()

    keras.utils.set_random_seed(SEED)
    pictures, test_pictures, digits, test_digits = load_pictures()
    weights = compute_class_weight("balanced", classes=np.arange(10), y=digits)

    model = DigitReader(filters=arguments.filters, dropout_rate=0.2, name="digit_reader")
    steps_per_epoch = -(-len(pictures) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(
        PEAK_LEARNING_RATE, decay_steps=steps_per_epoch * arguments.epochs, alpha=0.01
    )
    model.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, clipnorm=1.0),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
    )
    model.fit(
        pictures,
        keras.utils.to_categorical(digits, 10),
        batch_size=BATCH_SIZE,
        epochs=arguments.epochs,
        validation_split=0.1,
        class_weight=dict(enumerate(weights.round(3).tolist())),
        callbacks=[
            keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True),
            keras.callbacks.TerminateOnNaN(),
        ],
        verbose=2,
    )
    _, accuracy = model.evaluate(
        test_pictures, keras.utils.to_categorical(test_digits, 10), verbose=0
    )
    print(f"test accuracy: {accuracy:.3f}")


if __name__ == "__main__":
    main()
