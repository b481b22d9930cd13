"""How notebooks are tested, a plugin of pytest: each runs once, by nbval, cell by cell.

The network is closed. After each cell its claims are compared with those stored; after
the last one every exercise is answered by its worked solution, in the same kernel.
"""

import ast
import json
import math
import os
import re

import nbformat
import pytest
from markdown_it import MarkdownIt
from nbval.plugin import IPyNbCell, IPyNbFile
from xdist.scheduler import LoadScopeScheduling

from book import NOTEBOOKS, ROOT

CLAIM = "application/vnd.book.claim+json"
HEADLINE = "application/vnd.book.headline+json"
MINUTES = 60  # seconds; a busy machine may take its time
# Python runs a module of this name in every process that finds it: the kernel and its
# children.
OFFLINE = '''
import ipaddress, socket, sys

def here(host):
    try:
        return host in (None, "", "localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

def guard(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if args[0].family == getattr(socket, "AF_UNIX", None) or args[1] is None:
            return
        host = args[1][0]
    else:
        return
    if not here(host):
        raise OSError(f"the book fetches nothing, but {host} was asked for")

sys.addaudithook(guard)
'''


# --- which tests, in which order, on which worker -------------------------------------


def pytest_collection_modifyitems(config, items):
    """An order in which nobody waits; with BOOK_CHAPTER=05 what names that chapter."""
    if wanted := os.environ.get("BOOK_CHAPTER"):
        names = [source.stem for source in NOTEBOOKS if source.stem.startswith(wanted)]
        if len(names) != 1:
            raise pytest.UsageError(
                f"CHAPTER is {wanted!r}, expected the beginning of one name"
            )
        config.hook.pytest_deselected(
            items=[i for i in items if names[0] not in i.nodeid]
        )
        items[:] = [item for item in items if names[0] in item.nodeid]
    table = ROOT / "book" / "benchmarks.json"
    costs = json.loads(table.read_text(encoding="utf-8")) if table.exists() else {}

    def cost(item):
        found = re.match(
            r"\d+", costs.get(f"{item.path.stem}: run from top to bottom", "")
        )
        return -int(found[0]) if found and isinstance(item, IPyNbCell) else 0

    asks = {item.path for item in items if "built" in getattr(item, "fixturenames", ())}

    def rank(item):
        """Notebooks; who builds the book; who needs none of it meanwhile; the rest."""
        if isinstance(item, IPyNbCell):
            return 0
        if item.path.name == "test_book.py":
            return 1
        return 3 if item.path in asks else 2

    items.sort(key=lambda item: (rank(item), cost(item)))


class ByPage(LoadScopeScheduling):
    """A notebook or a module to a worker; what looks at single pages, one by one."""

    def _split_scope(self, nodeid):
        alone = nodeid.startswith("tests/test_browser.py")
        return nodeid if alone else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # keep the order of above
    return ByPage(config, log)


# --- a notebook -----------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path, parent):
    found = yield
    return [
        Notebook.from_parent(parent, path=file_path)
        if isinstance(one, IPyNbFile)
        else one
        for one in found
    ]


