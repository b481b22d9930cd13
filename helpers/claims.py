"""Claims that are run: each has a measured and an expected value to fail by."""

import html
import math
from typing import Any

import numpy as np
from IPython.display import display
from numpy.typing import ArrayLike

CLAIM_MIME = "application/vnd.book.claim+json"
HEADLINE_MIME = "application/vnd.book.headline+json"
MEASURED_MIME = "application/vnd.book.measured+json"
ROUNDING = 1e-6  # an entry that is smaller against the largest may be a rounded zero


class RefusedCheck(ValueError, AssertionError):
    """A check that could not have failed, or whose input makes no sense.

    A ``ValueError`` because the call is wrong, and an ``AssertionError`` because
    nothing was verified.
    """


def verify(
    claim: str,
    measured: ArrayLike,
    expected: ArrayLike,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    source: str | None = None,
) -> None:
    """Check that ``measured`` equals ``expected`` and show the claim with both values.

    Numbers and arrays of equal shape pass when
    ``|measured - expected| <= atol + rtol |expected|`` in every entry; without
    tolerances integers must be equal and floats agree to ``rtol=1e-9``. Texts, truth
    values and tuples are compared with ``==``.

    Parameters
    ----------
    claim : str, what is claimed, in the words of the text.
    measured, expected : scalar, array or tensor of the same shape; or str, bool, tuple.
    atol, rtol : float, absolute and relative tolerance, in the units of ``expected``.
    source : str, key in the bibliography, where the expected value is cited.

    Raises
    ------
    AssertionError : the claim does not hold; the message names it.
    RefusedCheck : NaN, infinite or empty values, unequal shapes or kinds, or
        tolerances so wide that zeros would pass for more than half of the entries (not
        counting those that are zero but for rounding), or 0.1 would where only zeros
        are expected.
    """
    _check_words(claim, source)
    if isinstance(expected, (str, bool, np.bool_, tuple)):
        if atol is not None or rtol is not None:
            raise RefusedCheck(
                f"{claim}: a tolerance makes no sense for {_quoted(expected)}"
            )
        return _verify_exact(claim, measured, expected, source)
    measured = _array(claim, "measured", measured)
    expected = _array(claim, "expected", expected)
    if measured.shape != expected.shape:
        raise RefusedCheck(
            f"{claim}: measured has shape {measured.shape}, "
            f"expected has shape {expected.shape}"
        )
    if atol is None and rtol is None:
        integers = all(x.dtype.kind in "iO" for x in (measured, expected))
        rtol = 0.0 if integers else 1e-9
    atol, rtol = _tolerance(claim, "atol", atol), _tolerance(claim, "rtol", rtol)
    with np.errstate(over="ignore"):
        error = np.asarray(np.abs(measured - expected))
        size = np.asarray(np.abs(expected))
        allowed = np.asarray(atol + rtol * size)
    if np.any(size):
        counted = size > ROUNDING * np.max(size)
        if np.mean((size <= allowed)[counted]) > 0.5:
            raise RefusedCheck(f"{claim}: the tolerance is so wide that 0 would pass")
    else:
        _check_zero_tolerance(claim, atol)
    passed = bool(np.all(error <= allowed))
    widest = np.max(allowed)
    if measured.size <= 6:
        digits = 6 if passed else 16
        shown = [_format_numbers(x, allowed, digits) for x in (measured, expected)]
    else:
        shape = "×".join(map(str, measured.shape))
        gap = f"within {_format_tolerance(widest)}"
        gap = gap if passed else f"off by up to {np.max(error):.3g}"
        shown = [f"{shape} values {gap}", _format_range(expected, allowed)]
    up_to = "" if np.min(allowed) == widest else "up to "
    _report(
        "equal",
        claim,
        passed,
        *shown,
        tolerance=f"± {up_to}{_format_tolerance(widest)}",
        show_tolerance=measured.size <= 6 and shown[0] != shown[1],
        source=source,
    )


