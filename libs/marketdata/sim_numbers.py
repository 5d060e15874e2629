"""Random numbers and functions that are the same to the last bit on every machine.

A stream of uniforms is keyed by what it is for, so that nothing drawn for one share or one purpose moves what is drawn
for another, and a longer stream begins as the shorter one does. Everything after that uses additions, multiplications,
divisions and square roots alone, which IEEE 754 fixes; the exponentials of libraries differ in their last bits between
processors, and a market fed by them would differ one day by a fen.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_LN2_HIGH = 0.693147180369123816490
_LN2_LOW = 1.90821492927058770002e-10
_SQRT_HALF = 0.7071067811865476
_FACTORS = (13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
_EDGE = 1e-10
_CENTRE = 0.425


def stream(seed: int, purpose: str, key: str = "") -> np.random.Generator:
    """The random numbers of one purpose and one key (a symbol, a period)."""
    words = [zlib.crc32(word.encode()) for word in (purpose, key)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def exp(x: Floats) -> Floats:
    """e to the power of x, |x| < 700, to the last bit the same everywhere."""
    turns = np.rint(x / (_LN2_HIGH + _LN2_LOW))
    rest = (x - turns * _LN2_HIGH) - turns * _LN2_LOW
    series = np.ones_like(rest)
    for factor in _FACTORS:
        series = 1 + series * rest / factor
    raised: Floats = np.ldexp(series, turns.astype(np.int32))
    return raised


def log(x: Floats) -> Floats:
    """The natural logarithm of positive numbers."""
    mantissa: Floats
    mantissa, power = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, 2 * mantissa, mantissa)
    scale: Floats = (power - small).astype(np.float64)
    s = (mantissa - 1) / (mantissa + 1)
    square = s * s
    series = np.zeros_like(s)
    for odd in range(21, 0, -2):
        series = series * square + 1 / odd
    found: Floats = scale * _LN2_HIGH + (2 * s * series + scale * _LN2_LOW)
    return found


def normal(u: Floats) -> Floats:
    """Standard normal numbers out of uniform ones: the inverse of the distribution (Wichura 1988, algorithm AS 241)."""
    u = np.clip(u, _EDGE, 1 - _EDGE)
    q = u - 0.5
    r = _CENTRE * _CENTRE - np.minimum(q * q, _CENTRE * _CENTRE)
    central = q * _ratio(r, _CENTRAL)
    outer = np.abs(q) > _CENTRE
    found: Floats = central
    if outer.any():
        edge = np.minimum(u[outer], 1 - u[outer])
        far = _ratio(np.sqrt(-log(edge)) - 1.6, _OUTER)
        found[outer] = np.where(q[outer] < 0, -far, far)
    return found


def fat(z: Floats, fatness: float) -> Floats:
    """Normal numbers with fatter tails and the same variance (Tukey's h): tail index 1 / fatness."""
    shrink = np.sqrt(1 - 2 * fatness)
    stretched: Floats = z * exp(np.minimum(z * z * (fatness / 2), 5.0)) * np.sqrt(shrink * shrink * shrink)
    return stretched


def totals(values: Floats, group: NDArray[np.int64], groups: int) -> Floats:
    """Sums by group, in order: unlike pairwise sums they do not change in their last bits when zeros are appended."""
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def _ratio(r: Floats, pair: tuple[tuple[float, ...], tuple[float, ...]]) -> Floats:
    above, below = np.zeros_like(r), np.zeros_like(r)
    for a, b in zip(reversed(pair[0]), reversed(pair[1]), strict=True):
        above, below = above * r + a, below * r + b
    found: Floats = above / below
    return found


_CENTRAL = (
    (
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_OUTER = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
