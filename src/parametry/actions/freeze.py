"""`parametry.freeze` and `parametry.unfreeze`: what training leaves alone, also after compiling."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parametry.actions.subjects import Subject, subject_of
from parametry.core.parameter import Parameter
from parametry.errors import NotBuilt, NothingMatched

__all__ = ["freeze", "unfreeze"]


def freeze(model: Any, *patterns: str, layers: str | Iterable[str] = ()) -> list[str]:
    """Keep training from changing parameters, from now on: also in a model that is compiled.

    A pattern freezes variables, and nothing else: a layer computes as before, and a
    ``BatchNormalization`` goes on normalizing by its batches. ``layers`` freezes whole layers in
    the framework's own sense, all below them included, which for ``BatchNormalization`` means that
    it uses its moving statistics and leaves them as they are.

    The model needs no new ``compile``. Its optimizer stays the same object, with its step and the
    slots of what it still trains; the slots of what was frozen are dropped. It may be called
    between epochs of ``fit``, from a callback's ``on_epoch_begin`` or ``on_epoch_end``. A step that
    your own code compiled (``tf.function``, ``jax.jit``) must be made again.

    Args:
        model: A live model or layer, changed in place. Give the outermost one that you train.
        *patterns: Patterns over the addresses of parameters. One address of a tied array freezes
            the array. State (moving statistics, seeds) is never trained and is passed over.
        layers: Patterns over the addresses of layers.

    Returns:
        The addresses of the parameters that were trained and now are frozen, in the model's order.

    Raises:
        NothingMatched: A pattern matches no weight, or no layer.
        ValueUnavailable: The values are out of reach now, as between the batches of JAX's ``fit``.
        NotBuilt: The model has no parameters yet.
        NotAModel: It is no live model.
        NotSupported: The framework cannot do it by variable (Keras 2).

    Example:
        >>> pm.freeze(net, "encoder/**")                                 # doctest: +SKIP
        ['encoder/dense/kernel', 'encoder/dense/bias']
        >>> pm.freeze(net, layers="**/batch_normalization*")             # doctest: +SKIP
    """
    return _set(model, patterns, layers, False)


def unfreeze(model: Any, *patterns: str, layers: str | Iterable[str] = ()) -> list[str]:
    """Let training change parameters again: what `freeze` or a layer's own flag kept from it.

    A variable below a layer that was frozen whole is trained from now on; the layer's own flag
    stays, and with it the inference mode of a ``BatchNormalization``: ``layers`` lifts that. The
    optimizer's slots of what is thawed begin as for a new variable; its step goes on.

    Args:
        model: A live model or layer, changed in place.
        *patterns: Patterns over the addresses of parameters; state is passed over.
        layers: Patterns over the addresses of layers, which with all below them become trainable
            in the framework's own sense.

    Returns:
        The addresses of the parameters that were frozen and now are trained, in the model's order.

    Raises:
        NothingMatched: A pattern matches no weight, or no layer.
        ValueUnavailable: The values are out of reach now, as between the batches of JAX's ``fit``.
        NotBuilt: The model has no parameters yet.
        NotAModel: It is no live model.
        NotSupported: The framework cannot do it by variable (Keras 2).

    Example:
        >>> pm.unfreeze(net, "encoder/dense/**")                         # doctest: +SKIP
        ['encoder/dense/kernel', 'encoder/dense/bias']
    """
    return _set(model, patterns, layers, True)


def _set(
    model: Any, patterns: tuple[str, ...], layers: str | Iterable[str], trainable: bool
) -> list[str]:
    action = "unfreeze" if trainable else "freeze"
    whole = (layers,) if isinstance(layers, str) else tuple(layers)
    if not patterns and not whole:
        raise NothingMatched(
            f"{action} was given neither a pattern nor layers=",
            hint=f"{action}(model, '**') means every weight",
        )
    try:
        subject = subject_of(model, action)
    except NotBuilt as error:
        raise NotBuilt(
            error.message, hint="build it first, or set the layers' own flag: layer.trainable"
        ) from None
    chosen = subject.view.layers.select(*whole) if whole else {}
    weights = _weights(subject, patterns, action) if patterns else []
    flags = {entry.address: trainable for entry in weights if entry.trainable is not trainable}
    if not flags and not chosen:
        return []  # tracing the steps anew takes time
    before = _roles(subject)
    subject.framework.set_trainable(model, flags, layers=dict.fromkeys(chosen, trainable))
    after = _roles(subject_of(model, action))
    return [address for address, role in after.items() if role != before[address]]


def _weights(subject: Subject, patterns: tuple[str, ...], action: str) -> list[Parameter]:
    for pattern in patterns:
        found = subject.view.parameters.select(pattern)
        if all(entry.role == "state" for entry in found.values()):
            first = next(iter(found))
            raise NothingMatched(
                f"{pattern!r} matches no weight in {subject.view.parameters.source}: {first} is "
                "state, which no training changes by gradients",
                hint=f"{action}(model, layers=…) says of a layer whether it updates its state",
            )
    chosen = subject.view.parameters.select(*patterns)
    return [entry for entry in chosen.values() if entry.role != "state"]


def _roles(subject: Subject) -> dict[str, str]:
    return {address: entry.role for address, entry in subject.view.parameters.items()}