class Notebook(IPyNbFile):
    """A notebook in a kernel without a network: its cells, then its solutions."""

    def setup(self):
        self.config.option.nbval_cell_timeout = 30 * MINUTES
        self.config.option.nbval_kernel_startup_timeout = 10 * MINUTES
        folder = self.session.config._tmp_path_factory.mktemp("kernel")
        (folder / "sitecustomize.py").write_text(OFFLINE, encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
            patch.setenv("IPYTHONDIR", str(folder))  # none of the reader's own settings
            super().setup()

    def collect(self):
        for item in super().collect():
            yield Cell.from_parent(
                self,
                name=item.name,
                cell_num=item.cell_num,
                cell=item.cell,
                options=item.options,
            )
        for id, source in answers(self.nb).items():
            yield Answer.from_parent(
                self,
                name=f"Solution of {id}",
                cell_num=len(self.nb.cells),
                cell=nbformat.v4.new_code_cell(source),
                options=dict.fromkeys(("skip", "check", "check_exception"), False),
            )


class Cell(IPyNbCell):
    """A cell: it runs, says nothing on stderr, and claims what is stored."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.output_timeout = 10 * MINUTES

    def runtest(self):
        super().runtest()
        errors = [o.text for o in self.test_outputs if o.get("name") == "stderr"]
        if errors:
            self.raise_cell_error(
                "A warning in a chapter is a question unanswered", errors[0]
            )
        before, now = claims(self.cell.outputs), claims(self.test_outputs)
        if difference := differ(before, now):
            self.raise_cell_error(
                "The stored claims are not those of this run", difference
            )


class Answer(Cell):
    """A worked solution is right, and what is no answer is not."""

    def reportinfo(self):
        return self.path, 0, f"{self.path.name}::{self.name}"

    def runtest(self):
        IPyNbCell.runtest(self)
        shown = [str(o.data.get("text/html")) for o in self.test_outputs if "data" in o]
        states = re.findall(r'data-state="([\w ]+)"', "".join(shown))
        if states != ["right", "not yet", "not yet"]:
            said = "\n".join(
                o.data.get("text/plain", "") for o in self.test_outputs if "data" in o
            )
            self.raise_cell_error(
                "The solution, object() and None were said to be", said
            )


# --- claims ---------------------------------------------------------------------------


def claims(outputs):
    """The claims among the outputs of a cell, in order; of a headline with its rtol."""
    shown = [output["data"] for output in outputs if CLAIM in output.get("data", {})]
    return [
        data[CLAIM] | {"rtol": data.get(HEADLINE, {}).get("rtol")} for data in shown
    ]


def differ(before, now):
    """What distinguishes the stored claims from those of this run, or "".

    Words, order and kinds are equal. Numbers agree to three digits or to the claim's
    tolerance; those of a one-sided claim, which differ between machines, may also be
    nearer to each other than to the limit.
    """
    words = [
        [(claim["claim"], claim["kind"]) for claim in side] for side in (before, now)
    ]
    if words[0] != words[1]:
        return f"stored: {words[0]}\nthis run: {words[1]}"
    for old, new in zip(before, now, strict=True):
        note, limits = new.get("tolerance", ""), numbers(new["expected"])
        sides, tolerance = ("measured", "expected"), 0.0
        if note.startswith("±"):  # "± 0.01", "± 4 standard errors of 0.009"
            tolerance = math.prod(numbers(note))
        elif new["rtol"] and "worst" in note:  # of several pairs, which may change
            sides, limits, tolerance = ("tolerance",), [1.0], new["rtol"]
        elif new["rtol"]:
            tolerance = new["rtol"] * max(limits)
        for side in sides:
            was, is_now = old[side], new[side]
            if not close(was, is_now, tolerance, limits):
                return f"{old['claim']}: {side} {was} stored, {is_now} in this run"
    return ""


def close(old, new, tolerance, limits):
    """Whether two printed values agree: the words exactly, the numbers nearly."""
    a, b = numbers(old), numbers(new)
    if len(a) != len(b) or NUMBER.sub("", str(old)) != NUMBER.sub("", str(new)):
        return False
    largest = max(map(abs, [*a, *b, *limits]), default=0.0)
    return all(
        abs(x - y) <= max(tolerance, 1e-3 * largest)
        or (len(limits) == 1 and nearer(x, y, limits[0]))
        for x, y in zip(a, b, strict=True)
    )


def nearer(old, new, limit):
    """Whether ``old`` is nearer to ``new`` than the limit is, by distance or ratio."""
    if abs(old - new) <= abs(new - limit):
        return True
    if min(old, new, limit) <= 0:
        return False
    return abs(math.log(old / new)) <= abs(math.log(new / limit))


NUMBER = re.compile(r"[-−]?\d+(?:\.\d*)?(?:e[-+−]?\d+)?")


def numbers(text):
    return [float(found.replace("−", "-")) for found in NUMBER.findall(str(text))]


# --- exercises ------------------------------------------------------------------------


def asked(source):
    """(id, text) of each ``exercise("id").check(answer)`` in a cell's code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    attr="check",
                    value=ast.Call(
                        func=ast.Name(id="exercise"), args=[ast.Constant(value=id)]
                    ),
                )
            ):
                found.append((id, ast.get_source_segment(source, node)))
    return found


def solutions(markdown):
    """The code of the worked solutions in a Markdown cell: one string for each fold."""
    found, inside = [], False
    for token in MarkdownIt().parse(markdown):
        if token.type == "html_block":
            inside = "<summary>Solution</summary>" in token.content
        elif token.type == "fence" and token.info.strip() == "python" and inside:
            found.append(token.content)
    return found


def answers(notebook):
    """By exercise: its solution, its check, and the check of two answers that are none.

    Raises ``ValueError`` for an exercise without a solution, or one that is asked
    twice.
    """
    found, waiting = {}, None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for id, line in asked(cell.source):
                if waiting:
                    raise ValueError(f"exercise {waiting[0]!r} has no solution")
                if id in found:
                    raise ValueError(f"exercise {id!r} stands twice")
                waiting = (id, line)
        elif waiting and (code := solutions(cell.source)):
            id, line = waiting
            wrong = f"for _no in (object(), None):\n    exercise({id!r}).check(_no)\n"
            found[id], waiting = f"{code[0]}\n{line}\n{wrong}", None
    if waiting:
        raise ValueError(f"exercise {waiting[0]!r} has no solution")
    return found
