"""What a tick promises, told from the chapters' syntax trees: ``tools/lint.py [05]``.

Refused are: an expected value of three or more digits that is typed in; a check whose
two sides are the same expression; more than six ticks from a loop; a name read outside
the section that binds it and bound more than once; cells that are two things at once;
a mention of the source notes, or of a tick by its place.
"""

import argparse
import ast
import json
import pathlib
import re
import sys
from collections.abc import Iterator

import cells as chapter
from book import CHAPTERS, ERRATA, NOTEBOOKS, ROOT
from cells import Cell

CLAIM = "application/vnd.book.claim+json"
CHECKS = ("verify", "verify_at_most", "verify_at_least", "verify_within_se", "headline")
SLIDERS = ("explore", "live")
TRANSPARENT = ("array", "asarray", "tensor", "float", "int", "list", "tuple", "float64")
LINES, TICKS, OPEN = (
    15,
    6,
    0.45,
)  # lines of an idea; ticks from a loop; share of open cells
COUNTS = "first|second|third|last|next|previous|two|three|four|both"
EATEN = re.compile(r"[\x07-\x09\x0b-\x0d]|^(abla|eq|otin)[ \\}_^]|^e [a-z\d]")
BY_PLACE = re.compile(
    rf"\b(?:(?:{COUNTS}) )+(?:lines?|ticks?|checks?|cells?)(?: just)? (?:above|below)\b"
    r"|\b(?:ticks?|checks?)(?: just)? (?:above|below)\b",
    re.I,
)

Finding = tuple[int, str]  # line of the file, what is wrong there


# --- checks ---------------------------------------------------------------------------


def called(node: ast.AST) -> str:
    """The name of the function that a call calls: ``np.array`` is array."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def calls(tree: ast.AST, names: tuple[str, ...]) -> list[ast.Call]:
    """Calls of these functions by their bare names."""
    found = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return [node for node in found if getattr(node.func, "id", "") in names]


def sides(call: ast.Call) -> tuple[ast.expr, ast.expr] | None:
    """The measured and the expected side of a check."""
    named = {k.arg: k.value for k in call.keywords}
    places = [
        call.args[1]
        if len(call.args) > 1
        else named.get("measured", named.get("samples")),
        call.args[2]
        if len(call.args) > 2
        else named.get("expected", named.get("limit")),
    ]
    return tuple(places) if all(places) else None


def bindings(cell: Cell) -> dict[str, ast.expr]:
    """Names that a cell binds once, to one expression, and does not change in place."""
    bound, touched = {}, set()
    for node in ast.walk(cell.tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]):
                bound[name] = node.value
            case ast.Assign(
                targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)
            ):
                pairs = zip(names, values, strict=False)  # a starred name may be there
                bound |= {t.id: v for t, v in pairs if isinstance(t, ast.Name)}
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                touched.add(name)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
                touched.add(name)
    once = {name for name, lines in cell.names.bound.items() if len(lines) == 1}
    return {name: value for name, value in bound.items() if name in once - touched}


def digits(number: complex) -> int:
    """Significant digits as typed: 3 of 0.125, 1 of 1000 and of 1e-6."""
    return len(repr(abs(number)).split("e")[0].replace(".", "").strip("0"))


def typed(cell: Cell) -> Iterator[Finding]:
    """Expected values typed in as constants of three or more digits, and not cited."""
    bound = bindings(cell)
    for call in calls(cell.tree, CHECKS):
        if any(k.arg == "source" for k in call.keywords) or not sides(call):
            continue
        expected = sides(call)[1]
        expected = (
            bound.get(expected.id, expected)
            if isinstance(expected, ast.Name)
            else expected
        )
        if numbers := _constants(expected):
            worst = max(numbers, key=digits)
            if digits(worst) >= 3:
                yield (
                    call.lineno,
                    f"the expected value {worst!r} is typed in, expected one computed "
                    'from theory or cited: source="key in references.bib"',
                )


def _constants(node: ast.expr) -> list[float]:
    """The numbers of an expression of numbers only; none if anything is computed."""
    numbers = []
    for part in ast.walk(node):
        match part:
            case ast.Constant(value=bool() | str() | None):
                pass
            case ast.Constant(value=int() | float() | complex()):
                numbers.append(part.value)
            case ast.Call() if called(part) in TRANSPARENT:
                pass
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in (
                *TRANSPARENT, "np", "torch", "numpy",
            ):  # fmt: skip
                pass
            case ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript():
                return []
    return numbers


def same_sides(cell: Cell) -> Iterator[Finding]:
    """Checks that compare an expression with itself."""
    bound = bindings(cell)
    for call in calls(cell.tree, CHECKS):
        if not (pair := sides(call)):
            continue
        spelled = [_normal(side) for side in pair]
        looked_up = [_normal(bound.get(getattr(side, "id", ""), side)) for side in pair]
        if spelled[0] == spelled[1] or looked_up[0] == looked_up[1]:
            both = ast.unparse(pair[0])
            yield (
                call.lineno,
                f"both sides are {both}, expected two that do not share their code",
            )


def _normal(node: ast.expr) -> str:
    """A spelling that wrappers and the order of sums and products do not change."""
    while called(node) in TRANSPARENT and len(node.args) == 1 and not node.keywords:
        node = node.args[0]
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mult)):
        terms = " ".join(sorted((_normal(node.left), _normal(node.right))))
        return f"{type(node.op).__name__}({terms})"
    if isinstance(node, ast.expr):
        parts = [
            _normal(child) if isinstance(child, ast.expr) else ast.dump(child)
            for child in ast.iter_child_nodes(node)
        ]
        own = {
            k: v
            for k, v in ast.iter_fields(node)
            if isinstance(v, (str, int, float, complex))
        }
        return f"{type(node).__name__}{own}({', '.join(parts)})"
    return ast.dump(node)


def loops(cell: Cell, ticks: int) -> Iterator[Finding]:
    """Walls of ticks: ``ticks`` is how many claims the cell's stored output shows."""
    straight, todo = 0, list(cell.tree.body)
    repeat = (
        ast.For,
        ast.While,
        ast.ListComp,
        ast.SetComp,
        ast.DictComp,
        ast.GeneratorExp,
    )
    while todo:
        node = todo.pop()
        if isinstance(node, (*repeat, ast.FunctionDef, ast.Lambda)):
            continue
        straight += getattr(getattr(node, "func", None), "id", "") in CHECKS
        todo += ast.iter_child_nodes(node)
    if ticks - straight > TICKS:
        yield (
            cell.line,
            f"{ticks - straight} ticks come from a loop, expected one check on arrays",
        )


