"""Layer-sequential unit variance: scaling kernels by what a sample shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from parametry.actions.writing import Writer
from parametry.core.dtype import cast
from parametry.errors import RuleError
from parametry.initializers.lsuv import LSUV

if TYPE_CHECKING:
    from parametry.actions.initialize import Planned
    from parametry.actions.subjects import Subject

__all__ = ["scale_by_sample"]


def scale_by_sample(
    subject: Subject, writer: Writer, plans: Sequence[Planned], sample: Any
) -> None:
    """Scale kernels, in the order in which their layers are called, to outputs of unit variance.

    The kernels hold their orthonormal start already. After each scaling the model is run again, so
    that a layer is measured with all before it in place. Nothing but the kernels is changed.

    Args:
        subject: The model.
        writer: What to write with.
        plans: The kernels, each with an `LSUV` for its initializer.
        sample: A batch of input.

    Raises:
        RuleError: A layer is not called on the sample, or its output has no variance.

    Source: Dmytro Mishkin, Jiri Matas, "All you need is a good init", ICLR 2016, algorithm 1.
    """
    kernels = {plan.parameter.layer: plan for plan in plans}
    if len(kernels) < len(plans):
        twice = next(p for p in plans if kernels[p.parameter.layer] is not p)
        raise RuleError(
            f"lsuv() sets two parameters of {twice.parameter.layer!r}, and its output tells the "
            "scale of one alone",
            hint="name its kernel alone",
        )
    with subject.framework.outputs(subject.model, kernels, sample) as run:
        try:
            called = list(run())
        except Exception as error:
            raise RuleError(
                f"lsuv() could not run {subject.view.name} on the sample, or read what its layers "
                f"give: {type(error).__name__}: {error}",
                hint="the sample is a batch as the model is called with; cells of recurrent layers "
                "cannot be watched on every backend: give them orthogonal()",
            ) from error
        for layer, plan in kernels.items():
            if layer not in called:
                raise RuleError(
                    f"lsuv() cannot scale {plan.parameter.address}: the sample does not reach "
                    f"{layer!r}",
                    hint="give that parameter a rule of its own",
                )
        for layer in called:
            plan = kernels[layer]
            lsuv = plan.initializer
            assert isinstance(lsuv, LSUV)
            for _ in range(lsuv.iterations):
                variance = float(np.var(run()[layer], dtype=np.float64))
                if lsuv.reached(variance):
                    break
                address = plan.parameter.address
                scaled = plan.parameter.numpy().astype(np.float64) * lsuv.factor(variance, address)
                writer.write(plan.parameter, cast(scaled, plan.site.dtype, address=address))
