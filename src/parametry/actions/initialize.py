"""`parametry.initialize`: initial values by rules over addresses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from parametry.actions.given import initializer_of, is_random
from parametry.actions.lsuv import scale_by_sample
from parametry.actions.rules import winners
from parametry.actions.subjects import Subject, subject_of
from parametry.actions.writing import Writer, all_or_nothing
from parametry.core.dtype import kind
from parametry.core.initialization import Initialization, Initialized
from parametry.core.initializer import Initializer, Site
from parametry.core.parameter import Parameter
from parametry.core.provenance import Provenance, remember
from parametry.errors import NothingMatched, ParametryError, RuleError
from parametry.initializers.lsuv import LSUV

__all__ = ["Planned", "carry_out", "initialize", "report"]

# What takes a seed that nothing is drawn with.
_NO_SEED = 0


@dataclass(frozen=True, slots=True)
class Planned:
    """One parameter that is to be set.

    Attributes:
        parameter: Which one.
        site: What its initializer knows of it.
        initializer: What makes its values.
        rule: The pattern of the rule that decided; None in a reset.
    """

    parameter: Parameter
    site: Site
    initializer: Initializer
    rule: str | None = None


def initialize(
    model: Any,
    rules: Mapping[str, Any],
    *,
    seed: int | None = None,
    dry_run: bool = False,
    sample: Any = None,
    input_shape: Any = None,
) -> Initialization:
    """Set a model's parameters by rules, and tell which rule set which.

    A rule is a pattern over addresses, aliases included, and what it gives: a number, an array, an
    initializer of parametry's or of the framework's, the name of one of the framework's, or a
    callable ``(shape, dtype, rng) -> array``. The last rule that matches a parameter wins. They
    reach the model's own parameters, state such as moving statistics among them where the pattern
    matches it, and never the optimizer's slots. Integers (a dropout's seed, quantized weights) are
    reached by their exact address alone.

    Values depend on the seed, the address, the shape, the dtype and the initializer, and on nothing
    else: not on other layers, the backend or the number of threads. Everything is checked before
    anything is written; if writing fails, what was written is put back.

    Args:
        model: A live model or layer; its parameters are changed in place.
        rules: Pattern to what it sets.
        seed: Any integer; needed where something is random.
        dry_run: Only tell what would be done.
        sample: A batch of input. It builds a model that is not built yet (also in a dry run), and
            `parametry.lsuv` scales by what it shows.
        input_shape: Builds it from the input's shape with the batch axis, as ``(None, 28, 28, 1)``.

    Returns:
        A report: each parameter with the rule and initializer that set it, or that nothing did.

    Raises:
        NotAModel: No registered framework knows the object.
        NotBuilt: The model has no parameters yet.
        NothingMatched: A pattern matches no parameter.
        PatternError: A pattern cannot be read.
        RuleError: A rule cannot be followed: two that reach one tied array differently, another
            shape or kind, NaN, a seed that is missing.

    Example:
        >>> import parametry as pm
        >>> rules = {"**/kernel": pm.normal(0, 0.01), "**/bias": 0}  # doctest: +SKIP
        >>> pm.initialize(net, rules, seed=0)  # doctest: +SKIP
    """
    if not isinstance(rules, Mapping):
        raise RuleError(
            f"rules are a mapping from pattern to value, not {type(rules).__name__}",
            hint="initialize(model, {'**/kernel': 'he_normal', '**/bias': 0}, seed=0)",
        )
    checked = checked_seed(seed)
    subject = subject_of(model, "initialize", sample=sample, input_shape=input_shape)
    parameters = subject.view.parameters
    try:
        rule_of = winners(rules, parameters)
    except NothingMatched as error:
        raise subject.not_built(error) or error from None
    plans = [
        Planned(parameters[address], site, initializer, pattern)
        for address, pattern in rule_of.items()
        for site in (subject.site(parameters[address]),)
        for initializer in (
            initializer_of(rules[pattern], site, checked, pattern, subject.framework),
        )
    ]
    if any(isinstance(plan.initializer, LSUV) for plan in plans) and sample is None:
        raise RuleError(
            "lsuv() scales by what a batch of input shows, and there is none",
            hint="initialize(model, rules, seed=0, sample=x[:64])",
        )
    if not dry_run:
        with all_or_nothing() as writer:
            scaled = [plan for plan in plans if isinstance(plan.initializer, LSUV)]
            carry_out(writer, plans, checked, more=bool(scaled))
            if scaled:
                scale_by_sample(subject, writer, scaled, sample)
        note(plans, "initialize", checked)
    counted = Counter(rule_of.values())
    return report(
        "initialize",
        subject,
        plans,
        checked,
        dry_run=dry_run,
        rules={rule: counted[rule] for rule in rules},
    )


def checked_seed(seed: Any) -> int | None:
    """The seed as Python's own integer, or None."""
    if seed is None:
        return None
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)):
        raise RuleError(f"a seed is an integer, not {seed!r}", hint="seed=0")
    return int(seed)


