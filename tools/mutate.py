"""Errors made by machine: which single slips in a chapter do its claims notice?

    python tools/mutate.py 05 --n 40 --seed 0        a chapter's idea cells
    python tools/mutate.py helpers/claims.py --tests tests/test_claims.py

A mutant is the program with one edit: a sign, an operator, a constant, an axis, a
bound, a transpose, a mean for a sum, a default, a statement left out. The rest of the
chapter is then run; an exception (as a rule a claim that fails) or a run without end
means that the slip was noticed.

Not counted: set-up, pictures, checks and exercises; statements that draw or print;
seeds; guards such as 1e-12; and lines with the comment ``# setting`` (a choice that the
text says nothing about: the size of a sample, the settings of a demonstration, the sign
of symmetric noise) or ``# drawing``. The chapter is run once; each mutant is a fork of
the process at its cell, so that nothing before that cell is computed again.
"""

import argparse
import ast
import copy
import io
import json
import math
import os
import pathlib
import pickle
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tokenize
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

import cells as chapter
from book import CHAPTERS, ROOT

SCORES = ROOT / "book" / "mutations.json"
WORKERS = 2
MEMORY = 16 << 30  # bytes of address space for a mutant: one that eats more is noticed
SHOWN = (
    "verify",
    "verify_at_most",
    "verify_at_least",
    "verify_within_se",
    "headline",
    "measured",
)
SHOWN += ("explore", "live", "exercise", "print", "display", "style")
DRAWN = re.compile(r"(plt|plot|fig|figure|ax|axes|axs)\d*$")
CHOICES = {
    "seed",
    "random_state",
    "generator",
    "rng",
    "atol",
    "rtol",
    "tol",
    "figsize",
    "dtype",
}
SWAPS = [
    *(("mean", "sum"), ("min", "max"), ("argmin", "argmax"), ("minimum", "maximum")),
    *(
        ("zeros", "ones"),
        ("zeros_like", "ones_like"),
        ("any", "all"),
        ("floor", "ceil"),
    ),
    *(("sin", "cos"), ("cumsum", "cumprod"), ("var", "std"), ("triu", "tril")),
    *(("sum", "mean"), ("amin", "amax"), ("log", "log1p"), ("exp", "expm1")),
]
OTHER = dict([pair[::-1] for pair in SWAPS] + SWAPS)
REMOVED = {
    "sqrt",
    "abs",
    "sort",
    "flip",
    "transpose",
    "conj",
    "square",
    "exp",
    "log",
    "tanh",
}
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip
COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE), ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Delete)


@dataclass(frozen=True)
class Mutant:
    """One edit: ``where`` counts the nodes of the cell's tree up to the changed one."""

    line: int
    where: int
    variant: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.line}: {self.before} → {self.after}"


# --- the edits ------------------------------------------------------------------------


