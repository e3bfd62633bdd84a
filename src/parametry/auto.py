"""``import parametry.auto`` turns capture on for the rest of the program.

From then on parametry knows what constructors, ``compile`` and ``fit`` were given and which line
gave it, and every Keras model has the attribute ``hyperparameters``. It may be imported before or
after the frameworks, in any order. ``PARAMETRY=0`` in the environment keeps it off;
``parametry.auto.disable()`` turns it off again, and everything that was patched is then an inert
pass-through.

Example:
    >>> import parametry.auto                  # doctest: +SKIP
    >>> import keras                           # doctest: +SKIP
    >>> net = keras.Sequential([keras.layers.Dense(8, activation="relu")])   # doctest: +SKIP
    >>> net.hyperparameters["model/dense/activation"].origin                 # doctest: +SKIP
    'explicit'
"""

from __future__ import annotations

from parametry.capture.switch import disable, enable, is_enabled

__all__ = ["disable", "enable", "is_enabled"]

enable()
