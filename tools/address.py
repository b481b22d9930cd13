"""The public address of the book: found at build, stamped where somebody opens it.

A build finds it by itself (`find`) for the launch buttons. ``python tools/address.py
[URL | --remove]`` writes it, or takes it out of the chapters' Colab cells and the
README's badges; ``--launch DIR`` leaves this checkout alone and writes what stands on
the branch ``launch``: the committed book, stamped, each chapter saying how long it
runs.
"""

import argparse
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BRANCH = "launch"  # of the stamped notebooks: Binder and Colab open it

IN_SOURCE = re.compile(r'^(REPOSITORY = )".*?"', re.M)
IN_PRODUCT = re.compile(r'(REPOSITORY = )\\".*?\\"')
BADGES = re.compile(r"(<!-- address -->\n).*?(<!-- /address -->)", re.S)
GITHUB = re.compile(  # with GitHub's own letters
    r"(?:https://github\.com/|git@github\.com:)"
    r"(?P<owner>[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38})/(?P<name>[\w.-]{1,100}?)"
    r"(?:\.git)?/?",
    re.ASCII,
)


def parse(url: str) -> tuple[str, str]:
    """(owner, name) of a repository on GitHub; raises ``ValueError`` for all else."""
    found = GITHUB.fullmatch(url)
    if not found or found["name"] in (".", ".."):
        raise ValueError(
            f"URL is {url!r}, expected something like https://github.com/owner/name"
        )
    return found["owner"], found["name"]


def pages(url: str) -> str:
    """Where GitHub serves the built book of the repository ``url``."""
    owner, name = parse(url)
    if name.lower() == f"{owner}.github.io".lower():
        return f"https://{owner.lower()}.github.io/"
    return f"https://{owner.lower()}.github.io/{name}/"


def find(root: pathlib.Path = ROOT) -> str:
    """The address of the hosting CI's repository, else of the git remote ``origin``.

    An empty string when there is neither, or when it is not on GitHub.
    """
    if name := os.environ.get("GITHUB_REPOSITORY"):
        url = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    else:
        git = ["git", "-C", str(root), "remote", "get-url", "origin"]
        try:
            url = subprocess.run(git, capture_output=True, text=True).stdout.strip()
        except FileNotFoundError:  # no git on this machine
            return ""
    try:
        return "https://github.com/{}/{}".format(*parse(url))
    except ValueError:
        return ""


def badges(url: str) -> str:
    """The README's line of links and the state of the tests."""
    owner, name = parse(url)
    return (
        f"[![tests]({url}/actions/workflows/deploy.yml/badge.svg)]({url}/actions) "
        f"[Read it]({pages(url)}) · "
        f"[Binder](https://mybinder.org/v2/gh/{owner}/{name}/{BRANCH}"
        "?urlpath=lab/tree/notebooks) · "
        f"[Colab](https://colab.research.google.com/github/{owner}/{name}"
        f"/blob/{BRANCH}/notebooks/)\n"
    )


def stamp(url: str, root: pathlib.Path = ROOT) -> None:
    """Write the address ``url`` everywhere below ``root``; an empty one removes it."""
    if url:
        url = "https://github.com/{}/{}".format(*parse(url))
    for source in sorted((root / "notebooks").glob("*.py")):
        _replace(source, IN_SOURCE, rf'\g<1>"{url}"')
        _replace(source.with_suffix(".ipynb"), IN_PRODUCT, rf'\g<1>\\"{url}\\"')
    line = badges(url) if url else ""
    _replace(root / "README.md", BADGES, rf"\g<1>{line}\g<2>")


def _replace(path, pattern, text):
    if path.exists():
        before = path.read_text(encoding="utf-8")
        path.write_text(pattern.sub(text, before), encoding="utf-8", newline="\n")


def launch(url: str, folder: pathlib.Path, root: pathlib.Path = ROOT) -> None:
    """Write the branch of the stamped notebooks into ``folder``, which must be empty.

    It holds what is committed below ``root``. In each product a first cell says how
    long the chapter runs, by the benchmark page.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"folder {folder} is not empty, expected one to write into")
    folder.mkdir(parents=True, exist_ok=True)
    committed = subprocess.run(
        ["git", "-C", str(root), "archive", "HEAD"], stdout=subprocess.PIPE, check=True
    ).stdout
    with tarfile.open(fileobj=io.BytesIO(committed)) as archive:
        archive.extractall(folder, filter="data")
    stamp(url, folder)
    seconds = run_times(folder)
    for product in sorted((folder / "notebooks").glob("*.ipynb")):
        notebook = json.loads(product.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:  # what a link to a section of Colab asks for
            cell["metadata"]["id"] = cell["id"]
        notebook["cells"].insert(0, _first_line(seconds.get(product.stem)))
        text = json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"
        product.write_text(text, encoding="utf-8", newline="\n")


def run_times(root: pathlib.Path = ROOT) -> dict[str, int]:
    """Seconds of one core that each chapter took when it was last measured."""
    table = json.loads((root / "book/benchmarks.json").read_text(encoding="utf-8"))
    row = re.compile(r"(\w+): run from top to bottom")
    return {
        found[1]: int(figure.split()[0])
        for what, figure in table.items()
        if (found := row.fullmatch(what))
    }


def _first_line(seconds):
    about = f" It takes about {max(10, round(seconds, -1))} s." if seconds else ""
    return {
        "cell_type": "markdown",
        "id": "how-long",
        "metadata": {},
        "source": [
            f"*Run all cells first: the sliders then compute anew.{about} In Colab the "
            "first run also installs the helpers, for half a minute.*"
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", help="https://github.com/owner/name")
    parser.add_argument("--remove", action="store_true", help="take the address away")
    parser.add_argument("--launch", type=pathlib.Path, help="write that branch here")
    options = parser.parse_args()
    if options.remove and (options.url or options.launch):
        parser.error("expected either an address or --remove")
    url = "" if options.remove else options.url or find()
    if not url and not options.remove:
        sys.exit("no address found: set URL=https://github.com/owner/name")
    try:
        if options.launch:
            launch(url, options.launch)
        else:
            stamp(url)
    except ValueError as error:
        sys.exit(str(error))
    print("Removed." if options.remove else f"Stamped: {url}")


if __name__ == "__main__":
    main()