def variants(node: ast.AST) -> list[ast.AST]:
    """What may stand in the place of a node."""

    def changed(**fields) -> ast.AST:
        new = copy.copy(node)
        for name, value in fields.items():
            setattr(new, name, value)
        return new

    match node:
        case ast.BinOp(op=ast.MatMult()):
            return [changed(left=node.right, right=node.left)]
        case ast.BinOp() if type(node.op) in OPERATORS and not _text(node):
            return [changed(op=OPERATORS[type(node.op)]())]
        case ast.AugAssign() if type(node.op) in OPERATORS:
            return [changed(op=OPERATORS[type(node.op)]()), ast.Pass()]
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            return [node.operand]
        case ast.Compare():
            options = COMPARISONS[type(node.ops[0])]
            return [changed(ops=[option(), *node.ops[1:]]) for option in options]
        case ast.BoolOp():
            return [changed(op=ast.Or() if isinstance(node.op, ast.And) else ast.And())]
        case ast.Constant(value=bool()):
            return [changed(value=not node.value)]
        case ast.Constant(value=int()):
            return [changed(value=node.value + 1, kind=None)]
        case ast.Constant(value=float()) if abs(node.value) > 1e-6:
            return [changed(value=float(f"{k * node.value:.6g}")) for k in (1.1, 2)]
        case ast.Constant(value=float()) if node.value == 0:
            return [changed(value=1.0)]
        case ast.Slice() if node.lower or node.upper:
            return list(_shifted(node, changed))
        case ast.Attribute(attr="T" | "mT" | "H"):
            return [node.value]
        case ast.Attribute() if node.attr in OTHER:
            return [changed(attr=OTHER[node.attr])]
        case ast.Call(func=ast.Name(id="min" | "max" | "any" | "all" | "sum")):
            pairs = {
                "min": "max",
                "max": "min",
                "any": "all",
                "all": "any",
                "sum": "max",
            }
            return [changed(func=ast.Name(pairs[node.func.id], ast.Load()))]
        case ast.Call(
            func=ast.Name(id="abs" | "sqrt" | "reversed" | "sorted"), args=[x, *_]
        ):
            return [x]
        case ast.Call(func=ast.Attribute(value=ast.Name(), attr=name), args=[x]) if (
            name in REMOVED
            and node.func.value.id in ("np", "math", "torch", "F", "jnp")
        ):
            return [x]
        case ast.Call(func=ast.Attribute(attr=name), args=[]) if name in REMOVED:
            return [node.func.value]
        case ast.Expr(value=ast.Call()):
            return [ast.Pass()]
        case ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            return [ast.Pass()]
        case ast.Assign(targets=[ast.Name(id=name)]) if name in _read(node.value):
            return [ast.Pass()]
        case ast.IfExp():
            return [node.body, node.orelse]
    return []


def _shifted(node: ast.Slice, changed) -> Iterator[ast.AST]:
    """A bound that is no constant, moved by one; constants are moved as constants."""
    if node.lower is None:
        yield changed(lower=ast.Constant(1))
    elif not isinstance(node.lower, (ast.Constant, ast.UnaryOp)):
        yield changed(lower=ast.BinOp(node.lower, ast.Add(), ast.Constant(1)))
    if node.upper and not isinstance(node.upper, (ast.Constant, ast.UnaryOp)):
        yield changed(upper=ast.BinOp(node.upper, ast.Sub(), ast.Constant(1)))


def _text(node: ast.BinOp) -> bool:
    return any(
        isinstance(side, ast.JoinedStr) or isinstance(getattr(side, "value", None), str)
        for side in (node.left, node.right)
    )


def _read(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _root(node: ast.AST) -> str:
    """The name that a chain of attributes, calls and indices starts with."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def marked_lines(source: str) -> set[int]:
    """Lines whose comment says that the text states nothing about them."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]
        for token in tokens
        if token.type == tokenize.COMMENT
        and re.match(r"#\s*(setting|drawing)\b", token.string)
    }


def _left_out(node: ast.AST, marked: set[int]) -> bool:
    """Whether a node, with all inside it, only draws, prints or chooses."""
    match node:
        case (
            ast.Import()
            | ast.ImportFrom()
            | ast.JoinedStr()
            | ast.Raise()
            | ast.Assert()
        ):
            return True
        case ast.FunctionDef() if "plt" in _read(node):
            return True
        case ast.FunctionDef() if any(
            _root(d) == "exercise" for d in node.decorator_list
        ):
            return True
        case ast.Call() if DRAWN.match(_root(node)) or _root(node) in SHOWN:
            return True
        case ast.Expr() if _left_out(node.value, set()):
            return True
        case ast.Call(
            func=ast.Attribute(
                attr="default_rng" | "manual_seed" | "seed" | "set_num_threads"
            )
        ):
            return True
        case ast.keyword() if node.arg in CHOICES:
            return True
    if isinstance(node, SIMPLE):
        return bool(marked & set(range(node.lineno, node.end_lineno + 1)))
    if isinstance(node, ast.expr):
        return node.lineno in marked
    return False


def _counted(node: ast.AST, marked: set[int]) -> Iterator[ast.AST]:
    """Every node that states something, in a fixed order."""
    if _left_out(node, marked):
        return
    yield node
    skipped = []
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        skipped = [node.returns, *node.decorator_list]
        skipped += [d for a, d in _defaults(node.args) if a.arg in CHOICES]
        skipped += [a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)]
    if isinstance(node, ast.AnnAssign):
        skipped = [node.annotation]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.arguments):
            for _, default in _defaults(child):
                if not any(default is s for s in skipped):
                    yield from _counted(default, marked)
        elif not any(child is s for s in skipped):
            yield from _counted(child, marked)


