"""Lay out the code of the chapters alike, to the width of the page: ``python tools/layout.py``.

The style is [tool.yapf] in pyproject.toml: arguments are packed, not one a line, because a chapter
is read on a page that shows some eighty-eight characters and should not scroll for ever.
"""

import ast
import pathlib
import re

import jupytext
from yapf.yapflib.yapf_api import FormatCode

ROOT = pathlib.Path(__file__).resolve().parent.parent


def laid_out(code):
    """The same program, laid out; trailing commas go, or they would force one argument a line."""
    plain = re.sub(r",(\s*\n\s*)([)\]}])", r"\1\2", code)
    out, _ = FormatCode(plain, style_config=str(ROOT / "pyproject.toml"))
    out = out.rstrip("\n")
    return out if ast.dump(ast.parse(out)) == ast.dump(ast.parse(code)) else code


def main():
    for source in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.py")):
        notebook = jupytext.read(source)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.source = laid_out(cell.source)
        text = jupytext.writes(notebook, "py:percent")
        text = re.sub(r"#     text_representation:\n(#       .*\n)+", "", text)
        if text != source.read_text():
            source.write_text(text)
            print(f"laid out anew: {source.name}")


if __name__ == "__main__":
    main()
