"""A training that passes something of every kind; the model stores none of its arguments."""

import keras
import numpy as np

keras.utils.set_random_seed(11)

CLASSES = 3
WARMUP = 4


def scaled_by(amount, offset=0.25):
    def apply(x):
        return x * amount + offset

    return apply


class Apply(keras.layers.Layer):
    def __init__(self, function, strength=1.0, **kwargs):
        super().__init__(**kwargs)
        self._apply = function
        self._how_much = strength

    def call(self, x):
        return self._apply(x) * self._how_much


class Block(keras.layers.Layer):
    def __init__(self, width, rate):
        super().__init__()
        self.inner = keras.layers.Dense(width, kernel_regularizer=keras.regularizers.L2(0.003))
        self.drop = keras.layers.Dropout(rate=rate, seed=5)

    def call(self, x):
        return self.drop(self.inner(x))


class Net(keras.Model):
    def __init__(self, hidden, depth=2, *, shared, rate=0.1, act="relu", notes=None, **kwargs):
        super().__init__(**kwargs)
        self.stem = keras.Sequential(
            [
                keras.layers.Dense(units=hidden, activation=act, kernel_initializer="he_normal"),
                Apply(scaled_by(3, offset=0.75), strength=0.5),
                shared,
            ],
            name="stem",
        )
        self.blocks = [Block(hidden, rate=rate) for _ in range(depth)]
        self.body = keras.Sequential([shared, keras.layers.LayerNormalization(epsilon=1e-5)])
        self.head = keras.layers.Dense(CLASSES, use_bias=False, name="head")

    def call(self, x):
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.body(x))


def rate_of(epoch, rate, *, floor=1e-4):
    return max(rate * 0.5, floor)


def main(epochs=3, seed=17):
    batch_size = 16
    shared = keras.layers.Dense(8, activation="tanh", name="shared")
    net = Net(8, depth=3, shared=shared, rate=0.2, notes={"run": 4, "tags": ["a", "b"]}, name="net")
    schedule = keras.optimizers.schedules.CosineDecay(
        0.02, decay_steps=50, alpha=0.1, warmup_target=0.03, warmup_steps=WARMUP
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01, beta_1=0.85, clipnorm=2.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma"])
    net.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05),
        metrics=[
            "accuracy",
            keras.metrics.TopKCategoricalAccuracy(k=2, name="top2"),
            keras.metrics.CategoricalCrossentropy(from_logits=True, label_smoothing=0.15),
        ],
        steps_per_execution=1,
    )
    x = np.random.default_rng(seed).normal(size=(64, 6)).astype("float32")
    y = np.eye(CLASSES, dtype="float32")[np.arange(64) % CLASSES]
    callbacks = [
        keras.callbacks.EarlyStopping(monitor="loss", patience=7, min_delta=0.001),
        keras.callbacks.TerminateOnNaN(),
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
    ]
    net.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        validation_split=0.25,
        class_weight={0: 1.0, 1: 2.0, 2: 0.5},
        callbacks=callbacks,
        verbose=0,
    )

    import tensorflow as tf

    pipeline = (
        tf.data.Dataset.from_tensor_slices((x, y))
        .shuffle(40, seed=23)
        .batch(12, drop_remainder=True)
        .prefetch(3)
    )
    constant = keras.optimizers.SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    net.compile(constant, "categorical_crossentropy", metrics=["mae"], jit_compile=False)
    net.fit(
        pipeline,
        epochs=2,
        initial_epoch=1,
        verbose=0,
        callbacks=[keras.callbacks.LearningRateScheduler(rate_of, verbose=0)],
    )
    return net


if __name__ == "__main__":
    kept = main(epochs=2)