def verify_at_most(
    claim: str,
    measured: ArrayLike,
    limit: ArrayLike,
    *,
    atol: float = 0.0,
    source: str | None = None,
) -> None:
    """Check ``measured <= limit + atol`` in every entry.

    ``measured`` is a scalar or array, ``limit`` a scalar or an array of the same shape,
    ``source`` a key in the bibliography, where the limit is cited.

    Raises ``AssertionError`` when it does not hold, ``RefusedCheck`` for NaN, an empty
    array, an infinite limit, unequal shapes, or an ``atol`` as large as the limit (for
    a limit of zero: more than 0.1).
    """
    _one_sided("at most", claim, measured, limit, atol, source)


def verify_at_least(
    claim: str,
    measured: ArrayLike,
    limit: ArrayLike,
    *,
    atol: float = 0.0,
    source: str | None = None,
) -> None:
    """Check ``measured >= limit - atol`` in every entry; else as `verify_at_most`."""
    _one_sided("at least", claim, measured, limit, atol, source)


def verify_within_se(
    claim: str, samples: ArrayLike, expected: float, *, sigmas: float = 4.0
) -> None:
    """Check a Monte Carlo mean: off by at most ``sigmas`` standard errors.

    Parameters
    ----------
    samples : array (n,), n >= 20 *independent* draws (of a correlated chain: batch
        means).
    expected : float, the mean that theory gives.
    sigmas : float in (0, 5], how many standard errors of the mean are allowed.

    Raises
    ------
    AssertionError : the mean is further away than that.
    RefusedCheck : fewer than 20 samples, NaN, complex numbers, no spread at all, or so
        much spread that a mean of zero would pass too (unless zero is expected).
    """
    _check_words(claim)
    samples = _real(claim, "samples", samples).astype(float)
    expected = _real(claim, "expected", expected).astype(float)
    if samples.ndim != 1 or samples.size < 20 or expected.ndim:
        raise RefusedCheck(
            f"{claim}: samples has shape {samples.shape}, expected {expected.shape}, "
            "expected at least 20 samples in one row and one number"
        )
    sigmas = _tolerance(claim, "sigmas", sigmas)
    if not 0 < sigmas <= 5:
        raise RefusedCheck(
            f"{claim}: sigmas is {sigmas:g}, expected a number in (0, 5]"
        )
    se = samples.std(ddof=1) / math.sqrt(samples.size)
    if se == 0:
        raise RefusedCheck(f"{claim}: the samples do not vary; use verify")
    if expected != 0 and sigmas * se >= abs(expected):
        raise RefusedCheck(
            f"{claim}: standard error {se:.2g} is too large to tell {expected:g} from 0"
        )
    mean = samples.mean()
    passed = bool(abs(mean - expected) <= sigmas * se)
    shown = [_format_numbers(x, se) for x in (mean, expected)]
    _report(
        "standard error",
        claim,
        passed,
        *shown,
        tolerance=f"± {sigmas:g} standard errors of {se:.1g}",
        show_tolerance=shown[0] != shown[1],
    )


