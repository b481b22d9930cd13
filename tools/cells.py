"""A chapter as a list of cells (kind, section, names), and run without a kernel.

    python tools/cells.py 05                       all of it, faster than a notebook
    python tools/cells.py 05 --section "Momentum"  alone, after the cells it needs
    python tools/cells.py 05 --alone 3 --seed 0    three sections, each alone

The lint, the mutation tool and the tests read chapters with this, from the .py source.
"""

import argparse
import ast
import builtins
import contextlib
import dataclasses
import functools
import json
import linecache
import os
import pathlib
import random
import re
import sys
import types
from collections.abc import Callable, Iterator

KINDS = ("set-up", "picture", "checks", "yours", "remove-cell")  # no tag: an idea
MARKER = re.compile(r"^# %%(?P<options>.*)$")


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell; ``kind`` is "markdown", "idea" or one of KINDS; ``line`` is from 1."""

    line: int  # of the first line of ``source`` in the file
    kind: str
    section: str  # its `## ` heading; "" before the first one
    source: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree, with the file's line numbers; raises ``SyntaxError``."""
        return ast.increment_lineno(ast.parse(self.source), self.line - 1)

    @functools.cached_property
    def names(self) -> "Names":
        return Names(self.tree)


def parse(text: str) -> list[Cell]:
    """The cells of a chapter in jupytext's percent format."""
    lines = text.splitlines()
    starts = [k for k, line in enumerate(lines) if MARKER.match(line)]
    cells, section = [], ""
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        options = MARKER.match(lines[start])["options"]
        source = "\n".join(lines[start + 1 : end]).rstrip()
        if "[markdown]" in options:
            kind = "markdown"
            headings = re.findall(r"^## +(.+)$", source, re.M)
            section = headings[-1].strip() if headings else section
        else:
            tags = re.search(r"tags=(\[.*?\])", options)
            tags = json.loads(tags[1]) if tags else []
            kind = next((kind for kind in KINDS if kind in tags), "idea")
        cells.append(Cell(start + 2, kind, section, source))
    return cells


def read(source: pathlib.Path) -> list[Cell]:
    """The cells of a chapter's .py file."""
    return parse(source.read_text(encoding="utf-8"))


def code(cells: list[Cell]) -> list[Cell]:
    """The code cells among them."""
    return [cell for cell in cells if cell.kind != "markdown"]


# --- names ----------------------------------------------------------------------------


class Names:
    """Which names a cell binds at its top level, and which it takes from elsewhere.

    ``bound``: name → lines of the statements that bind it (a loop's variable counts;
    parameters and variables of a function or a comprehension do not).
    ``read``: names that must have been bound before, or, those in ``late``, before a
    function of this cell is called.
    ``used_by``: function or class → global names that its body reads when called.
    ``exercise("a")`` reads the name "exercise a", ``@exercise.define("a")`` binds it.
    """

    def __init__(self, tree: ast.AST):
        self.bound: dict[str, list[int]] = {}
        self.used_by: dict[str, set[str]] = {}
        self._early: set[str] = set()
        self.late: set[str] = set()
        self._visit(tree)
        known = self.bound.keys() | set(dir(builtins)) | {"display"}
        self.late -= known | self._early
        self.read: set[str] = self._early | self.late

    def _load(self, name: str) -> None:
        if name not in self.bound and not hasattr(builtins, name) and name != "display":
            self._early.add(name)

    def _bind(self, name: str, line: int) -> None:
        self.bound.setdefault(name, []).append(line)

    def _visit(self, node: ast.AST) -> None:
        match node:
            case ast.Name(ctx=ast.Load()):
                self._load(node.id)
            case ast.Name(ctx=ast.Store()):
                self._bind(node.id, node.lineno)
            case ast.Assign() | ast.AnnAssign() | ast.NamedExpr():
                if node.value:
                    self._visit(node.value)
                targets = (
                    node.targets if isinstance(node, ast.Assign) else [node.target]
                )
                for target in targets:
                    self._visit(target)
                if isinstance(node.value, ast.Lambda) and isinstance(
                    targets[0], ast.Name
                ):
                    self.used_by[targets[0].id] = free(node.value)
            case ast.Call(args=[ast.Constant(value=str(id))]) if (
                asked := ast.unparse(node.func)
            ) in ("exercise", "exercise.define"):
                self._load("exercise")
                if asked == "exercise":
                    self._load(f"exercise {id}")
                else:
                    self._bind(f"exercise {id}", node.lineno)
            case ast.AugAssign():
                self._visit(node.value)
                if isinstance(node.target, ast.Name):
                    self._load(node.target.id)
                self._visit(node.target)
            case ast.For() | ast.AsyncFor():
                for part in (node.iter, node.target, *node.body, *node.orelse):
                    self._visit(part)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    self._bind((alias.asname or alias.name).split(".")[0], node.lineno)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for part in _evaluated_at_once(node):
                    self._visit(part)
                self._bind(node.name, node.lineno)
                self.used_by[node.name] = free(node)
                self.late |= free(node)
            case ast.Lambda():
                for part in _evaluated_at_once(node):
                    self._visit(part)
                self.late |= free(node)
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                for name in free(node):
                    self._load(name)
                for inner in ast.walk(node):
                    if isinstance(inner, ast.NamedExpr):
                        self._bind(inner.target.id, inner.lineno)
            case ast.ExceptHandler():
                if node.type:
                    self._visit(node.type)
                for part in node.body:
                    self._visit(part)
            case _:
                for child in ast.iter_child_nodes(node):
                    self._visit(child)


