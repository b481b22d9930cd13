"""What tools and tests share: where things are, how chapters and the book are made.

    from book import CHAPTERS, ERRATA, NOTEBOOKS, ROOT, build, environment

``python tools/book.py --path-output DIR`` builds the book into DIR/_build/html.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

import yaml

import address

ROOT = pathlib.Path(__file__).resolve().parent.parent


def notebooks(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """The sources (.py) of the notebooks below ``root``, in the order of _toc.yml."""
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    return [root / f"{name}.py" for name in files if name.startswith("notebooks/")]


NOTEBOOKS = notebooks()
CHAPTERS = [source for source in NOTEBOOKS if source.stem != "99_errata"]
ERRATA = ROOT / "notebooks" / "99_errata.py"


def environment() -> dict[str, str]:
    """The variables of a process that runs a chapter: one thread, no progress bars."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return os.environ | dict.fromkeys(threads, "1") | {"BOOK_QUIET": "1"}


def build(
    root: pathlib.Path = ROOT,
    output: pathlib.Path | None = None,
    url: str | None = None,
) -> tuple[int, str]:
    """Build the book below ``root`` from the stored outputs; (exit status, log).

    The pages come to ``output``/_build/html (``output`` is ``root`` when it is None).
    ``url`` is the public address, found by itself when it is None, "" for none. Any
    warning makes the exit status 1. After a build that failed or was interrupted the
    next one begins from nothing.
    """
    url = address.find(root) if url is None else url
    made = (output or root) / "_build"
    if (begun := made / ".begun").exists():  # pages cut short, warnings passed over
        for left in (".doctrees", "html"):
            shutil.rmtree(made / left, ignore_errors=True)
    made.mkdir(parents=True, exist_ok=True)
    begun.touch()
    run = subprocess.run(
        [
            *(sys.executable, "-c", "from jupyter_book.cli.main import main; main()"),
            *("build", str(root), "--path-output", str(output or root)),
            *("-W", "--keep-going", "-n", "-q"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        cwd=root,
        env=os.environ
        | {"PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1"}
        | {"BOOK_ADDRESS": url, "BOOK_PAGES": address.pages(url) if url else ""},
    )
    if run.returncode == 0:
        begun.unlink()
    return run.returncode, run.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Build the book; any warning is an error."
    )
    parser.add_argument("--path-output", type=pathlib.Path, default=ROOT)
    status, log = build(ROOT, parser.parse_args().path_output)
    print(log, end="")
    sys.exit(status)


if __name__ == "__main__":
    main()
