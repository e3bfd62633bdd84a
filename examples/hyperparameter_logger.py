"""A callback that logs hyperparameters beside metrics, epoch by epoch.

It reads the live values each time. A dictionary of values made before `fit`, as is often seen,
would say 0.05 for ever; here the learning rate is seen to fall whenever ReduceLROnPlateau lowers
it. Nor need the batch size be handed to the callback: with capture on, the model knows it.
"""

import keras
import numpy as np

import parametry.auto  # noqa: F401  (turns capture on)


class HyperparameterLogger(keras.callbacks.Callback):
    """Keeps, for each epoch, the hyperparameters of some addresses and the metrics."""

    def __init__(self, *addresses):
        super().__init__()
        self.addresses = addresses
        self.rows = []

    def on_epoch_begin(self, epoch, logs=None):
        hyperparameters = self.model.hyperparameters
        self.now = {address: hyperparameters[address].value for address in self.addresses}

    def on_epoch_end(self, epoch, logs=None):
        metrics = {name: round(float(value), 4) for name, value in (logs or {}).items()}
        self.rows.append({"epoch": epoch + 1, **self.now, **metrics})
        print("  ".join(f"{name}={value}" for name, value in self.rows[-1].items()))


generator = np.random.default_rng(1)
inputs = generator.normal(size=(256, 10)).astype("float32")
targets = (inputs.sum(axis=1, keepdims=True) + generator.normal(size=(256, 1))).astype("float32")

keras.utils.set_random_seed(1)
net = keras.Sequential(
    [keras.Input((10,)), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(1)]
)
net.compile(optimizer=keras.optimizers.Adam(learning_rate=0.05), loss="mse")
logger = HyperparameterLogger("optimizer/learning_rate", "fit/batch_size", "fit/epochs")
net.fit(
    inputs,
    targets,
    batch_size=32,
    epochs=15,
    validation_split=0.25,
    callbacks=[
        logger,
        keras.callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.5, patience=2),
    ],
    verbose=0,
)

rates = [row["optimizer/learning_rate"] for row in logger.rows]
assert rates[0] == 0.05 and rates[-1] < rates[0], rates
assert all(row["fit/batch_size"] == 32 and row["fit/epochs"] == 15 for row in logger.rows)

# The same afterwards, without a callback: every change, with the step and what made it.
print()
for change in net.hyperparameters["optimizer/learning_rate"].changes:
    print(f"step {change.step}: {change.old} -> {change.new}, by {change.cause}")