def _defaults(args: ast.arguments) -> list[tuple[ast.arg, ast.expr]]:
    plain = [*args.posonlyargs, *args.args]
    pairs = list(
        zip(plain[len(plain) - len(args.defaults) :], args.defaults, strict=True)
    )
    return pairs + [
        (a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d
    ]


def mutants(source: str, first_line: int = 1) -> list[Mutant]:
    """All single edits of a piece of Python that begins in that line of its file."""
    tree, marked = ast.parse(source), marked_lines(source)
    found = []
    for where, node in enumerate(_counted(tree, marked)):
        for variant, new in enumerate(variants(node)):
            before, after = _shown(source, node, new)
            if before != after:
                found.append(
                    Mutant(first_line + node.lineno - 1, where, variant, before, after)
                )
    return found


def _shown(source: str, node: ast.AST, new: ast.AST) -> tuple[str, str]:
    """The lines of a node before and after the edit, in one line each."""
    lines = source.splitlines()
    line, end = lines[node.lineno - 1], lines[node.end_lineno - 1]
    head = line.encode()[: node.col_offset].decode()
    tail = end.encode()[node.end_col_offset :].decode()
    old = ast.get_source_segment(source, node)
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(new)))
    loose = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp)
    if isinstance(new, loose) and not isinstance(node, loose):
        text = f"({text})"
    whole = (" ".join(f"{head}{middle}{tail}".split()) for middle in (old, text))
    return tuple(whole)


def mutated(source: str, mutant: Mutant, first_line: int = 1) -> ast.Module:
    """The syntax tree of ``source`` with that edit, numbered as the file is."""
    tree = ast.parse(source)
    node = list(_counted(tree, marked_lines(source)))[mutant.where]
    new = ast.copy_location(variants(node)[mutant.variant], node)

    class Edit(ast.NodeTransformer):
        def visit(self, visited: ast.AST) -> ast.AST:
            return new if visited is node else self.generic_visit(visited)

    return ast.increment_lineno(
        ast.fix_missing_locations(Edit().visit(tree)), first_line - 1
    )


def drawn(found: list, n: int, seed: int) -> list:
    """``n`` of the (place, mutant) pairs, so that no long line outweighs the rest."""
    generator, lines = random.Random(seed), {}
    for pair in found:
        lines.setdefault(pair[1].line, []).append(pair)
    queues = [generator.sample(pairs, len(pairs)) for _, pairs in sorted(lines.items())]
    chosen = []
    while queues and len(chosen) < n:
        generator.shuffle(queues)
        chosen += [queue.pop() for queue in queues]
        queues = [queue for queue in queues if queue]
    return sorted(chosen[:n], key=lambda pair: (pair[0], pair[1].line, pair[1].where))


# --- chapters -------------------------------------------------------------------------


@dataclass
class Child:
    """A mutant on its way: a process, its deadline, the file for its last words."""

    mutant: Mutant
    pid: int
    deadline: float
    words: pathlib.Path


