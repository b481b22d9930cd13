"""Claims: what the checks accept, refute and refuse, and what they show."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from helpers import (
    RefusedCheck,
    claims,
    headline,
    measured,
    verify,
    verify_at_least,
    verify_at_most,
    verify_within_se,
)

finite = st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-6)


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """What the helpers display, as a list of mime bundles."""
    bundles = []
    monkeypatch.setattr(claims, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


class Refuted:
    """``with refuted(match):`` the claim is wrong, which is not to say ill-posed."""

    def __init__(self, match=None):
        self.raises = pytest.raises(AssertionError, match=match)

    def __enter__(self):
        self.error = self.raises.__enter__()
        return self.error

    def __exit__(self, *args):
        ended = self.raises.__exit__(*args)
        assert not isinstance(self.error.value, RefusedCheck), self.error.value
        return ended


refuted = Refuted


def refused(match=None):
    return pytest.raises(RefusedCheck, match=match)


def values(bundle):
    """The line on the page, without the claim."""
    return bundle["text/plain"].split(": ", 1)[1]


# --- every type of number, against the same check in Python's ------------------------

INTEGERS = ["bool", *(f"{s}int{n}" for s in ("", "u") for n in (8, 16, 32, 64))]
FLOATS = ["float16", "float32", "float64", "longdouble"]
COMPLEX = ["complex64", "complex128", "clongdouble"]
TORCH = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
]  # fmt: skip


def python_number(x):
    """The value of a NumPy or torch scalar as an int, a float or a complex."""
    x = x.item()
    if isinstance(x, (bool, int)):
        return int(x)
    return complex(x) if np.iscomplexobj(x) else float(x)


@st.composite
def numbers(draw, types):
    """A scalar of some type, small or at the end of the type's range."""
    kind = draw(st.sampled_from(types))
    if isinstance(kind, torch.dtype):
        low = 0 if kind in (torch.bool, torch.uint8) else -100
        high = 1 if kind == torch.bool else 100
        return torch.tensor(draw(st.integers(low, high)), dtype=kind)
    dtype = np.dtype(kind)
    if dtype.kind in "biu":
        ends = (
            (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        )
        near = st.integers(max(ends[0], -5), min(ends[1], 5))
        return dtype.type(draw(near | st.integers(*ends) | st.sampled_from(ends)))
    if dtype.kind == "f":
        return dtype.type(draw(st.floats(-1000, 1000, width=16)))
    whole = st.integers(-5, 5)
    return dtype.type(complex(draw(whole), draw(whole)))


def verdict(check, *args, **kwargs):
    try:
        check("a claim", *args, **kwargs)
        return "holds"
    except RefusedCheck:
        return "refused"
    except AssertionError:
        return "refuted"


def python_verify(m, e, atol, rtol):
    if atol is None and rtol is None:
        rtol = 0 if isinstance(m, int) and isinstance(e, int) else 1e-9
    allowed = (atol or 0) + (rtol or 0) * abs(e)
    if abs(e) <= allowed if e else allowed > 0.1:
        return "refused"
    return "holds" if abs(m - e) <= allowed else "refuted"


def python_at_most(m, limit, atol):
    if isinstance(m, complex) or isinstance(limit, complex):
        return "refused"
    if atol > 0.1 if limit == 0 else 0 < atol >= abs(limit):
        return "refused"
    if isinstance(m, float) or isinstance(limit, float):
        m, limit = float(m), float(limit)
    return "holds" if m - limit <= atol else "refuted"


EVERY = INTEGERS + FLOATS + COMPLEX + TORCH
tolerances = st.sampled_from([None, 0.0, 1e-12, 0.05, 0.5, 3.0, 300.0])


def three(x):
    return torch.stack([x] * 3) if hasattr(x, "detach") else [x] * 3


@settings(max_examples=400)  # a few for every pair of types
@given(numbers(EVERY), numbers(EVERY), tolerances, tolerances)
def test_verify_agrees_with_python_numbers(m, e, atol, rtol):
    e = np.int8(e) if isinstance(e, np.bool_) else e  # a truth value is compared by ==
    for x in (m, e):
        wanted = python_verify(python_number(x), python_number(e), atol, rtol)
        assert verdict(verify, x, e, atol=atol, rtol=rtol) == wanted
        assert verdict(verify, three(x), three(e), atol=atol, rtol=rtol) == wanted


@settings(max_examples=400)  # a few for every pair of types
@given(numbers(EVERY), numbers(EVERY), tolerances.map(lambda t: t or 0.0))
def test_one_sided_checks_agree_with_python_numbers(m, limit, atol):
    a, b = python_number(m), python_number(limit)
    wanted = python_at_most(a, b, atol)
    assert verdict(verify_at_most, m, limit, atol=atol) == wanted
    assert verdict(verify_at_most, three(m), limit, atol=atol) == wanted
    mirrored = python_at_most(-a, -b, atol)
    assert verdict(verify_at_least, m, limit, atol=atol) == mirrored
    assert verdict(verify_at_least, three(m), three(limit), atol=atol) == mirrored


@given(st.sampled_from(INTEGERS[1:] + FLOATS + TORCH[1:-1]), st.integers(1, 100))
def test_the_other_checks_agree_in_every_type(kind, n):
    spread = [n % 7, n % 7 + 1] * 20
    if isinstance(kind, torch.dtype):
        samples = torch.tensor(spread, dtype=kind)
        one, two = torch.tensor([n, 2 * (n % 50) + 2], dtype=kind).split(1)
    else:
        samples, (one, two) = (
            np.array(spread, kind),
            np.array([n, 2 * (n % 50) + 2], kind),
        )
    assert verdict(verify_within_se, samples, n % 7 + 0.5) == "holds"
    assert verdict(verify_within_se, samples, n % 7 + 1.5) == "refuted"
    ratio = one.item() / two.item()
    for sense, passed in {
        "equal": abs(ratio - 1) <= 0.2,
        "at most": ratio - 1 <= 0.2,
        "at least": 1 - ratio <= 0.2,
    }.items():
        wanted = "holds" if passed else "refuted"
        assert verdict(headline, one, two, rtol=0.2, sense=sense) == wanted


def test_integers_never_wrap_around():
    verify_at_most("unsigned", np.uint8(3), np.uint8(5))
    for low, high in [
        (np.uint8(3), np.uint8(5)),
        (np.uint64(3), np.uint64(2**64 - 1)),
        (np.int8(-100), np.int8(100)),
        (np.int64(-(2**63)), np.int64(2**63 - 1)),
        (np.array([3], np.uint16), np.array([5], np.uint16)),
        (10**30, 10**30 + 1),
        (np.array([-(2**63), 5]), np.array([2**61, 5])),
    ]:
        with refuted():
            verify_at_most("c", high, low)
        with refuted():
            verify_at_least("c", low, high)
        with refuted():
            verify("c", high, low)
    with refuted():
        verify("c", np.int8(127), np.int8(-127), atol=5)
    verify("c", 10**30, 10**30)
    verify("c", [10**30, 1], np.array([10**30, 1], dtype=object))
    verify("c", np.array([1, 0.5], dtype=object), [1, 0.5])
    with refuted():
        verify("c", np.array([1, 0.5], dtype=object), [1, 0.0])
    with refused("numbers"):
        verify("c", 10**400, 10**400)


def test_truth_values_in_arrays_are_counted_as_ones_and_zeros():
    verify("c", np.array([True, False, True]), [1, 0, 1])
    with refuted():
        verify("c", np.array([True, False, True]), [0, 0, 0])
    with refuted():
        verify("c", torch.tensor([True, False]), np.array([True, True]))
    verify_at_least("c", np.array([True, True]), 1)
    with refuted():
        verify_at_least("c", np.array([True, False]), 1)


def test_tolerances_do_not_vanish_in_half_precision(shown):
    tiny = np.float16(6e-8)
    verify("c", np.float16(1.0), np.float16(1.001), rtol=1.1e-3)
    with refuted():
        verify("c", tiny, 2 * tiny, rtol=1e-6)
    verify("c", tiny, tiny, rtol=1e-6)


# --- verify --------------------------------------------------------------------------


def test_verify_shows_both_values_and_a_machine_readable_half(shown):
    verify("two and two", 2 + 2, 4)
    (bundle,) = shown
    assert bundle["text/plain"] == "✓ two and two: measured 4 · expected 4"
    html = bundle["text/html"]
    assert html.startswith('<div class="claim"><span class="tick">✓</span>')
    assert "two and two" in html and "measured 4 · expected 4" in html
    assert bundle[claims.CLAIM_MIME] == {
        "claim": "two and two",
        "kind": "equal",
        "measured": "4",
        "expected": "4",
        "tolerance": "± 0",
        "source": None,
    }
    json.dumps(bundle)


def test_a_claim_is_shown_as_text_not_as_html(shown):
    verify("a < b & c", 1.0, 1.0)
    verify("text", "<b>", "<b>")
    assert "a &lt; b &amp; c" in shown[0]["text/html"]
    assert "<b>" not in shown[1]["text/html"] and "&lt;b&gt;" in shown[1]["text/html"]
    assert shown[0][claims.CLAIM_MIME]["claim"] == "a < b & c"


@given(finite)
def test_verify_accepts_equal_and_refutes_sign_factor_and_offset(x):
    verify("same", x, x)
    for wrong in (-x, 2 * x, x * (1 + 1e-6), x * (1 + 2e-9)):
        with refuted("^named: "):
            verify("named", wrong, x)
    verify("rounding", x * (1 + 1e-10), x)


@given(finite, st.floats(1.01, 100))
def test_verify_refuses_a_tolerance_that_zero_would_pass(x, factor):
    with refused():
        verify("wide", x, x, atol=abs(x) * factor)
    with refused():
        verify("wide", x, x, rtol=factor)
    verify("not so wide", x, x, rtol=0.9)


def test_verify_refuses_where_zero_would_pass_for_most_entries():
    expected = np.array([0.05] * 9 + [5.0])
    with refused("0 would pass"):
        verify("c", expected + 0.5, expected, atol=1.0)
    with refused("0 would pass"):
        verify("c", expected, expected, atol=1.0)
    half = np.array([0.05, 0.05, 5.0, 5.0])
    verify("exactly half is not most", half, half, atol=1.0)
    most = np.array([0.05] * 6 + [5.0] * 5)
    with refused("0 would pass"):
        verify("six of eleven are", most, most, atol=1.0)
    with refused("0 would pass"):
        verify("zeros do not count", [0, 0.05, 0.05], [0, 0.05, 0.05], atol=0.08)
    rounded = np.eye(4) + 1e-16
    verify("rounded zeros do not count", np.eye(4), rounded, atol=1e-10)
    small = np.array([1e-3, 2e-3, 1.0])
    with refused("0 would pass"):
        verify("these do", small, small, atol=0.01)


def test_verify_adds_both_tolerances():
    verify("c", 111.0, 100.0, atol=1.0, rtol=0.1)
    with refuted():
        verify("c", 111.1, 100.0, atol=1.0, rtol=0.1)
    verify("relative to the expected value", 50.0, 100.0, rtol=0.5)
    with refuted():
        verify("relative to the expected value", 100.0, 50.0, rtol=0.5)
    with refuted():
        verify("a tolerance of zero is one", 1.0 + 1e-12, 1.0, atol=0)


@given(st.lists(finite, min_size=2, max_size=8))
def test_verify_checks_every_entry_and_the_order(entries):
    x = np.array(entries)
    verify("array", x, x)
    for k in (0, -1):
        broken = x.copy()
        broken[k] += 1
        with refuted():
            verify("array", broken, x)
    if not np.allclose(x, x[::-1]):
        with refuted():
            verify("array", x[::-1], x)


@pytest.mark.parametrize(
    "m, e, wanted",
    [
        (np.nan, 1.0, "NaN"),
        (1.0, np.nan, "NaN"),
        (np.inf, np.inf, "NaN or inf"),
        ([], [], "numbers"),
        ([1.0, np.nan], [1.0, 2.0], "NaN"),
        (1.0, [1.0], "shape"),
        (np.ones((2, 3)), np.ones((3, 2)), "shape"),
        ("one", 1.0, "measured is 'one', expected numbers"),
        ("1.0", 1.0, "numbers"),
        (None, 1.0, "NaN|numbers"),
        ({"a": 1}, 1.0, "numbers"),
        (np.datetime64("2020-01-01"), 1.0, "numbers"),
        (sparse.eye(1), 1.0, "numbers"),
        (torch.eye(1).to_sparse(), np.eye(1), "numbers"),
        ([torch.ones(2, requires_grad=True)] * 2, np.ones((2, 2)), "numbers"),
        (1j, 1.0 + 0j, "complex"),
    ],
    ids=str,
)
def test_bad_input_is_refused_with_the_claim_named(m, e, wanted):
    for check in (verify, verify_at_most, verify_at_least):
        if isinstance(m, complex) and check is verify:
            continue  # complex numbers can be equal
        with refused(f"^my claim: .*({wanted})"):
            check("my claim", m, e)


@pytest.mark.parametrize(
    "m, e",
    [
        ([1, 2], (1, 2)),
        (np.array([True, True]), True),
        (1, True),
        (3, "three"),
        ((), ()),
        ("", ""),
        ((np.ones(2), 1), (np.ones(2), 1)),
        ([1.0, 2.0], 1.0),
        (torch.tensor([True]), True),
    ],
    ids=str,
)
def test_verify_refuses_what_is_no_comparison(m, e):
    with refused("^my claim: "):
        verify("my claim", m, e)


def test_every_kind_of_tensor_is_read():
    z = torch.tensor([1 + 2j, 3 - 1j])
    verify("conjugate", z.conj(), np.array([1 - 2j, 3 + 1j]))
    verify("negative", z.conj().imag, [-2.0, 1.0])
    verify("bfloat16", torch.tensor([1.5], dtype=torch.bfloat16), [1.5])
    verify("graph", torch.ones(3, requires_grad=True) * 2, np.full(3, 2.0))


def test_refused_is_both_kinds_of_error():
    assert issubclass(RefusedCheck, ValueError)
    assert issubclass(RefusedCheck, AssertionError)


@pytest.mark.parametrize("claim", ["", "   ", None, 3, "two\nlines", "two\r\nlines"])
def test_a_claim_needs_one_line_of_words(claim):
    for check in (
        lambda: verify(claim, 1, 1),
        lambda: verify(claim, "a", "a"),
        lambda: verify_at_most(claim, 1, 1),
        lambda: verify_within_se(claim, np.arange(30.0), 14.5),
        lambda: headline(claim, 1, 1, rtol=0.1),
        lambda: measured(claim, 1.0),
        lambda: measured("a", 1.0, (claim, 1.0)),
    ):
        with refused("claim"):
            check()


def test_verify_zero_texts_truths_and_tuples(shown):
    verify("zero", 1e-14, 0.0, atol=1e-12)
    verify("text", "saddle", "saddle")
    verify("truth", np.bool_(True), True)
    verify("truth", torch.tensor(False), np.bool_(False))
    verify("tuple", torch.ones(2, 3).shape, (2, 3))
    verify("complex", 1j * np.ones(2), 1j * np.ones(2))
    kinds = [bundle[claims.CLAIM_MIME]["kind"] for bundle in shown]
    assert kinds == ["equal", "exact", "exact", "exact", "exact", "equal"]
    assert values(shown[1]) == "measured saddle · expected saddle"
    assert values(shown[2]) == "measured yes · expected yes"
    assert values(shown[3]) == "measured no · expected no"
    assert values(shown[0]) == "measured 1e-14 · expected 0 ± 1e-12"
    for m, e in [("a", "b"), (False, True), (True, False), (3, 4), ((1, 2), (1, 3))]:
        with refuted():
            verify("c", m, e)
    for m in (1e-6, -1e-6):
        with refuted():
            verify("default", m, 0.0)
    with refuted("^zero: measured 0.001, expected 0 ± 1e-06$"):
        verify("zero", 1e-3, 0.0, atol=1e-6)
    with refused():
        verify("zero", 0.5, 0.0, atol=1.0)
    verify("zero", 0.05, 0.0, atol=0.1)


@pytest.mark.parametrize("atol", [-1.0, np.nan, np.inf, "0.1", "a", True, [1, 2], 1j])
def test_a_tolerance_is_a_finite_number(atol):
    with refused("^c: atol"):
        verify("c", 1.0, 1.0, atol=atol)
    with refused("^c: rtol"):
        verify("c", 1.0, 1.0, rtol=atol)
    with refused("^c: atol"):
        verify_at_most("c", 1.0, 1.0, atol=atol)
    with refused("^c: sigmas"):
        verify_within_se("c", np.arange(30.0), 14.5, sigmas=atol)
    with refused("^c: rtol"):
        headline("c", 1.0, 1.0, rtol=atol)


@pytest.mark.parametrize("e", ["a", True, (1, 2)])
def test_texts_truths_and_tuples_take_no_tolerance(e):
    for kwargs in ({"atol": 0.1}, {"rtol": 0.1}):
        with refused("tolerance"):
            verify("c", e, e, **kwargs)


# --- what is shown is what was compared ----------------------------------------------


THIRDS = np.linspace(1 / 3, 2 / 3, 7)
ONES, ROUNDED, EIGHT = np.ones((3, 4)), np.eye(3) + 1e-17, np.arange(8)


@pytest.mark.parametrize(
    "m, e, kwargs, line",
    [
        (0.75, 1.0, {"rtol": 0.3}, "0.75 | 1.0 ± 0.3"),
        (0.0011, 1.0, {"rtol": 0.999}, "0.001 | 1.0 ± 1"),
        (0.65, 1.0, {"rtol": 0.35}, "0.65 | 1.0 ± 0.35"),
        (0.1 + 0.2, 0.3, {}, "0.3 | 0.3"),
        (2 / 3, 2 / 3, {}, "0.666667 | 0.666667"),
        (2 / 3, 2 / 3, {"atol": 0.01}, "0.667 | 0.667"),
        (2 / 3, 2 / 3, {"atol": 0.0}, "0.666667 | 0.666667"),
        (123.4, 124.0, {"atol": 30}, "123 | 124 ± 30"),
        (-123.4, -124.0, {"atol": 30}, "-123 | -124 ± 30"),
        (-1.0 * EIGHT, -EIGHT, {}, "8 values within 7e-09 | -7 to 0"),
        (3 * (1 + 1e-10), 3, {}, "3 | 3"),
        ([1] * 6, [2] * 6, {"atol": 1}, f"{[1] * 6} | {[2] * 6} ± 1"),
        (THIRDS, THIRDS, {}, "7 values within 6.7e-10 | 0.333333 to 0.666667"),
        (0.04567, 0.04, {"atol": 0.03}, "0.046 | 0.040 ± 0.03"),
        (0.3456, 0.4, {"atol": 0.3456}, "0.3 | 0.40 ± 0.35"),
        (1234567.0, 1234568.0, {"atol": 1.0}, "1.23457e+06 | 1.23457e+06"),
        (12, 11, {"atol": 2}, "12 | 11 ± 2"),
        (10**30, 10**30, {}, f"{10**30} | {10**30}"),
        ([1.0, 1e-17], [1.0, 0], {}, None),
        (1 + 2j, 1 + 2j, {}, "1+2j | 1+2j"),
        ([1, 2.5], [1, 2.5], {}, "[1, 2.5] | [1, 2.5]"),
        ([1.0, 20.0], [1.0, 21.0], {"rtol": 0.1}, "[1.0, 20] | [1.0, 21] ± up to 2.1"),
        (EIGHT[:6], EIGHT[:6], {}, "[0, 1, 2, 3, 4, 5] | [0, 1, 2, 3, 4, 5]"),
        (1.0 * EIGHT, 1.0 * EIGHT, {}, "8 values within 7e-09 | 0 to 7"),
        (ONES, ONES, {"atol": 0.5}, "3×4 values within 0.5 | 1.0 everywhere"),
        (ROUNDED, ROUNDED, {"atol": 1e-9}, "3×3 values within 1e-09 | 0 to 1"),
        (EIGHT, EIGHT, {}, "8 values within 0 | 0 to 7"),
        (1j * EIGHT, 1j * EIGHT, {}, "8 values within 7e-09 | 0 to 7"),
    ],
)  # fmt: skip
def test_the_line_of_verify(shown, m, e, kwargs, line):
    if line is None:
        with refuted(r"\[1, 1e-17\], expected \[1, 0\]"):
            verify("c", m, e, **kwargs)
        return
    verify("c", m, e, **kwargs)
    assert values(shown[0]) == f"measured {line.replace(' | ', ' · expected ')}"
    data = shown[0][claims.CLAIM_MIME]
    assert line.startswith(f"{data['measured']} | {data['expected']}")
    assert data["tolerance"].startswith("± ")


def test_the_tolerance_of_a_claim_is_the_widest_of_its_entries(shown):
    verify("c", [1.0, 20.0], [1.0, 20.0], rtol=0.1)
    verify("c", [20.0, 20.0], [20.0, 20.0], rtol=0.1)
    told = [bundle[claims.CLAIM_MIME]["tolerance"] for bundle in shown]
    assert told == ["± up to 2", "± 2"]


def test_a_failing_claim_tells_the_two_numbers_apart():
    with refuted(r"measured 1\.0000001, expected 1 ± 1e-09"):
        verify("c", 1 + 1e-7, 1.0)
    with refuted(r"12 values off by up to 3, expected 1 everywhere ± 1e-09"):
        verify("c", np.r_[np.ones(11), 4.0], np.ones(12))
    with refuted(r"measured 1\.0000001, expected at most 1$"):
        verify_at_most("c", 1 + 1e-7, 1.0)


MOST, LEAST = verify_at_most, verify_at_least


@pytest.mark.parametrize(
    "check, m, limit, kwargs, line, tolerance",
    [
        (MOST, 12.0, 11.0, {"atol": 2.0}, "12 | at most 11 ± 2", "± 2"),
        (MOST, 1.0, 2.0, {}, "1 | at most 2", ""),
        (MOST, 1.0, 2.0, {"atol": 0.5}, "1 | at most 2", "± 0.5"),
        (MOST, 2e-14, 0.0, {"atol": 1e-12}, "2e-14 | at most 0 ± 1e-12", "± 1e-12"),
        (MOST, 1 + 1e-12, 1.0, {"atol": 1e-9}, "1 | at most 1", "± 1e-09"),
        (LEAST, 10.0, 11.0, {"atol": 2.0}, "10 | at least 11 ± 2", "± 2"),
        (LEAST, 2 / 3, 0.5, {}, "0.6667 | at least 0.5", ""),
        (MOST, 123456, 123457, {}, "123456 | at most 123457", ""),
        (MOST, [1, 4, 2], 5, {}, "4 (closest of 3) | at most 5", ""),
        (MOST, [1, 4, 2], [9, 5, 2.5], {}, "2 (closest of 3) | at most 2.5", ""),
        (LEAST, [[7, 4], [8, 9]], 3, {}, "4 (closest of 4) | at least 3", ""),
    ],
)  # fmt: skip
def test_the_line_of_a_one_sided_check(shown, check, m, limit, kwargs, line, tolerance):
    check("c", m, limit, **kwargs)
    data = shown[0][claims.CLAIM_MIME]
    assert values(shown[0]) == f"measured {line.replace(' | ', ' · expected ')}"
    assert data["tolerance"] == tolerance
    assert data["kind"] == ("at most" if check is MOST else "at least")


def test_a_cited_value_names_its_source(shown):
    verify("number", 2.0, 2.0, source="knuth1997")
    verify("text", "a", "a", source="knuth1997")
    verify_at_most("most", 1.0, 2.0, source="knuth1997")
    verify_at_least("least", 2.0, 1.0, source="knuth1997")
    for bundle in shown:
        assert bundle[claims.CLAIM_MIME]["source"] == "knuth1997"
        assert values(bundle).endswith(" · source: knuth1997")
    for source in ("", " ", 3, True):
        for check in (verify, verify_at_most, verify_at_least):
            with refused("source"):
                check("c", 1.0, 1.0, source=source)


# --- one-sided checks ----------------------------------------------------------------


@given(finite, st.floats(1e-3, 10))
def test_one_sided_checks(x, gap):
    verify_at_most("below", x - gap, x)
    verify_at_least("above", x + gap, x)
    verify_at_most("equal", x, x)
    verify_at_least("equal", x, x)
    with refuted("^below: "):
        verify_at_most("below", x + gap, x)
    with refuted("^above: "):
        verify_at_least("above", x - gap, x)


def test_one_sided_checks_look_at_every_entry():
    verify_at_most("all", np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    with refuted():
        verify_at_most("all", np.array([1.0, 4.0]), np.array([5.0, 3.0]))
    with refuted():
        verify_at_least("all", np.array([[5.0, 4.0], [1.0, 6.0]]), 2.0)
    with refused("shape"):
        verify_at_most("one against many", 1.0, np.array([5.0, 3.0]))


def test_one_sided_checks_refuse_a_slack_as_wide_as_the_limit():
    for check in (verify_at_most, verify_at_least):
        with refused("as wide as the limit"):
            check("slack", 1.0, 0.5, atol=0.6)
        with refused("as wide as the limit"):
            check("slack", 1.0, -0.5, atol=0.5)
        with refused("zero"):
            check("zero", 9.0, 0.0, atol=10.0)
        with refused("zero"):
            check("zeros", np.zeros(3), np.zeros(3), atol=0.11)
        check("zero", 0.0, 0.0, atol=0.1)
        check("some are wider", [1.0, 5.0], [1.0, 5.0], atol=2.0)
        check("no slack", 0.0, 0.0)
    with refuted():
        verify_at_most("slack", 1.2, 1.0, atol=0.1)
    with refuted():
        verify_at_least("slack", 0.8, 1.0, atol=0.1)
    verify_at_least("slack", 0.95, 1.0, atol=0.1)


# --- Monte Carlo ---------------------------------------------------------------------


def test_monte_carlo_checks(shown):
    samples = np.random.default_rng(0).normal(3.0, 1.0, 2000)
    verify_within_se("mean", samples, 3.0)
    with refuted("^mean: "):
        verify_within_se("mean", samples, 3.2)
    with refuted("^mean: "):
        verify_within_se("mean", samples, 2.8)
    for bad in (samples[:10], samples.reshape(2, -1)):
        with refused("at least 20"):
            verify_within_se("mean", bad, 3.0)
    with refused("at least 20"):
        verify_within_se("mean", samples, [3.0])
    with refused("do not vary"):
        verify_within_se("mean", np.ones(100), 3.0)
    with refused("NaN"):
        verify_within_se("mean", samples * np.nan, 3.0)
    with refused("complex"):
        verify_within_se("mean", samples * 1j, 3.0)
    with refused("too large to tell"):
        verify_within_se("mean", samples * 1000 - 3000, 3.0)
    for sigmas in (50, 0, 5.1):
        with refused("sigmas"):
            verify_within_se("mean", samples, 3.0, sigmas=sigmas)
    assert shown[0][claims.CLAIM_MIME]["kind"] == "standard error"


def test_a_standard_error_is_that_of_the_mean(shown):
    samples = np.r_[np.zeros(50), np.full(50, 2.0)]
    se = math.sqrt(100 / 99) / 10  # the unbiased deviation over the root of n
    verify_within_se("zero expected", samples - 1, 0.0)
    verify_within_se("just", samples, 1 + 0.999 * 4 * se)
    with refuted(r"± 4 standard errors of 0\.1$"):
        verify_within_se("just not", samples, 1 + 1.001 * 4 * se)
    verify_within_se("just", samples, 1 - 0.999 * 2 * se, sigmas=2)
    with refuted():
        verify_within_se("just not", samples, 1 - 1.001 * 2 * se, sigmas=2)
    verify_within_se("20 are enough", samples[40:60], 1.0)
    verify_within_se("5 is allowed", samples, 1.0, sigmas=5)
    verify_within_se("so is a half", samples, 1.0, sigmas=0.5)
    verify_within_se("negative", -samples, -1.0)
    assert values(shown[0]) == "measured 0 · expected 0"
    assert values(shown[1]) == (
        "measured 1.0 · expected 1.40 ± 4 standard errors of 0.1"
    )
    assert shown[3][claims.CLAIM_MIME]["tolerance"] == "± 4 standard errors of 0.2"
    with refused("too large to tell"):
        verify_within_se("c", samples - 0.6, 0.4 * (1 - 1e-9), sigmas=4)


# --- headline ------------------------------------------------------------------------


def test_headline_shows_the_worst_ratio_and_checks_all(shown):
    m, t = np.array([10.0, 101.0]), np.array([10.0, 100.0])
    headline("rates <1>", m, t, rtol=0.02, unit="steps")
    (bundle,) = shown
    assert bundle[claims.HEADLINE_MIME] == {
        "name": "rates <1>",
        "measured": "101 steps",
        "limit": "100 steps",
        "ratio": "1.0100",
        "count": 2,
        "sense": "equal",
        "rtol": 0.02,
    }
    note = "ratio 1.0100, the worst of 2"
    assert bundle["text/plain"] == (
        f"★ rates <1>: measured 101 steps · limit 100 steps · {note}"
    )
    assert 'class="claim headline"' in bundle["text/html"]
    assert "rates &lt;1&gt;" in bundle["text/html"]
    assert bundle[claims.CLAIM_MIME] == {
        "claim": "rates <1>",
        "kind": "equal",
        "measured": "101 steps",
        "expected": "100 steps",
        "tolerance": note,
        "source": None,
    }


def test_headline_senses(shown):
    for m in (1.03, 0.97):
        with refuted("^rates: measured"):
            headline("rates", m, 1.0, rtol=0.02)
    headline("loss", 0.5, 1.0, rtol=0.01, sense="at most")
    with refuted():
        headline("loss", 1.02, 1.0, rtol=0.01, sense="at most")
    headline("loss", 1.5, 1.0, rtol=0.01, sense="at least")
    with refuted():
        headline("loss", 0.98, 1.0, rtol=0.01, sense="at least")
    assert "ratio 0.5000" in values(shown[0]) and "worst" not in values(shown[0])
    headline("of many", [0.2, 0.9], [1, 1], rtol=0.01, sense="at most")
    headline("of many", [2.0, 1.1], [1, 1], rtol=0.01, sense="at least")
    shown = [bundle[claims.HEADLINE_MIME]["ratio"] for bundle in shown[2:]]
    assert shown == ["0.9000", "1.1000"]


def test_headline_complains_about_the_pair_that_failed():
    with refuted(r"ratio 1\.1000"):
        headline("c", [1.10, 0.905], [1.0, 1.0], rtol=0.097)


def test_headline_shows_a_digit_more_than_the_tolerance(shown):
    headline("c", 0.00512345, 0.005, rtol=0.05)
    line = "measured 0.005123 · limit 0.005 · ratio 1.0247"
    assert values(shown[0]) == line


def test_headline_refuses():
    headline("c", 1.0, 1.0, rtol=0.5)
    for bad in ({"rtol": 0.51}, {"rtol": 0.0}, {"rtol": 0.1, "sense": "near"}):
        with refused("^c: (rtol|sense)"):
            headline("c", 1.0, 1.0, **bad)
    with refused("shape"):
        headline("c", [1.0, 2.0], 1.0, rtol=0.1)
    headline("exactly at the limit is within it", 1.5, 1.0, rtol=0.5)
    one, some = [1.0, 1.0], [1.0, -1.0]
    pairs = [(-1.0, 1.0), (1.0, -1.0), (0.0, 1.0), (1.0, 0.0), (some, one), (one, some)]
    for m, t in pairs:
        with refused("positive"):
            headline("c", m, t, rtol=0.1)
    for m, t in [(1j, 1.0), (1.0, 1j)]:
        with refused("complex"):
            headline("c", m, t, rtol=0.1)
    with refused("NaN"):
        headline("c", np.nan, 1.0, rtol=0.1)


def test_a_headline_bundle_is_json_whatever_the_types(shown):
    headline("c", torch.tensor(1.0), np.float32(1.0), rtol=np.float32(0.1))
    headline("c", [10**30], [10**30], rtol=0.1)
    json.dumps(shown)


# --- measured: shown, not claimed ----------------------------------------------------


@pytest.mark.parametrize(
    "args, kwargs, line, ratio",
    [
        ((3.14159,), {}, "3.14 s", None),
        ((0.0123,), {}, "12.3 ms", None),
        ((1e-3,), {}, "1 ms", None),
        ((4.5e-6,), {}, "4.5 µs", None),
        ((2e-9,), {}, "2 ns", None),
        ((2e-11,), {}, "0.02 ns", None),
        ((0,), {}, "0 s", None),
        ((1.0,), {}, "1 s", None),
        ((12345.6,), {}, "12,346 s", None),
        ((1000,), {}, "1,000 s", None),
        ((0.5,), {"unit": "MB"}, "0.5 MB", None),
        ((7,), {"unit": ""}, "7", None),
        ((3.0, ("arrays", 0.02)), {}, "3 s · arrays: 20 ms · ratio 150", 150.0),
        ((6, ("b", 3000)), {"unit": "kB"}, "6 kB · b: 3,000 kB · ratio 0.002", 0.002),
        ((1.0, ("none", 0.0)), {}, "1 s · none: 0 s", None),
    ],
)  # fmt: skip
def test_measured_shows_and_asserts_nothing(shown, args, kwargs, line, ratio):
    measured("one step <a>", *args, **kwargs)
    (bundle,) = shown
    assert bundle["text/plain"] == f"≈ one step <a>: {line}"
    assert 'class="claim measured"' in bundle["text/html"]
    assert "one step &lt;a&gt;" in bundle["text/html"]
    assert claims.CLAIM_MIME not in bundle
    assert bundle[claims.MEASURED_MIME] == {
        "what": "one step <a>",
        "value": args[0],
        "unit": kwargs.get("unit", "s"),
        "beside": list(args[1]) if len(args) > 1 else None,
        "ratio": ratio,
    }
    json.dumps(bundle)


def test_measured_takes_numbers_of_any_type_and_refuses_the_rest(shown):
    measured("c", np.float32(1.0), ("d", torch.tensor(2)))
    json.dumps(shown)
    for bad in (np.nan, np.inf, -1.0, "1", [1, 2]):
        with refused("^c: value"):
            measured("c", bad)
        with refused("^d: beside"):
            measured("c", 1.0, ("d", bad))
    for bad in (1.0, ("d",), ("d", 1.0, 2.0), "d1"):
        with refused("beside"):
            measured("c", 1.0, bad)
