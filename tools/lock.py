"""Resolve the dependencies of pyproject.toml into requirements.txt: ``make lock``.

A fresh environment gets the package and all its dependency groups, and what pip chose
is written down. ``--newest`` takes off the pins of pyproject.toml as well, those of the
site's builder excepted; it is what the weekly workflow does before it tests.

There are no hashes in the file: torch has another build for every kind of computer, and
each reader's pip takes the one of the index that it is set up with.
"""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import venv

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = """\
# What building and testing needs, exact. Made by `make lock` (Python {python})
# from what pyproject.toml asks for; `make install` puts it into .venv.
# To use another build of torch (CUDA, say), install it into .venv first.
"""
# What other systems need besides; pip finds these only there.
ELSEWHERE = {"ipykernel": ["appnope==0.1.4; sys_platform == 'darwin'"]}
MOVES = ("torch",)  # pinned for the readers, not for the weekly trial


def direct(newest: bool = False) -> list[str]:
    """What the project itself asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = list(project["project"]["dependencies"])
    for group in project["dependency-groups"].values():
        wanted += group
    if newest:
        wanted = [name(w) if name(w) in MOVES else w for w in wanted]
    return wanted


def name(requirement: str) -> str:
    """The package that a requirement names, spelled as pip compares names."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def lock(frozen: list[str], python: str) -> str:
    """The text of requirements.txt for what ``pip freeze`` said."""
    pins = [re.sub(r"\+\w+(\.\w+)*$", "", pin) for pin in frozen if "==" in pin]
    for package, others in ELSEWHERE.items():
        if package in map(name, pins):
            pins += others
    lines = [*sorted(pins, key=name), "-e .", ""]
    return HEADER.format(python=python) + "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--newest", action="store_true", help="also without the pins")
    options = parser.parse_args()
    python = ".".join(map(str, sys.version_info[:2]))
    if python != "3.11" and not options.newest:
        sys.exit(
            f"this is Python {python}, expected 3.11, the oldest that the book runs on"
        )
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "-qq", "--upgrade", "pip"], check=True)
        subprocess.run([*pip, "install", "-q", *direct(options.newest)], check=True)
        freeze = [*pip, "freeze", "--all", "--exclude", "pip"]
        run = subprocess.run(freeze, check=True, capture_output=True, text=True)
    text = lock(run.stdout.splitlines(), python)
    (ROOT / "requirements.txt").write_text(text, encoding="utf-8")
    print(f"{text.count('==')} packages in requirements.txt")


if __name__ == "__main__":
    main()