def _evaluated_at_once(node: ast.AST) -> list[ast.AST]:
    """What a definition computes when it is made, not when it is called."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
    args = node.args
    defaults = [*args.defaults, *(d for d in args.kw_defaults if d)]
    return [*getattr(node, "decorator_list", []), *defaults]


def free(node: ast.AST) -> set[str]:
    """Names that a function, class, lambda or comprehension takes from outside."""
    bound, loaded, free_inside, outer = set(), set(), set(), set()
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        args = node.args
        every = [
            *args.posonlyargs,
            *args.args,
            *args.kwonlyargs,
            args.vararg,
            args.kwarg,
        ]
        bound |= {a.arg for a in every if a}
        body = node.body if isinstance(node.body, list) else [node.body]
    elif isinstance(node, ast.ClassDef):
        body = node.body
    else:
        body = list(ast.iter_child_nodes(node))
    scopes = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    scopes += (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    todo = list(body)
    while todo:
        part = todo.pop()
        if isinstance(part, ast.Name):
            (loaded if isinstance(part.ctx, ast.Load) else bound).add(part.id)
        elif isinstance(part, (ast.Global, ast.Nonlocal)):
            outer |= set(part.names)
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            bound |= {(a.asname or a.name).split(".")[0] for a in part.names}
        elif isinstance(part, ast.ExceptHandler) and part.name:
            bound.add(part.name)
        if isinstance(part, scopes):
            free_inside |= free(part)
            if hasattr(part, "name"):
                bound.add(part.name)
            if isinstance(
                part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
            ):
                todo += _evaluated_at_once(part)
        else:
            todo += ast.iter_child_nodes(part)
    if isinstance(
        node, ast.ClassDef
    ):  # its own names are seen by its body, not by its methods
        return (loaded - bound) | (free_inside - {node.name}) | outer
    return ((loaded | free_inside) - bound) | outer


def needed(cells: list[Cell], wanted: list[Cell]) -> list[Cell]:
    """``wanted``, and the cells before them that bind what they read, and so on."""
    chosen, todo = set(map(id, wanted)), list(wanted)
    while todo:
        cell = todo.pop()
        place = next(k for k, c in enumerate(cells) if c is cell)
        reads = set(cell.names.read)
        for name in reads:
            before = [
                c
                for c in cells[:place]
                if c.kind != "markdown" and name in c.names.bound
            ]
            for binder in before[-1:]:
                if id(binder) not in chosen:
                    chosen.add(id(binder))
                    todo.append(binder)
    return [cell for cell in cells if id(cell) in chosen]


# --- running --------------------------------------------------------------------------


class Run:
    """A chapter's names, filled by running its cells one by one in this process.

    Sliders draw their first frame only, live figures give their numbers to ``truths``,
    nothing is shown. Call `quiet_environment` before anything imports NumPy or torch.
    """

    def __init__(self, source: pathlib.Path):
        self.source = source
        self.truths: list[list] = []
        self.module = types.ModuleType("chapter")
        self.module.__dict__["display"] = lambda *a, **k: None
        sys.modules["chapter"] = self.module
        linecache.cache[str(source)] = (
            0,
            None,
            source.read_text(encoding="utf-8").splitlines(True),
            str(source),
        )
        self._replace()

    def _replace(self) -> None:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        import helpers

        def explore(draw: Callable, *, alt: str, **sliders) -> None:
            draw(**{name: next(iter(values)) for name, values in sliders.items()})

        def live(name: str, data=None, *, states=(), truth=None, **_) -> None:
            self.truths.append([truth(state) for state in states] if truth else [])

        plt.show = lambda *a, **k: None
        helpers.explore, helpers.live = explore, live
        torch = sys.modules.get("torch")
        if torch:
            torch.set_num_threads(1)

    def run(self, cell: Cell, tree: ast.Module | None = None) -> None:
        """Run one cell (or ``tree`` in its place); raises what it raises."""
        import matplotlib.pyplot as plt

        program = compile(tree or cell.tree, str(self.source), "exec")
        with working_directory(self.source.parent), open(os.devnull, "w") as nowhere:
            with contextlib.redirect_stdout(nowhere):
                exec(program, self.module.__dict__)
        plt.close("all")


@contextlib.contextmanager
def working_directory(folder: pathlib.Path) -> Iterator[None]:
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def quiet_environment() -> None:
    """One thread, no progress bars; must come before NumPy and torch are imported."""
    import book

    os.environ.update(book.environment())
    os.environ["MPLBACKEND"] = "Agg"


def alone(source: pathlib.Path, cells: list[Cell], section: str) -> None:
    """Run one section by itself, after only those cells that bind what it reads."""
    wanted = [cell for cell in cells if cell.section == section]
    run = Run(source)
    for cell in needed(cells, wanted):
        run.run(cell)


def main() -> None:
    import book

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="part of a chapter's name, or a .py file")
    parser.add_argument("--section", help="words of a section's heading")
    parser.add_argument("--alone", type=int, default=0, help="run so many, each alone")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sources = [s for s in book.NOTEBOOKS if options.name in s.stem]
    if options.name.endswith(".py"):
        sources = [pathlib.Path(options.name).resolve()]
    if len(sources) != 1:
        parser.error(f"{options.name!r} names {len(sources)} notebooks, expected one")
    quiet_environment()
    cells = code(read(sources[0]))
    sections = list(dict.fromkeys(cell.section for cell in cells if cell.section))
    if options.section:
        chosen = [s for s in sections if options.section in s]
        if not chosen:
            parser.error(f"no section's heading holds {options.section!r}")
    elif options.alone:
        draw = random.Random(options.seed)
        chosen = draw.sample(sections, min(options.alone, len(sections)))
    else:
        run = Run(sources[0])
        for cell in cells:
            run.run(cell)
        chosen = []
    for section in chosen:
        print(f"{sources[0].stem}: {section}", flush=True)
        alone(sources[0], cells, section)


if __name__ == "__main__":
    main()