def stored_ticks(source: pathlib.Path, cells: list[Cell]) -> list[int]:
    """How many claims each code cell's stored output shows; 0 if nothing is stored."""
    product = source.with_suffix(".ipynb")
    stored = []
    if product.exists():
        notebook = json.loads(product.read_text(encoding="utf-8"))
        stored = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if len(stored) != len(cells):
        return [0] * len(cells)
    return [sum(CLAIM in o.get("data", {}) for o in cell["outputs"]) for cell in stored]


# --- names, cells, words --------------------------------------------------------------


def names(cells: list[Cell]) -> Iterator[Finding]:
    """Names read outside the section that binds them, and bound more than once.

    A function used in another section takes along the names that its body reads.
    """
    bound: dict[
        str, list[tuple[str, int]]
    ] = {}  # name → (section, line) of each binding
    uses: dict[str, set[str]] = {}
    for cell in cells:
        for name, lines in cell.names.bound.items():
            bound.setdefault(name, []).extend((cell.section, line) for line in lines)
        for name, used in cell.names.used_by.items():
            uses[name] = uses.get(name, set()) | used
    own: dict[str, set[str]] = {}  # section → names bound in it so far
    outside: dict[
        str, tuple[str, int]
    ] = {}  # name → where it is read first outside its section
    for cell in cells:
        here = own.setdefault(cell.section, set())
        for name in cell.names.read - here:
            later = any(section == cell.section for section, _ in bound.get(name, []))
            if not (later and name in cell.names.late):
                outside.setdefault(name, (cell.section, cell.line))
        here.update(cell.names.bound)
    todo = list(outside)
    while todo:
        name = todo.pop()
        for used in uses.get(name, ()):
            if used not in outside:
                outside[used] = outside[name]
                todo.append(used)
    for name, (section, line) in sorted(outside.items(), key=lambda item: item[1][1]):
        places = bound.get(name, [])
        if len(places) > 1:
            where = ", ".join(str(line) for _, line in places)
            yield (
                line,
                f"{name} is read in the section {section!r}, from outside, and bound "
                f"{len(places)} times (lines {where}), expected once",
            )