def headline(
    name: str,
    measured: ArrayLike,
    limit: ArrayLike,
    *,
    rtol: float,
    sense: str = "equal",
    unit: str = "",
) -> None:
    """The experiment a chapter is remembered by, against the limit that theory gives.

    Parameters
    ----------
    name : str, what was measured and what the limit is.
    measured, limit : positive scalars, or arrays of the same shape; of an array the
        pair that is worst in the given sense is shown, and all are checked.
    rtol : float in (0, 0.5], the relative distance allowed.
    sense : "equal" (within ``rtol`` on both sides), "at most" or "at least" (on one
        side only).
    unit : str, shown after both numbers.

    Raises as `verify` does.
    """
    _check_words(name)
    measured = _real(name, "measured", measured).astype(float)
    limit = _real(name, "limit", limit).astype(float)
    if measured.shape != limit.shape:
        raise RefusedCheck(
            f"{name}: measured has shape {measured.shape}, limit has {limit.shape}"
        )
    if np.any(measured <= 0) or np.any(limit <= 0):
        raise RefusedCheck(f"{name}: a ratio needs positive numbers")
    rtol = _tolerance(name, "rtol", rtol)
    if not 0 < rtol <= 0.5:
        raise RefusedCheck(f"{name}: rtol is {rtol:g}, expected a number in (0, 0.5]")
    ratio = np.ravel(measured / limit)
    if sense == "equal":
        excess = np.abs(ratio - 1)
    elif sense == "at most":
        excess = ratio - 1
    elif sense == "at least":
        excess = 1 - ratio
    else:
        raise RefusedCheck(
            f"{name}: sense is {sense!r}, expected equal, at most or at least"
        )
    worst = np.argmax(excess)
    m, t = np.ravel(measured)[worst], np.ravel(limit)[worst]
    suffix = f" {unit}" if unit else ""
    shown = [_format_numbers(x, rtol * t / 10) + suffix for x in (m, t)]
    among = f", the worst of {ratio.size}" if ratio.size > 1 else ""
    note = f"ratio {m / t:.4f}{among}"
    if np.any(excess > rtol):
        raise AssertionError(f"{name}: measured {shown[0]}, limit {shown[1]}, {note}")
    _show(
        "★",
        "claim headline",
        name,
        f"measured {shown[0]} · limit {shown[1]} · {note}",
        {
            CLAIM_MIME: _claim_data(sense, name, *shown, note, None),
            HEADLINE_MIME: {
                "name": name,
                "measured": shown[0],
                "limit": shown[1],
                "ratio": f"{m / t:.4f}",
                "count": int(ratio.size),
                "sense": sense,
                "rtol": rtol,
            },
        },
    )


def measured(
    what: str, value: float, beside: tuple[str, float] | None = None, *, unit: str = "s"
) -> None:
    """Show a time or a cost of this run; nothing is claimed, since machines differ.

    Parameters
    ----------
    what : str, what took ``value``, a number >= 0 in ``unit``.
    beside : pair (words, value) of the same run and unit, to compare with; the ratio
        of ``value`` to it is shown too.
    unit : str; seconds ("s") are shown as s, ms, µs or ns.

    Raises `RefusedCheck` for a value that is no finite number >= 0.
    """
    _check_words(what)
    value, ratio = _tolerance(what, "value", value), None
    values = _format_amount(value, unit)
    if beside is not None:
        if not isinstance(beside, (tuple, list)) or len(beside) != 2:
            raise RefusedCheck(
                f"{what}: beside is {_quoted(beside)}, expected (words, value)"
            )
        words, other = beside
        _check_words(words)
        beside = [words, _tolerance(words, "beside", other)]
        values += f" · {words}: {_format_amount(beside[1], unit)}"
        if beside[1] > 0:  # a coarse clock may say 0
            ratio = value / beside[1]
            values += f" · ratio {_format_amount(ratio, '')}"
    data = {
        "what": what,
        "value": value,
        "unit": unit,
        "beside": beside,
        "ratio": ratio,
    }
    _show("≈", "claim measured", what, values, {MEASURED_MIME: data})


# --- what is under the public face ---------------------------------------------------


def _verify_exact(claim, measured, expected, source):
    """Compare texts, truth values or tuples with ``==``."""
    kind = next((k for k in (str, tuple) if isinstance(expected, k)), bool)
    if kind is bool:
        try:
            array = _to_numpy(measured)
        except Exception as error:
            raise RefusedCheck(f"{claim}: measured is {_quoted(measured)}") from error
        if array.dtype.kind == "b" and array.ndim == 0:
            measured, expected = bool(array), bool(expected)
    elif not expected:
        raise RefusedCheck(f"{claim}: expected is empty")
    if not isinstance(measured, kind):
        raise RefusedCheck(
            f"{claim}: measured is {_quoted(measured)}, expected a {kind.__name__}"
        )
    try:
        passed = bool(measured == expected)
    except Exception as error:
        raise RefusedCheck(
            f"{claim}: measured is {_quoted(measured)}, expected what == compares"
        ) from error
    shown = [_format_text(x) for x in (measured, expected)]
    _report("exact", claim, passed, *shown, source=source)


