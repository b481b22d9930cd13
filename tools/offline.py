"""Pack the built book into one zip that a double click on index.html opens."""

import argparse
import pathlib
import sys
import zipfile

from book import ROOT

NAME = "deep-learning-run"
BUILT = ROOT / "_build" / "html"
LONG_AGO = (1980, 1, 1, 0, 0, 0)  # of every file: the same book makes the same bytes


def pack(built: pathlib.Path, to: pathlib.Path) -> None:
    """Write all that stands in the folder ``built`` into the zip ``to``, in one folder.

    Raises ``FileNotFoundError`` when there is no index.html.
    """
    if not (built / "index.html").exists():
        raise FileNotFoundError(f"{built} has no index.html: `make book` builds it")
    files = sorted(
        (path.relative_to(built).as_posix(), path)
        for path in built.rglob("*")
        if path.is_file() and path.name != ".buildinfo" and path.stem != NAME
    )
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, path in files:
            info = zipfile.ZipInfo(f"{NAME}/{name}", LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            packed.writestr(info, path.read_bytes(), compresslevel=9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", type=pathlib.Path, default=BUILT)
    built = parser.parse_args().built
    to = built.parent / f"{NAME}.zip"
    try:
        pack(built, to)
    except FileNotFoundError as error:
        sys.exit(str(error))
    print(f"Packed: {to}, {to.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
