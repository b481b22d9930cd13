"""Claims that are run: each states a measured and an expected value and fails when they part."""

import html
import math

import numpy as np
from IPython.display import display

CLAIM_MIME = "application/vnd.book.claim+json"
HEADLINE_MIME = "application/vnd.book.headline+json"


class RefusedCheck(ValueError, AssertionError):
    """A check that could not have failed, or whose input makes no sense.

    Both a ``ValueError`` (the call is wrong) and an ``AssertionError`` (nothing was verified).
    """


def verify(claim, measured, expected, *, atol=None, rtol=None):
    """Check that ``measured`` equals ``expected`` and show the claim with both values.

    Numbers and arrays of equal shape pass when ``|measured - expected| <= atol + rtol |expected|``
    in every entry; without tolerances integers must be equal and floats agree to ``rtol=1e-9``.
    Strings, booleans and tuples are compared with ``==``.

    Parameters
    ----------
    claim : str, what is claimed, in the words of the text.
    measured, expected : scalar, array or tensor of the same shape; or str, bool, tuple.
    atol, rtol : float, absolute and relative tolerance, in the units of ``expected``.

    Raises
    ------
    AssertionError : the claim does not hold; the message names it.
    RefusedCheck : NaN, infinite or empty values, unequal shapes, or tolerances so wide that an
        answer of all zeros (or, where zeros are expected, one of size 0.1) would pass.
    """
    _check_name(claim)
    if isinstance(expected, (str, bool, np.bool_, tuple)):
        if atol is not None or rtol is not None:
            raise RefusedCheck(f"{claim}: a tolerance makes no sense for {expected!r}")
        same = isinstance(measured, type(expected)) or isinstance(expected, (bool, np.bool_))
        passed = same and measured == expected
        return _report("exact", claim, passed, _text(measured), _text(expected))
    measured, expected = _array(claim, "measured", measured), _array(claim, "expected", expected)
    if measured.shape != expected.shape:
        raise RefusedCheck(
            f"{claim}: measured has shape {measured.shape}, expected has shape {expected.shape}"
        )
    if atol is None and rtol is None:
        exact = all(np.issubdtype(x.dtype, np.integer) for x in (measured, expected))
        atol, rtol = 0.0, 0.0 if exact else 1e-9
    atol, rtol = _tolerance(claim, "atol", atol), _tolerance(claim, "rtol", rtol)
    allowed = atol + rtol * np.abs(expected)
    if np.any(expected != 0):
        if np.all(np.abs(expected) <= allowed):
            raise RefusedCheck(f"{claim}: the tolerance is so wide that zero would pass")
    elif atol > 0.1:
        raise RefusedCheck(f"{claim}: atol={atol:g} is too wide for an expected value of zero")
    passed = bool(np.all(np.abs(measured - expected) <= allowed))
    if measured.size <= 6:
        shown = [_numbers(x, allowed) for x in (measured, expected)]
    else:
        size = "×".join(map(str, measured.shape))
        error = np.max(np.abs(measured - expected))
        gap = f"within {_short(np.max(allowed))}" if passed else f"off by up to {error:.3g}"
        shown = [f"{size} values {gap}", _range(expected, allowed)]
    return _report("equal", claim, passed, *shown, f"± {_short(np.max(allowed))}")


def verify_at_most(claim, measured, limit, *, atol=0.0):
    """Check ``measured <= limit + atol`` in every entry.

    ``measured`` is a scalar or array, ``limit`` a scalar or an array of the same shape.

    Raises ``AssertionError`` when it does not hold, ``RefusedCheck`` for NaN, an empty array, an
    infinite limit, unequal shapes, or an ``atol`` as large as the limit.
    """
    return _one_sided("at most", claim, measured, limit, atol)


def verify_at_least(claim, measured, limit, *, atol=0.0):
    """Check ``measured >= limit - atol`` in every entry; otherwise as `verify_at_most`."""
    return _one_sided("at least", claim, measured, limit, atol)