def carry_out(
    writer: Writer, plans: Sequence[Planned], seed: int | None, *, more: bool = False
) -> None:
    """Make and write the values of one parameter after the other.

    The largest comes last: its old values need not be kept, so one array takes no more than itself.

    Args:
        writer: What to write with.
        plans: What to write.
        seed: The seed that was given.
        more: Whether something is written afterwards.
    """
    ordered = sorted(plans, key=lambda plan: plan.parameter.nbytes)
    for index, plan in enumerate(ordered):
        array = _values(plan, _NO_SEED if seed is None else seed)
        writer.write(plan.parameter, array, last=not more and index == len(ordered) - 1)


def _values(plan: Planned, seed: int) -> NDArray[Any]:
    """What an initializer gives; refuses what is beside its contract."""
    site = plan.site
    try:
        array = plan.initializer.values(site, seed)
    except (ParametryError, MemoryError):
        raise
    except Exception as error:  # a user's own code
        raise RuleError(
            f"the initializer of {site.address} raised {type(error).__name__}: {error}",
            hint="give that parameter a rule of its own: initialize(model, {address: value})",
        ) from error
    if array.shape != site.shape or array.dtype.name != site.dtype:
        raise RuleError(
            f"the initializer of {site.address} gave {array.dtype.name} {array.shape}, "
            f"{site.dtype} {site.shape} was asked for",
            hint="values(site, seed) gives an array of the site's shape and dtype",
        )
    # An array's extremes are NaN where any of its values is.
    extremes = [array.max(), array.min()] if kind(array.dtype) == "float" and array.size else []
    if not np.isfinite(np.array(extremes, "float64")).all():
        raise RuleError(
            f"the initializer of {site.address} gave NaN or infinite values",
            hint=f"choose a smaller spread for {site.dtype}",
        )
    return array


def note(plans: Sequence[Planned], action: str, seed: int | None) -> None:
    """Remember of each variable where its values came from."""
    for plan in plans:
        remember(
            plan.parameter.native,
            Provenance(
                action,
                plan.initializer.to_plain(),
                seed if is_random(plan.initializer) else None,
                plan.site.address,
                rule=plan.rule,
            ),
        )


def report(
    action: Literal["initialize", "reset"],
    subject: Subject,
    plans: Sequence[Planned],
    seed: int | None,
    *,
    dry_run: bool,
    rules: Mapping[str, int],
    left: Mapping[str, str] | None = None,
    more: Mapping[str, Initialized] | None = None,
) -> Initialization:
    """The report of what was planned, over all of the model's parameters.

    Args:
        action: What was done.
        subject: The model.
        plans: What was set.
        seed: The seed that was given.
        dry_run: Whether nothing was written.
        rules: How many parameters each rule set.
        left: Why others were left, by address.
        more: Further entries, as the optimizer's.
    """
    planned = {plan.parameter.address: plan for plan in plans}
    entries: dict[str, Initialized] = {}
    for address, entry in subject.view.parameters.items():
        plan = planned.get(address)
        entries[address] = Initialized(
            address,
            entry.shape,
            entry.dtype,
            entry.aliases,
            None if plan is None else plan.rule,
            None if plan is None else plan.initializer.to_plain(),
            getattr(plan.initializer, "note", "") if plan else (left or {}).get(address, ""),
        )
    return Initialization(
        action, subject.view.name, seed, dry_run, {**entries, **(more or {})}, dict(rules)
    )