def _one_sided(sense, claim, measured, limit, atol, source):
    _check_words(claim, source)
    measured = _real(claim, "measured", measured)
    limit = _real(claim, "limit", limit)
    if limit.ndim and limit.shape != measured.shape:
        raise RefusedCheck(
            f"{claim}: measured has shape {measured.shape}, limit has {limit.shape}"
        )
    atol = _tolerance(claim, "atol", atol)
    if np.all(limit == 0):
        _check_zero_tolerance(claim, atol)
    elif atol and np.all(np.abs(limit) <= atol):
        raise RefusedCheck(f"{claim}: atol={atol:g} is as wide as the limit itself")
    with np.errstate(over="ignore"):
        slack = limit - measured if sense == "at most" else measured - limit
    slack = np.reshape(slack, measured.shape)
    worst = np.unravel_index(np.argmin(slack), slack.shape)
    at = np.broadcast_to(limit, measured.shape)[worst]
    passed = bool(slack[worst] >= -atol)
    shown = _format_pair(measured[worst], at, apart=not passed)
    among = f" (closest of {measured.size})" if measured.size > 1 else ""
    _report(
        sense,
        claim,
        passed,
        shown[0] + among,
        f"{sense} {shown[1]}",
        tolerance=f"± {_format_tolerance(atol)}" if atol else "",
        show_tolerance=slack[worst] < 0 and shown[0] != shown[1],
        source=source,
    )


def _quoted(value):
    """What was given, on one line, for a message."""
    return " ".join(repr(value).split())[:80]


def _check_words(words, source=None):
    if not isinstance(words, str) or not words.strip():
        raise RefusedCheck(
            f"claim is {_quoted(words)}, expected words that say what it is"
        )
    if len(words.splitlines()) > 1:
        raise RefusedCheck(f"{words!r}: claim has a line break, expected one line")
    if source is not None and (not isinstance(source, str) or not source.strip()):
        raise RefusedCheck(
            f"{words}: source is {_quoted(source)}, expected a key in the bibliography"
        )


def _check_zero_tolerance(claim, atol):
    if atol > 0.1:
        raise RefusedCheck(f"{claim}: atol={atol:g} is too wide where zero is expected")


def _to_numpy(value):
    if hasattr(value, "detach"):  # a torch tensor; NumPy has no bfloat16
        value = value.detach().cpu().resolve_conj().resolve_neg()
        value = (value.double() if value.is_floating_point() else value).numpy()
    return np.asarray(value)


def _array(claim, name, value):
    """A finite, non-empty array of int64, float64, complex128 or Python integers.

    Narrow types are left behind, since in them differences wrap around and tolerances
    vanish; so is int64 beyond 2**62, where Python's own integers take over.
    """
    try:
        array = _to_numpy(value)
        kind = array.dtype.kind
        if kind == "O" and all(isinstance(x, (int, np.integer)) for x in array.flat):
            kind = "i"
        if array.size == 0:
            raise ValueError("empty")
        if kind in "biu":
            ends = int(array.min()), int(array.max())
            if max(map(abs, ends)) < 2**62:
                return array.astype(np.int64)
            float(max(map(abs, ends)))  # one that no float can hold is refused
            exact = np.empty(array.shape, dtype=object)
            exact.flat = [int(x) for x in array.flat]
            return exact
        if kind not in "fcO":
            raise TypeError(f"{array.dtype} holds no numbers")
        array = array.astype(np.complex128 if kind == "c" else np.float64)
    except Exception as error:  # what a tensor can raise is torch's to know
        raise RefusedCheck(
            f"{claim}: {name} is {_quoted(value)}, expected numbers"
        ) from error
    if not np.all(np.isfinite(array)):
        raise RefusedCheck(f"{claim}: {name} holds NaN or infinite values")
    return array


def _real(claim, name, value):
    array = _array(claim, name, value)
    if np.iscomplexobj(array):
        raise RefusedCheck(f"{claim}: {name} is complex, expected real numbers")
    return array


