"""The page for teachers: what to show, derive and set, and the book on a hub.

What is told stands in ``book/teaching.yml``. With a public address each step is linked
to Colab, too.
"""

import os
import urllib.parse

import yaml
from sphinx.application import Sphinx
from sphinx.util import logging

from chapters import Chapter
from harvest import FromBookMarkdown

logger = logging.getLogger(__name__)


class Launched(FromBookMarkdown):
    """A directive that knows where Binder and Colab find the book."""

    @property
    def url(self) -> str:
        return os.environ.get("BOOK_ADDRESS", "")

    @property
    def branch(self) -> str:
        return self.config.html_theme_options["repository_branch"]


class Teaching(Launched):
    """What to show, derive and set, from ``book/teaching.yml``."""

    def markdown(self) -> str:
        told = yaml.safe_load(self.read("book/teaching.yml"))
        found = {c.doc.rpartition("/")[2]: c for c in self.chapters() if c.number}
        if unknown := set(found) ^ set(told):
            logger.warning(
                "book/teaching.yml and _toc.yml differ in %s", sorted(unknown)
            )
        lines = []
        for name, chapter in found.items():
            if name in told:
                show, board, tutorial = told[name].values()
                steps = [
                    f"Show: {self.step(chapter, *show)}.",
                    f"Derive, {board[2]} minutes: {self.step(chapter, *board[:2])}.",
                    f"Set: {self.step(chapter, *tutorial)}.",
                ]
                lines += [f"**{chapter.label}.** " + " ".join(steps), ""]
        return "\n".join(lines)

    def step(self, chapter: Chapter, target: str, words: str) -> str:
        """The words, linked to the section; with an address also to Colab."""
        cell = cell_of(chapter.notebook, target)
        link = f"[{words}](#{target})"
        if not self.url or not cell:
            return link
        path = (
            self.url.removeprefix("https://github.com/")
            + f"/blob/{self.branch}/{chapter.doc}"
        )
        colab = f"https://colab.research.google.com/github/{path}.ipynb#scrollTo={cell}"
        return f"{link} ([Colab]({colab}))"


def cell_of(notebook: dict, target: str) -> str:
    """The id of the text cell with the target ``(target)=``; "" when there is none."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and f"({target})=" in "".join(
            cell["source"]
        ):
            return cell["id"]
    return ""


class Hub(Launched):
    """The link that puts the book on a JupyterHub, when it has an address."""

    def markdown(self) -> str:
        if not self.url:
            return (
                "Once the book has a public address, this place shows a link that "
                "puts it on any JupyterHub. Until then: `git clone`, `make install`."
            )
        query = urllib.parse.urlencode(
            {
                "repo": self.url,
                "branch": self.branch,
                "urlpath": f"lab/tree/{self.url.rpartition('/')[2]}/notebooks",
            }
        )
        return (
            "Put your hub's address in front, and give the link to the class; a hub "
            "with [nbgitpuller](https://github.com/jupyterhub/nbgitpuller) fetches the "
            "book and brings it up to date without touching what students changed:\n\n"
            f"```\nhttps://YOUR-HUB/hub/user-redirect/git-pull?{query}\n```\n"
        )


def setup(app: Sphinx) -> dict:
    app.add_directive("teaching", Teaching)
    app.add_directive("hub", Hub)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
