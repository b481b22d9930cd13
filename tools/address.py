"""Stamp the public address into the book: ``python tools/address.py URL | --remove``.

The address is one line of _config.yml. From there it goes into the chapters' Colab
cells (source and product), the README's badges and, at build time, the launch buttons.
"""

import argparse
import pathlib
import re
import sys

import book

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


def stamp(url: str, root: pathlib.Path = book.ROOT) -> None:
    """Write the address ``url`` everywhere below ``root``; an empty one removes it."""
    address = badges = ""
    config = (root / "_config.yml").read_text(encoding="utf-8")
    branch = re.search(r"^  branch: (\S+)", config, re.M)
    if len(re.findall(r'^  url: ".*"$', config, re.M)) != 1 or not branch:
        raise ValueError(
            '_config.yml has no `url: "…"` and `branch: …` under repository'
        )
    if url:
        owner, name = parse(url)
        address = f"https://github.com/{owner}/{name}"
        badges = (
            f"[Read it](https://{owner.lower()}.github.io/{name}/) · "
            f"[Binder](https://mybinder.org/v2/gh/{owner}/{name}/{branch[1]}"
            "?urlpath=lab/tree/notebooks) · "
            f"[Colab](https://colab.research.google.com/github/{owner}/{name}"
            f"/blob/{branch[1]}/notebooks/)\n"
        )
    _replace(
        root / "_config.yml", re.compile(r'^(  url: )".*"$', re.M), rf'\g<1>"{address}"'
    )
    for source in book.notebooks(root):
        _replace(source, IN_SOURCE, rf'\g<1>"{address}"')
        _replace(source.with_suffix(".ipynb"), IN_PRODUCT, rf'\g<1>\\"{address}\\"')
    _replace(root / "README.md", BADGES, rf"\g<1>{badges}\g<2>")


def _replace(path, pattern, text):
    if path.exists():
        before = path.read_text(encoding="utf-8")
        path.write_text(pattern.sub(text, before), encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", nargs="?", help="https://github.com/owner/name")
    parser.add_argument("--remove", action="store_true", help="take the address away")
    options = parser.parse_args()
    if bool(options.url) == options.remove:
        parser.error("expected either an address or --remove")
    try:
        stamp(options.url or "")
    except ValueError as error:
        sys.exit(str(error))
    print("Removed." if options.remove else "Stamped.")


if __name__ == "__main__":
    main()