def _tolerance(claim, name, value):
    """A finite float >= 0; ``None`` is 0."""
    try:
        if isinstance(value, (str, bytes, bool)):
            raise TypeError("no number")
        value = 0.0 if value is None else float(value)
    except Exception as error:
        raise RefusedCheck(
            f"{claim}: {name} is {_quoted(value)}, expected a number"
        ) from error
    if not (math.isfinite(value) and value >= 0):
        raise RefusedCheck(
            f"{claim}: {name} is {value!r}, expected a finite number >= 0"
        )
    return value


def _format_numbers(x, tolerance, most=6):
    """Digits that mean something: one beyond the tolerance, ``most`` at most."""
    x = np.asarray(x)
    tolerance = np.broadcast_to(tolerance, x.shape)
    if x.ndim:
        entries = (
            _format_numbers(a, t, most) for a, t in zip(x, tolerance, strict=True)
        )
        return f"[{', '.join(entries)}]"
    x, tolerance = x.item(), float(tolerance)
    if x == 0:
        return "0"
    if isinstance(x, int):
        return str(x)
    if isinstance(x, complex):
        return f"{x:.{max(most - 2, 4)}g}"
    if abs(x) <= tolerance:
        return f"{x:.1g}"
    digits = most
    if tolerance > 0:
        digits = math.ceil(math.log10(abs(x) / tolerance)) + 1
    whole = math.ceil(math.log10(abs(x))) if 1 < abs(x) < 1e6 else 0
    digits = max(min(max(digits, 2), most), whole)
    return f"{x:#.{digits}g}".rstrip(".") if digits < 4 else f"{x:.{digits}g}"


def _format_pair(a, b, apart):
    """Two real numbers in four digits; in so many that one can tell them ``apart``."""
    for digits in range(4, 18):
        shown = [
            str(x) if isinstance(x, (int, np.integer)) else f"{x:.{digits}g}"
            for x in (a, b)
        ]
        if not apart or shown[0] != shown[1]:
            break
    return shown


def _format_range(x, allowed):
    x = np.abs(x) if np.iscomplexobj(x) else x
    rounded = ROUNDING * np.max(np.abs(x))
    ends = (end if abs(end) > rounded else 0 for end in (x.min(), x.max()))
    low, high = (_format_numbers(end, np.max(allowed)) for end in ends)
    return f"{low} everywhere" if low == high else f"{low} to {high}"


def _format_tolerance(x):
    return f"{x:.2g}"


def _format_text(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _format_amount(x, unit):
    """``x`` in three digits; seconds in s, ms, µs or ns."""
    if unit == "s" and 0 < x < 1:
        scales = {"ms": 1e-3, "µs": 1e-6, "ns": 1e-9}
        unit = next((name for name, scale in scales.items() if x >= scale), "ns")
        x /= scales[unit]
    return f"{x:.3g} {unit}".rstrip() if x < 1000 else f"{x:,.0f} {unit}".rstrip()


def _claim_data(kind, claim, measured, expected, tolerance, source) -> dict[str, Any]:
    return {
        "claim": claim,
        "kind": kind,
        "measured": measured,
        "expected": expected,
        "tolerance": tolerance,
        "source": source,
    }


def _report(
    kind,
    claim,
    passed,
    measured,
    expected,
    *,
    tolerance="",
    show_tolerance=False,
    source=None,
):
    """Show a claim that holds; raise an ``AssertionError`` for one that does not."""
    if not passed:
        raise AssertionError(
            f"{claim}: measured {measured}, expected {expected} {tolerance}".rstrip()
        )
    values = f"measured {measured} · expected {expected}"
    values += f" {tolerance}" if show_tolerance else ""
    values += f" · source: {source}" if source else ""
    data = _claim_data(kind, claim, measured, expected, tolerance, source)
    _show("✓", "claim", claim, values, {CLAIM_MIME: data})


def _show(mark, css, what, values, bundle):
    display(
        {
            "text/plain": f"{mark} {what}: {values}",
            "text/html": f'<div class="{css}"><span class="tick">{mark}</span> '
            f'<span class="what">{html.escape(what)}</span> '
            f'<span class="values">{html.escape(values)}</span></div>',
            **bundle,
        },
        raw=True,
    )