def verify_within_se(claim, samples, expected, *, sigmas=4.0):
    """Check a Monte Carlo mean: ``|mean(samples) - expected| <= sigmas`` standard errors.

    Parameters
    ----------
    samples : array (n,), n >= 20 *independent* draws (of a correlated chain: batch means).
    expected : float, the mean that theory gives.
    sigmas : float in (0, 5], how many standard errors of the mean are allowed.

    Raises
    ------
    AssertionError : the mean is further away than that.
    RefusedCheck : fewer than 20 samples, NaN, no spread at all, or so much spread that a mean of
        zero would pass too (unless zero is expected).
    """
    _check_name(claim)
    samples, expected = _array(claim, "samples", samples), _array(claim, "expected", expected)
    if samples.ndim != 1 or samples.size < 20 or expected.ndim:
        raise RefusedCheck(f"{claim}: expected at least 20 samples in one row and one number")
    if not 0 < sigmas <= 5:
        raise RefusedCheck(f"{claim}: sigmas is {sigmas!r}, expected a number in (0, 5]")
    se = samples.std(ddof=1) / math.sqrt(samples.size)
    if se == 0:
        raise RefusedCheck(f"{claim}: the samples do not vary; use verify")
    if expected != 0 and sigmas * se >= abs(expected):
        raise RefusedCheck(f"{claim}: standard error {se:.2g} is too large to tell {expected:g} from 0")
    measured = samples.mean()
    passed = bool(abs(measured - expected) <= sigmas * se)
    return _report(
        "standard error", claim, passed, _numbers(measured, se), _numbers(expected, se),
        f"± {sigmas:g} standard errors of {se:.1g}",
    )


def headline(name, measured, limit, *, rtol, sense="equal", unit=""):
    """The experiment a chapter is remembered by, checked against the limit theory gives.

    Parameters
    ----------
    name : str, what was measured and what the limit is.
    measured, limit : positive scalars, or arrays of the same shape; of an array the pair whose
        ratio is furthest from 1 is shown, and all are checked.
    rtol : float in (0, 0.5], the relative distance allowed.
    sense : "equal" (within ``rtol`` on both sides), "at most" or "at least" (on one side only).
    unit : str, shown after both numbers.

    Raises as `verify` does.
    """
    _check_name(name)
    measured, limit = _array(name, "measured", measured), _array(name, "limit", limit)
    if measured.shape != limit.shape:
        raise RefusedCheck(f"{name}: measured has shape {measured.shape}, limit has {limit.shape}")
    if np.any(measured <= 0) or np.any(limit <= 0):
        raise RefusedCheck(f"{name}: a ratio needs positive numbers")
    if not 0 < rtol <= 0.5:
        raise RefusedCheck(f"{name}: rtol is {rtol!r}, expected a number in (0, 0.5]")
    if sense not in ("equal", "at most", "at least"):
        raise RefusedCheck(f"{name}: sense is {sense!r}, expected equal, at most or at least")
    ratio = np.atleast_1d(measured / limit)
    excess = {"equal": np.abs(ratio - 1), "at most": ratio - 1, "at least": 1 - ratio}[sense]
    worst = int(np.argmax(excess if sense != "equal" else np.abs(np.log(ratio))))
    m, t = float(np.ravel(measured)[worst]), float(np.ravel(limit)[worst])
    shown = [f"{_numbers(x, rtol * t / 10)}{' ' + unit if unit else ''}" for x in (m, t)]
    headline_data = {
        "name": name, "measured": shown[0], "limit": shown[1], "ratio": f"{m / t:.4f}",
        "count": int(ratio.size), "sense": sense, "rtol": rtol,
    }
    note = f"ratio {m / t:.4f}" + (f", the worst of {ratio.size}" if ratio.size > 1 else "")
    return _report(sense, name, bool(np.all(excess <= rtol)), *shown, note, headline_data)


# --- what is under the public face ---------------------------------------------------------------