def kinds(cells: list[Cell]) -> Iterator[Finding]:
    """Cells that are two things at once, or too long."""
    for cell in cells:
        made = calls(cell.tree, (*CHECKS, *SLIDERS))
        shown = {call.func.id for call in made}
        draws = shown & set(SLIDERS) or "plt" in cell.names.read | cell.names.late
        if cell.kind == "idea" and (length := len(cell.source.splitlines())) > LINES:
            yield cell.line, f"an idea of {length} lines, expected at most {LINES}"
        if cell.kind == "picture" and (claims := shown & set(CHECKS)):
            yield (
                cell.line,
                f"a picture with {', '.join(sorted(claims))}: split the cell",
            )
        if cell.kind == "checks":
            if "headline" in shown:
                yield (
                    cell.line,
                    "a headline inside a checks cell, expected it in the open",
                )
            if draws:
                yield cell.line, "a checks cell that draws: split it"
            others = (c for c in cells if c is not cell)
            read = (
                set().union(*(c.names.read for c in others)) & cell.names.bound.keys()
            )
            elsewhere = [n for n in sorted(read) if not _bound_between(cells, cell, n)]
            if elsewhere:
                yield (
                    cell.line,
                    f"a checks cell that binds {', '.join(elsewhere)} for other cells",
                )


def _bound_between(cells: list[Cell], checks: Cell, name: str) -> bool:
    """Whether every cell that reads a name has it from another cell than this one."""
    binder = None
    for cell in cells:
        if name in cell.names.read and binder is checks:
            return False
        if name in cell.names.bound:
            binder = cell
    return True


def share(cells: list[Cell]) -> Iterator[Finding]:
    """Too many open cells."""
    shown = [
        cell for cell in cells if cell.source.strip() and cell.kind != "remove-cell"
    ]
    opened = [cell for cell in shown if cell.kind in ("idea", "yours")]
    if len(opened) > OPEN * len(shown):
        yield (
            1,
            f"{len(opened)} of {len(shown)} cells open, expected at most {OPEN:.0%}",
        )


def words(every: list[Cell]) -> Iterator[Finding]:
    """Mentions of the source notes, and references to ticks by their place."""
    for cell in every:
        for number, line in enumerate(cell.source.splitlines(), cell.line):
            if "The notes say" in line:
                yield (
                    number,
                    "a mention of the source notes: it belongs into 99_errata.py",
                )
            if said := BY_PLACE.search(line):
                yield number, f"{said[0]!r}: name the claim, ticks are folded"


# --- all of it ------------------------------------------------------------------------


def python(path: pathlib.Path) -> Iterator[Finding]:
    """Whether a file, and each cell of a chapter, is Python."""
    text = path.read_text(encoding="utf-8")
    try:
        ast.parse(text)
    except SyntaxError as error:
        yield error.lineno or 1, f"not Python: {error.msg}"
        return
    if path.parent == ROOT / "notebooks":
        yield from markdown(text)


def markdown(text: str) -> Iterator[Finding]:
    """Markdown cells that are not one string: jupytext would show the rest as text.

    And what is left of a formula when a backslash was read as the start of a tab, a
    form feed or a new line: text, frac, nabla, ne, neq, notin.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if EATEN.search(line):
            yield number, "a backslash was eaten here: a command of LaTeX is broken"
    for cell in chapter.parse(text):
        if cell.kind == "markdown":
            try:
                statements = ast.parse(cell.source).body
            except SyntaxError:
                statements = []
            if (
                len(statements) != 1
                or ast.get_docstring(ast.parse(cell.source)) is None
            ):
                yield cell.line, "a Markdown cell that is not one string"


def findings(source: pathlib.Path) -> list[Finding]:
    """Everything that is wrong with a chapter of the second edition (or the errata)."""
    if broken := list(python(source)):
        return broken
    every = chapter.read(source)
    cells = chapter.code(every)
    found = [*names(cells), *kinds(cells)]
    for cell, ticks in zip(cells, stored_ticks(source, cells), strict=True):
        found += [*typed(cell), *same_sides(cell), *loops(cell, ticks)]
    if source.stem != ERRATA.stem:
        found += [*words(every), *share(cells)]
    return sorted(set(found))


def sources() -> list[pathlib.Path]:
    """Every Python file of the project."""
    folders = ("helpers", "tools", "tests", "book", "notebooks")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="parts of chapter names")
    options = parser.parse_args()
    chosen = [s for s in NOTEBOOKS if s.exists()]
    if options.names:
        chosen = [s for s in CHAPTERS if any(name in s.stem for name in options.names)]
    found = {path: list(python(path)) for path in sources()}
    found |= {path: findings(path) for path in chosen}
    for path, lines in found.items():
        for line, what in lines:
            print(f"{path.relative_to(ROOT)}:{line}: {what}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