class Chapter:
    """Runs a chapter once, and every chosen mutant from its cell to the end."""

    def __init__(self, source: pathlib.Path, options: argparse.Namespace):
        self.source, self.verbose = source, options.verbose
        self.cells = [
            c for c in chapter.code(chapter.read(source)) if c.kind != "yours"
        ]
        found = [
            (place, mutant)
            for place, cell in enumerate(self.cells)
            if cell.kind == "idea"
            for mutant in mutants(cell.source, cell.line)
            if not options.lines or mutant.line in options.lines
        ]
        self.possible = len(found)
        self.chosen = drawn(found, options.n, options.seed)
        self.children: list[Child] = []
        self.survivors: list[Mutant] = []
        self.noticed = 0
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mutants-"))

    def score(self) -> dict:
        """Runs everything; {"mutants", "noticed", "survivors"}."""
        run = chapter.Run(self.source)
        try:
            times, self.truths = self._unchanged(run)
            print(
                f"{self.source.stem}: {self.possible} mutants possible, "
                f"{len(self.chosen)} chosen; the chapter takes {sum(times):.0f} s",
                flush=True,
            )
            for place, cell in enumerate(self.cells):
                for mutant in [m for p, m in self.chosen if p == place]:
                    self._wait(WORKERS - 1)
                    self._fork(run, place, mutant, 30 + 10 * sum(times[place:]))
                if any(p > place for p, _ in self.chosen):
                    run.run(cell)
            self._wait(0)
        finally:
            for child in self.children:
                os.kill(child.pid, signal.SIGKILL)
            shutil.rmtree(self.folder)
        survivors = sorted(self.survivors, key=lambda m: (m.line, m.where))
        return {
            "mutants": len(self.chosen),
            "noticed": self.noticed,
            "survivors": [str(mutant) for mutant in survivors],
        }

    def _unchanged(self, run: chapter.Run) -> tuple[list[float], list]:
        """Seconds that each cell takes, and the numbers of the live figures."""
        note = self.folder / "unchanged"
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
                times = []
                for cell in self.cells:
                    start = time.perf_counter()
                    run.run(cell)
                    times.append(time.perf_counter() - start)
                note.write_bytes(pickle.dumps((times, run.truths)))
                code = 0 if _same(run.truths, run.truths) else 1
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit(f"{self.source.stem} fails without any mutant")
        return pickle.loads(note.read_bytes())

    def _fork(self, run: chapter.Run, place: int, mutant: Mutant, limit: float) -> None:
        words = self.folder / f"{mutant.line}-{mutant.where}-{mutant.variant}"
        sys.stdout.flush()
        pid = os.fork()
        if pid:
            self.children.append(Child(mutant, pid, time.monotonic() + limit, words))
            return
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            cell = self.cells[place]
            run.run(cell, mutated(cell.source, mutant, cell.line))
            for rest in self.cells[place + 1 :]:
                run.run(rest)
            if not _same(run.truths, self.truths):
                raise AssertionError("a live figure has other numbers")
            code = 0
        except BaseException as error:
            here = [f.lineno for f in traceback.extract_tb(error.__traceback__)
                    if f.filename == str(self.source)]  # fmt: skip
            said = " ".join(str(error).split())[:200]
            at = f"line {here[0]}: " if here else ""
            words.write_text(f"{at}{type(error).__name__}: {said}", encoding="utf-8")
        finally:
            os._exit(code)

    def _wait(self, allowed: int) -> None:
        """Until no more than so many children are running."""
        while len(self.children) > allowed:
            for child in list(self.children):
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                late = not pid and time.monotonic() > child.deadline
                if late:
                    os.kill(child.pid, signal.SIGKILL)
                    os.waitpid(child.pid, 0)
                if pid or late:
                    self.children.remove(child)
                    self._count(child, status, late)
            time.sleep(0.02)

    def _count(self, child: Child, status: int, late: bool) -> None:
        survived = status == 0 and not late
        if survived:
            self.survivors.append(child.mutant)
        else:
            self.noticed += 1
        done = self.noticed + len(self.survivors)
        mark = "SURVIVED" if survived else "noticed "
        print(f"{done:3}/{len(self.chosen)} {mark} {child.mutant}", flush=True)
        if self.verbose and not survived:
            ended = "ran without end" if late else f"ended with status {status}"
            said = (
                child.words.read_text(encoding="utf-8")
                if child.words.exists()
                else ended
            )
            print(f"             {said}", flush=True)


def _same(now: object, before: object) -> bool:
    """Whether a live figure has its numbers yet (its script is tested to have them)."""
    if hasattr(now, "tolist"):
        now = now.tolist()
    if hasattr(before, "tolist"):
        before = before.tolist()
    if isinstance(before, dict):
        return now.keys() == before.keys() and all(
            _same(now[k], before[k]) for k in now
        )
    if isinstance(before, (list, tuple)):
        return len(now) == len(before) and all(map(_same, now, before))
    if isinstance(before, (int, float)):
        return math.isclose(now, before, rel_tol=1e-6, abs_tol=1e-6) or now is before
    return now == before


