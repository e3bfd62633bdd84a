"""`parametry.reset`: fresh values from each parameter's own declared initializer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from parametry.actions.initialize import Planned, carry_out, checked_seed, note, report
from parametry.actions.subjects import subject_of
from parametry.actions.writing import all_or_nothing
from parametry.core.initialization import Initialization, Initialized
from parametry.core.provenance import Provenance, remember
from parametry.errors import RuleError

__all__ = ["reset"]

_UNKNOWN = "its layer declares no initializer"
_INITIAL = {"class": "OptimizerInitial"}


def reset(
    model: Any,
    *,
    seed: int,
    select: str | Iterable[str] | None = None,
    optimizer: bool = False,
    dry_run: bool = False,
) -> Initialization:
    """Give parameters fresh values from the initializers that their own layers declare.

    A layer that was made with ``kernel_initializer="he_normal"`` gets new He-normal kernels, a
    BatchNorm its moving statistics of 0 and 1 again, an LSTM a bias of 1 for its forget gate.
    Values follow what the framework documents of the initializer, its own fans included; their bits
    depend on the seed and the address alone. What declares nothing is left and said to be: the
    state of random generators, statistics adapted to data, weights quantized by calibration, and
    what a user's class does not tell.

    Args:
        model: A built live model or layer; changed in place.
        seed: Any integer.
        select: A pattern or several; None means all parameters.
        optimizer: Also put the optimizer's slots and its step back to their initial values. Its
            learning rate stays.
        dry_run: Only tell what would be done.

    Returns:
        A report: each parameter with its initializer, or why it was left.

    Raises:
        NotAModel: No registered framework knows the object.
        NotBuilt: The model has no parameters yet.
        NothingMatched: A pattern matches no parameter.
        RuleError: Nothing of what was selected can be reset, there is no optimizer, or the seed is
            no integer.

    Example:
        >>> import parametry as pm
        >>> pm.reset(net, seed=1, select="head/**")  # doctest: +SKIP
    """
    checked = checked_seed(seed)
    if checked is None:
        raise RuleError("reset needs a seed", hint="reset(model, seed=0)")
    subject = subject_of(model, "reset")
    parameters = subject.view.parameters
    patterns = () if select is None else (select,) if isinstance(select, str) else tuple(select)
    chosen = parameters.select(*patterns) if patterns else parameters
    plans: list[Planned] = []
    left: dict[str, str] = {}
    for address, parameter in chosen.items():
        found = subject.framework.declared(model, parameter)
        if found is None:
            left[address] = _UNKNOWN
        else:
            plans.append(Planned(parameter, subject.site(parameter), found))
    if chosen and not plans:
        raise RuleError(
            f"none of {', '.join(list(left)[:3])} can be reset: {_UNKNOWN}",
            hint="initialize(model, {address: initializer}, seed=0) sets it by a rule",
        )
    slots = subject.framework.initial_slots(model) if optimizer else []
    if optimizer and not slots:
        raise RuleError(
            f"{subject.view.name} has no optimizer with slots to reset",
            hint="compile the model and train it first, or leave out optimizer=True",
        )
    if not dry_run:
        with all_or_nothing() as writer:
            carry_out(writer, plans, checked, more=bool(slots))
            for parameter, array in slots:
                writer.write(parameter, array)
        note(plans, "reset", checked)
        for parameter, _ in slots:
            remember(parameter.native, Provenance("reset", dict(_INITIAL)))
    more = {
        each.address: Initialized(each.address, each.shape, each.dtype, (), None, dict(_INITIAL))
        for each, _ in slots
    }
    return report("reset", subject, plans, checked, dry_run=dry_run, rules={}, left=left, more=more)
