"""Stamp the repository's public address into the book: ``python tools/address.py URL``.

The address is one line of _config.yml. From there it goes into the chapters' Colab cells (source
and product), the README's badges and, at build time, the launch buttons.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINE = re.compile(r'^(REPOSITORY = )"[^"]*"', re.M)
LINE_JSON = re.compile(r'(REPOSITORY = )\\"[^"\\]*\\"')


def stamp(url, root=ROOT):
    """Write ``url`` (https, no trailing slash; empty to remove it) everywhere below ``root``."""
    if url and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise ValueError(f"URL is {url!r}, expected something like https://github.com/owner/name")
    config = root / "_config.yml"
    text, found = re.subn(r'^(  url: )"[^"]*"', rf'\g<1>"{url}"', config.read_text(), flags=re.M)
    if found != 1:
        raise ValueError(f"expected one line 'url: \"…\"' under repository in _config.yml, found {found}")
    config.write_text(text)
    for source in sorted((root / "notebooks").glob("[0-9][0-9]_*.py")):
        source.write_text(LINE.sub(rf'\g<1>"{url}"', source.read_text()))
        product = source.with_suffix(".ipynb")
        if product.exists():
            product.write_text(LINE_JSON.sub(rf'\g<1>\\"{url}\\"', product.read_text()))
    readme = root / "README.md"
    badges = ""
    if url:
        owner_name = "/".join(url.split("/")[-2:])
        badges = (
            f"[Read it](https://{owner_name.split('/')[0]}.github.io/{owner_name.split('/')[1]}/) · "
            f"[Binder](https://mybinder.org/v2/gh/{owner_name}/HEAD?urlpath=lab/tree/notebooks) · "
            f"[Colab](https://colab.research.google.com/github/{owner_name}/blob/main/notebooks/)"
        )
    pattern = re.compile(r"(<!-- address -->\n).*?(<!-- /address -->)", re.S)
    readme.write_text(pattern.sub(lambda m: m[1] + (badges + "\n" if badges else "") + m[2], readme.read_text()))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make address URL=https://github.com/owner/name")
    try:
        stamp(sys.argv[1].rstrip("/"))
    except ValueError as error:
        sys.exit(str(error))
    print("Stamped. Run `make notebooks` (the sources changed) and commit.")