# --- helpers --------------------------------------------------------------------------


def module_score(
    source: pathlib.Path, tests: list[str], n: int, seed: int, lines: list[int]
) -> dict:
    """Mutants of one of the helpers, each judged by pytest on a copy of the package."""
    source = source.resolve()
    text = source.read_text(encoding="utf-8")
    found = [(0, m) for m in mutants(text) if not lines or m.line in lines]
    chosen = drawn(found, n, seed)
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        top = next(p for p in source.parents if not (p.parent / "__init__.py").exists())
        skipped = shutil.ignore_patterns("__pycache__")
        package = shutil.copytree(top, pathlib.Path(folder) / top.name, ignore=skipped)
        copied = package / source.relative_to(top)
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        # -p imports the copy at once, before a conftest.py puts another folder first.
        command += ["-p", top.name, f"--rootdir={ROOT}"]
        command += [str((ROOT / test).resolve()) for test in tests]
        environment = os.environ | {"PYTHONPATH": folder, "PYTHONUTF8": "1"}
        environment["PYTHONDONTWRITEBYTECODE"] = "1"

        def passes(program: str, limit: float | None = None) -> bool:
            copied.write_text(program, encoding="utf-8")
            try:
                how = {"cwd": folder, "env": environment, "timeout": limit}
                return not subprocess.run(
                    command, capture_output=True, **how
                ).returncode
            except subprocess.TimeoutExpired:
                return False

        start = time.monotonic()
        if not passes(text):
            sys.exit(f"{' '.join(tests)} fail without any mutant")
        limit = 30 + 10 * (time.monotonic() - start)
        if passes(text + "\nraise SystemError('the tests must import this copy')\n"):
            sys.exit(f"{' '.join(tests)} do not import {source.name} from the copy")
        for number, (_, mutant) in enumerate(chosen, 1):
            survived = passes(ast.unparse(mutated(text, mutant)), limit)
            if survived:
                survivors.append(str(mutant))
            mark = "SURVIVED" if survived else "noticed "
            print(f"{number:3}/{len(chosen)} {mark} {mutant}", flush=True)
    noticed = len(chosen) - len(survivors)
    return {"mutants": len(chosen), "noticed": noticed, "survivors": survivors}


def _store(name: str, score: dict) -> None:
    """Put a chapter's score where the book's page of scores is made from."""
    scores = json.loads(SCORES.read_text(encoding="utf-8")) if SCORES.exists() else {}
    scores = dict(sorted((scores | {name: score}).items()))
    text = json.dumps(scores, indent=1, ensure_ascii=False) + "\n"
    SCORES.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("what", help="part of a chapter's name, or a .py file")
    add("--n", type=int, default=40, help="so many mutants, drawn at random")
    add("--seed", type=int, default=0)
    add("--tests", nargs="+", help="`what` is a module, judged by these tests")
    add("--lines", nargs="+", type=int, default=[], help="only these; keeps no score")
    add("--list", action="store_true", help="only name all possible mutants")
    add("--verbose", "-v", action="store_true", help="say what noticed each")
    options = parser.parse_args()
    name = options.what
    if options.tests:
        score = module_score(
            pathlib.Path(name), options.tests, options.n, options.seed, options.lines
        )
    else:
        sources = [s for s in CHAPTERS if name in s.stem]
        if name.endswith(".py"):
            sources = [pathlib.Path(name).resolve()]
        if len(sources) != 1:
            parser.error(f"{name!r} names {len(sources)} chapters, expected one")
        chapter.quiet_environment()
        run = Chapter(sources[0], options)
        if options.list:
            ideas = [cell for cell in run.cells if cell.kind == "idea"]
            for cell in ideas:
                print(*mutants(cell.source, cell.line), sep="\n")
            return
        score, name = run.score(), sources[0].stem
        if sources[0] in CHAPTERS and not options.lines:
            _store(name, score)
    share = 100 * score["noticed"] / max(score["mutants"], 1)
    print(f"\n{name}: {score['noticed']} of {score['mutants']} noticed ({share:.0f} %)")
    print(*("  survived " + survivor for survivor in score["survivors"]), sep="\n")


if __name__ == "__main__":
    main()