def _one_sided(sense, claim, measured, limit, atol):
    _check_name(claim)
    measured, limit = _array(claim, "measured", measured), _array(claim, "limit", limit)
    if np.iscomplexobj(measured) or np.iscomplexobj(limit):
        raise RefusedCheck(f"{claim}: complex numbers have no order")
    if limit.ndim and limit.shape != measured.shape:
        raise RefusedCheck(f"{claim}: measured has shape {measured.shape}, limit {limit.shape}")
    atol = _tolerance(claim, "atol", atol)
    if atol and np.any(limit != 0) and np.all(np.abs(limit) <= atol):
        raise RefusedCheck(f"{claim}: atol={atol:g} is as wide as the limit itself")
    slack = limit - measured if sense == "at most" else measured - limit
    worst = np.unravel_index(np.argmin(slack), slack.shape)
    at = np.broadcast_to(limit, measured.shape)[worst]
    among = f" (closest of {measured.size})" if measured.size > 1 else ""
    shown = ["0" if abs(x) <= atol else f"{x:.4g}" for x in (measured[worst], at)]
    passed = bool(np.all(slack >= -atol))
    return _report(sense, claim, passed, shown[0] + among, f"{sense} {shown[1]}")


def _check_name(claim):
    if not isinstance(claim, str) or not claim.strip():
        raise RefusedCheck(f"claim is {claim!r}, expected a sentence that says what is claimed")


def _array(claim, name, value):
    """Turn a scalar, sequence, array or tensor into a finite, non-empty numeric array."""
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    try:
        array = np.asarray(value)
        array = array if array.dtype.kind in "iufcb" else array.astype(float)
    except (TypeError, ValueError) as error:
        raise RefusedCheck(f"{claim}: {name} is {value!r}, expected numbers") from error
    if array.dtype.kind == "b":
        array = array.astype(int)
    if array.size == 0:
        raise RefusedCheck(f"{claim}: {name} is empty")
    if not np.all(np.isfinite(array)):
        raise RefusedCheck(f"{claim}: {name} holds NaN or infinite values")
    return array


def _tolerance(claim, name, value):
    value = 0.0 if value is None else float(value)
    if not (math.isfinite(value) and value >= 0):
        raise RefusedCheck(f"{claim}: {name} is {value!r}, expected a finite number >= 0")
    return value


def _numbers(x, tolerance):
    """Digits that mean something: one beyond the tolerance, six at most."""
    x, tolerance = np.asarray(x), np.broadcast_to(tolerance, np.shape(x))
    if x.ndim:
        return "[" + ", ".join(_numbers(a, t) for a, t in zip(x, tolerance)) + "]"
    x, tolerance = x.item(), float(tolerance)
    if isinstance(x, int):
        return str(x)
    if isinstance(x, complex):
        return f"{x:.4g}"
    if abs(x) <= tolerance:
        return "0"
    digits = 6 if tolerance == 0 else math.ceil(math.log10(abs(x) / tolerance)) + 1
    digits = max(min(max(digits, 2), 6), math.ceil(math.log10(abs(x))) if 1 < abs(x) < 1e6 else 0)
    return f"{x:#.{digits}g}".rstrip(".") if digits < 4 else f"{x:.{digits}g}"


def _range(x, allowed):
    if np.iscomplexobj(x):
        x = np.abs(x)
    low, high = (_numbers(end, np.max(allowed)) for end in (x.min(), x.max()))
    return f"{low} everywhere" if low == high else f"{low} to {high}"


def _short(x):
    return f"{x:.1g}" if x else "0"


def _text(value):
    return value if isinstance(value, str) else {True: "yes", False: "no"}.get(value, str(value))


def _report(kind, claim, passed, measured, expected, note="", headline_data=None):
    if not passed:
        raise AssertionError(f"{claim}: measured {measured}, expected {expected} {note}".rstrip())
    data = {"claim": claim, "kind": kind, "measured": measured, "expected": expected,
            "tolerance": note, "passed": True}
    values = f"measured {measured} · {'limit' if headline_data else 'expected'} {expected}"
    values += f" · {note}" if headline_data else ""
    css = "claim headline" if headline_data else "claim"
    bundle = {
        "text/plain": f"{'★' if headline_data else '✓'} {claim}: {values}",
        "text/html": f'<div class="{css}"><span class="tick">{"★" if headline_data else "✓"}</span> '
        f'<span class="what">{html.escape(claim)}</span> '
        f'<span class="values">{html.escape(values)}</span></div>',
        CLAIM_MIME: data,
    }
    if headline_data:
        bundle[HEADLINE_MIME] = headline_data
    display(bundle, raw=True)
