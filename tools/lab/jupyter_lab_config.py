"""How `make lab` opens JupyterLab: the notebooks alone, no news, citations as names."""

import atexit
import json
import pathlib
import shutil
import tempfile

from pybtex.database import parse_file

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def names(entry) -> tuple[str, str]:
    """(authors, year) of an entry of the bibliography, as a citation shows them."""
    people = [
        " ".join(person.prelast_names + person.last_names)
        for person in entry.persons.get("author") or entry.persons.get("editor", [])
    ]
    authors = " and ".join(people) if len(people) < 3 else f"{people[0]} et al."
    return authors.replace("{", "").replace("}", ""), entry.fields.get("year", "n.d.")


def extension(folder: pathlib.Path) -> None:
    """Write the plugin that shows citations as a prebuilt extension of JupyterLab."""
    entries = parse_file(ROOT / "book" / "references.bib", "bibtex").entries
    known = json.dumps({key: names(entry) for key, entry in entries.items()})
    script = (HERE / "citations.js").read_text(encoding="utf-8")
    static = folder / "book-citations" / "static"
    static.mkdir(parents=True)
    static.joinpath("names.js").write_text(
        script.replace("= NAMES", f"= {known}"), encoding="utf-8"
    )
    package = {
        "name": "book-citations",
        "version": "1.0.0",
        "jupyterlab": {
            "extension": True,
            "_build": {"load": "static/names.js", "extension": "./extension"},
        },
    }
    static.parent.joinpath("package.json").write_text(
        json.dumps(package), encoding="utf-8"
    )


made = pathlib.Path(tempfile.mkdtemp(prefix="book-lab-"))
atexit.register(shutil.rmtree, made, ignore_errors=True)
extension(made)

c = get_config()  # noqa: F821
c.ServerApp.root_dir = str(ROOT / "notebooks")
# What a reader tries stays in the notebook; jupytext would change the source, too.
c.ServerApp.jpserver_extensions = {"jupyterlab_jupytext": False}
c.ContentsManager.hide_globs = ["*.py", "*.part", "__pycache__"]
c.LabApp.app_settings_dir = str(HERE / "settings")
c.LabApp.extra_labextensions_path = [str(made)]
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
