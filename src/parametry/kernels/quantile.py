"""Constants of the normal distribution's quantile and of the logarithm, in two precisions.

Sources: Michael J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution",
Applied Statistics 37 (1988): PPND7 for float32, PPND16 for float64. The logarithm's are those of
``e_logf.c`` and ``e_log.c`` in FreeBSD's msun, which is Sun's fdlibm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

__all__ = ["DOUBLE", "SINGLE", "Precision"]


@dataclass(frozen=True, slots=True)
class Precision:
    """What the arithmetic of one precision needs; all floating-point numbers are of its dtype.

    Attributes:
        dtype: The floating-point dtype.
        integer: The signed integer of the same width.
        word: The unsigned one: each value is made of one such word of random bits.
        spare_bits: How many bits of a word the significand cannot hold.
        mantissa_bits: How many bits the significand is stored in.
        exponent_bias: What the stored exponent is above the real one.
        root_half: The bits of a number just below the square root of one half.
        centre: Coefficients of the quantile around the median: numerator, denominator.
        tail: The same for the tail, in ``sqrt(-log(p)) - 1.6``.
        far_tail: The same for the far tail, in ``sqrt(-log(p)) - 5``; empty where the precision's
            smallest probability does not get there.
        logarithm: Coefficients of the logarithm.
        log2_high: The logarithm of 2, with trailing zeros, so that products with exponents are
            exact.
        log2_low: The rest of it.
    """

    dtype: np.dtype[Any]
    integer: np.dtype[Any]
    word: np.dtype[Any]
    spare_bits: int
    mantissa_bits: int
    exponent_bias: int
    root_half: int
    centre: tuple[tuple[Any, ...], tuple[Any, ...]]
    tail: tuple[tuple[Any, ...], tuple[Any, ...]]
    far_tail: tuple[tuple[Any, ...], tuple[Any, ...]]
    logarithm: tuple[Any, ...]
    log2_high: Any
    log2_low: Any


def _single(*numbers: float) -> tuple[Any, ...]:
    return tuple(np.float32(number) for number in numbers)


def _double(*numbers: float) -> tuple[Any, ...]:
    return tuple(np.float64(number) for number in numbers)


# Coefficients are in the order of their powers, the constant first.
SINGLE: Final = Precision(
    dtype=np.dtype(np.float32),
    integer=np.dtype(np.int32),
    word=np.dtype(np.uint32),
    spare_bits=8,
    mantissa_bits=23,
    exponent_bias=127,
    root_half=0x3F3504F3,
    centre=(
        _single(3.3871327179, 5.0434271938e1, 1.5929113202e2, 5.9109374720e1),
        _single(1.0, 1.7895169469e1, 7.8757757664e1, 6.7187563600e1),
    ),
    tail=(
        _single(1.4234372777, 2.7568153900, 1.3067284816, 1.7023821103e-1),
        _single(1.0, 7.3700164250e-1, 1.2021132975e-1),
    ),
    # The smallest probability is 2**-33, where sqrt(-log(p)) is 4.8.
    far_tail=((), ()),
    logarithm=_single(0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841),
    log2_high=np.float32(6.9313812256e-1),
    log2_low=np.float32(9.0580006145e-6),
)

DOUBLE: Final = Precision(
    dtype=np.dtype(np.float64),
    integer=np.dtype(np.int64),
    word=np.dtype(np.uint64),
    spare_bits=11,
    mantissa_bits=52,
    exponent_bias=1023,
    root_half=0x3FE6A09E00000000,
    centre=(
        _double(
            3.3871328727963666080e0,
            1.3314166789178437745e2,
            1.9715909503065514427e3,
            1.3731693765509461125e4,
            4.5921953931549871457e4,
            6.7265770927008700853e4,
            3.3430575583588128105e4,
            2.5090809287301226727e3,
        ),
        _double(
            1.0,
            4.2313330701600911252e1,
            6.8718700749205790830e2,
            5.3941960214247511077e3,
            2.1213794301586595867e4,
            3.9307895800092710610e4,
            2.8729085735721942674e4,
            5.2264952788528545610e3,
        ),
    ),
    tail=(
        _double(
            1.42343711074968357734e0,
            4.63033784615654529590e0,
            5.76949722146069140550e0,
            3.64784832476320460504e0,
            1.27045825245236838258e0,
            2.41780725177450611770e-1,
            2.27238449892691845833e-2,
            7.74545014278341407640e-4,
        ),
        _double(
            1.0,
            2.05319162663775882187e0,
            1.67638483018380384940e0,
            6.89767334985100004550e-1,
            1.48103976427480074590e-1,
            1.51986665636164571966e-2,
            5.47593808499534494600e-4,
            1.05075007164441684324e-9,
        ),
    ),
    far_tail=(
        _double(
            6.65790464350110377720e0,
            5.46378491116411436990e0,
            1.78482653991729133580e0,
            2.96560571828504891230e-1,
            2.65321895265761230930e-2,
            1.24266094738807843860e-3,
            2.71155556874348757815e-5,
            2.01033439929228813265e-7,
        ),
        _double(
            1.0,
            5.99832206555887937690e-1,
            1.36929880922735805310e-1,
            1.48753612908506148525e-2,
            7.86869131145613259100e-4,
            1.84631831751005468180e-5,
            1.42151175831644588870e-7,
            2.04426310338993978564e-15,
        ),
    ),
    logarithm=_double(
        6.666666666666735130e-01,
        3.999999999940941908e-01,
        2.857142874366239149e-01,
        2.222219843214978396e-01,
        1.818357216161805012e-01,
        1.531383769920937332e-01,
        1.479819860511658591e-01,
    ),
    log2_high=np.float64(6.93147180369123816490e-01),
    log2_low=np.float64(1.90821492927058770002e-10),
)
