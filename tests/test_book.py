"""The built book: no warning, no dead link, nothing foreign, nothing missing."""

import json
import re
import shutil
import subprocess
from urllib.parse import unquote, urlencode, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

import address
import book
import notebooks as tool
from book import CHAPTERS, ERRATA, NOTEBOOKS, ROOT

ADDRESS = "https://github.com/some-owner/some-book"
CLAIM = "application/vnd.book.claim+json"
TOKEN = re.compile(r'<span class="\w{1,3}">([^<]*)</span>')  # a coloured word of code


@pytest.fixture(scope="module")
def pages(built):
    """The parsed pages by name, words of code without their colours: half of all tags.

    It takes half a minute all the same: who reads pages stands here.
    """
    folder, status, log = built
    assert status == 0, log[-4000:]
    skipped = {"search.html", "genindex.html"}
    return {
        path.relative_to(folder).as_posix(): BeautifulSoup(
            TOKEN.sub(r"\1", path.read_text(encoding="utf-8")), "html.parser"
        )
        for path in folder.rglob("*.html")
        if "_static" not in path.parts and path.name not in skipped
    }


def test_builds_without_a_warning(built):
    _, status, log = built
    assert status == 0 and "WARNING" not in log, log[-4000:]


def test_links_and_anchors_lead_somewhere(pages, built):
    folder = built[0]
    ids = {
        name: {tag["id"] for tag in page.find_all(id=True)}
        for name, page in pages.items()
    }
    for name, page in pages.items():
        for tag in page.find_all(["a", "img", "script", "link", "source"]):
            link = tag.get("href") or tag.get("src")
            if not link or link.startswith(("data:", "javascript:", "mailto:")):
                continue
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (
                (folder / name).parent / unquote(parts.path)
                if parts.path
                else folder / name
            )
            target = target.resolve()
            assert target.exists(), f"{name}: {link} leads nowhere"
            inside = target.relative_to(folder.resolve()).as_posix()
            if parts.fragment and inside in ids:
                assert unquote(parts.fragment) in ids[inside], (
                    f"{name}: no anchor {link}"
                )


def test_no_page_loads_from_another_host(pages):
    for name, page in pages.items():
        for tag in page.find_all(["img", "script", "link", "iframe", "source"]):
            link = (
                tag.get("src")
                or (tag.get("href") if tag.get("rel") != ["canonical"] else None)
                or ""
            )
            assert not urlsplit(link).netloc, f"{name} loads {link}"
        for script in page.find_all("script"):
            assert "https://" not in (script.string or ""), (
                f"{name}: a script names a host"
            )


def external(page):
    """The links out of the book, but for the launch buttons."""
    launch = {
        id(a) for a in page.select(".header-article a, .article-header-buttons a")
    }
    return {
        a["href"]
        for a in page.find_all("a", href=True)
        if urlsplit(a["href"]).scheme in ("http", "https") and id(a) not in launch
    }


def test_external_links_are_well_formed_and_listed_once(pages):
    listed = external(pages["book/references.html"])
    assert listed and all(
        re.fullmatch(r"https://[\w.-]+\.\w+/\S+", link) for link in listed
    )
    for name, page in pages.items():
        assert external(page) <= listed, (
            f"{name}: {external(page) - listed} is not in the bibliography"
        )
    bib = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    for field in ("doi", "url"):
        values = re.findall(rf"\b{field}=\{{([^}}]+)\}}", bib)
        assert len(values) == len(set(values)), (
            f"a {field} stands twice in the bibliography"
        )


def outputs(source, mime):
    cells = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))[
        "cells"
    ]
    return [data[mime] for cell in cells for data in tool.bundles(cell) if mime in data]


def text_of(source):
    return source.read_text(encoding="utf-8")


def test_bibliography_is_complete():
    bib = set(
        re.findall(r"^@\w+\{(\w+),", text_of(ROOT / "book" / "references.bib"), re.M)
    )
    pages = [*NOTEBOOKS, *sorted((ROOT / "book").glob("*.md"))]
    cited = {
        key.strip()
        for page in pages
        for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", text_of(page))
        for key in keys.split(",")
    }
    cited |= {
        c["source"] for s in NOTEBOOKS for c in outputs(s, CLAIM) if c.get("source")
    }
    assert cited == bib, f"not listed: {cited - bib}; never cited: {bib - cited}"


def test_claims_page_lists_and_counts_every_claim(pages):
    claims = [claim for source in NOTEBOOKS for claim in outputs(source, CLAIM)]
    page = pages["book/claims.html"]
    assert f"{len(claims)} claims" in page.get_text()
    rows = [row.get_text() for row in page.select("details.claims li")]
    assert len(rows) == len(claims)
    for row, claim in zip(rows, claims, strict=True):
        assert (
            claim["claim"] in row
            and claim["measured"] in row
            and claim["expected"] in row
        )


def test_headlines_page_has_a_row_for_each_chapter(pages):
    rows = [
        row for row in pages["book/headlines.html"].find_all("tr") if row.find("td")
    ]
    named = {row.find("a")["href"] for row in rows}
    assert {f"../notebooks/{source.stem}.html" for source in CHAPTERS} <= named


def test_concepts_page_links_every_target(pages):
    text = {
        a["href"].split("#")[-1]
        for a in pages["book/concepts.html"].find_all("a", href=True)
    }
    named = yaml.safe_load(text_of(ROOT / "book" / "concepts.yml"))
    for source in CHAPTERS:
        for target, name in named[source.stem].items():
            if name:
                assert target in text, f"{source.stem}: {target} is missing"


@pytest.mark.skipif(ERRATA not in NOTEBOOKS, reason="the appendix is not written yet")
def test_corrections_page_has_every_erratum_with_the_claim_that_shows_it(pages):
    titles = re.findall(r"^### (.+)$", text_of(ERRATA), re.M)
    text = pages["book/corrections.html"].get_text()
    assert titles and text.count("Right is") == text.count("Shown by") == len(titles)


def test_every_formula_is_typeset_and_readable_aloud(pages):
    for name, page in pages.items():
        for math in page.select(".math"):
            assert math.find("mjx-container"), (
                f"{name}: {math.get_text()[:80]} is not typeset"
            )
            assert math.find("math"), f"{name}: a formula has no MathML"
            assert not math.find("mjx-merror")
        for script in page.find_all("script", src=True):
            assert "mathjax" not in script["src"].lower()


def test_pictures_have_alt_texts(pages):
    for name, page in pages.items():
        for image in page.select("article img, main img"):
            assert image.get("alt"), f"{name}: {image.get('src', '')[:60]}"


def test_a_listing_has_tags_where_it_has_colours(built):
    text = text_of(built[0] / "notebooks/05_gradient_descent.html")
    assert '<span class="k">def</span> <span class="nf">run_ball</span>(' in text
    assert not re.search(r'<span class="[npw]">', text)


def test_chapter_downloads_as_a_notebook(pages, built):
    for source in NOTEBOOKS:
        page = pages[f"notebooks/{source.stem}.html"]
        links = [
            a["href"]
            for a in page.find_all("a", href=True)
            if a["href"].endswith(".ipynb")
        ]
        assert links
        target = (built[0] / "notebooks" / links[0]).resolve()
        assert json.loads(target.read_text(encoding="utf-8"))["cells"]


LINK = re.compile(r"\[([\w ,-]+)\]\(#(eq-[\w-]+)\)")  # words, an equation


def consecutive(numbers, chapter):
    return numbers == [f"{chapter}.{k}" for k in range(1, len(numbers) + 1)]


def test_chapters_sections_equations_and_theorems_are_numbered(pages):
    for number, source in enumerate(CHAPTERS, 1):
        page = pages[f"notebooks/{source.stem}.html"]
        assert page.select_one("h1 .section-number").get_text().strip() == str(number)
        sections = [
            tag.get_text().strip() for tag in page.select("h2 > .section-number")
        ]
        assert len(sections) == len(page.select("article h2"))
        assert consecutive(sections, number), (source.stem, sections)
        equations = [tag.get_text().strip("()#") for tag in page.select(".eqno")]
        assert equations and consecutive(equations, number), (source.stem, equations)
        for kind in ("theorem", "definition"):
            titles = [tag.get_text() for tag in page.select(f".{kind} .proof-title")]
            found = [re.search(r"(\d+\.\d+)", title)[1] for title in titles]
            assert consecutive(found, number), (source.stem, titles)
        current = page.select_one(".bd-sidebar-primary .current > a").get_text()
        assert current.split()[0] == str(number)
        beside = page.select_one(".page-toc a").get_text()
        assert beside.split()[0] == f"{number}.1"


def test_a_link_to_an_equation_keeps_its_words(pages):
    for source in CHAPTERS:
        page = pages[f"notebooks/{source.stem}.html"]
        links = page.select('a[href*="#equation-eq-"]')
        shown = {(a["href"].split("#equation-")[1], a.get_text()) for a in links}
        for words, target in LINK.findall(text_of(source)):
            assert (target, words) in shown, f"{source.stem}: {words} ({target})"


# --- an address -----------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path):
    """The book in another place, without an address."""
    copy = tmp_path / "book"
    names = (".git", ".venv", "_build", "*.egg-info", ".hypothesis", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*names))
    address.stamp("", copy)
    return copy


def stamped(root):
    """The bytes of the files that an address reaches."""
    names = ["README.md", *(f"notebooks/{s.name}" for s in NOTEBOOKS)]
    names += [f"notebooks/{s.stem}.ipynb" for s in NOTEBOOKS]
    return {
        name: (root / name).read_bytes() for name in names if (root / name).exists()
    }


def test_an_address_reaches_all_and_can_be_taken_away(copy):
    before = stamped(copy)
    current = [tool.is_current(s, copy) for s in book.notebooks(copy)]
    address.stamp(ADDRESS, copy)
    for name, text in stamped(copy).items():
        assert ADDRESS.encode() in text, name
        if name.endswith(".ipynb"):
            json.loads(text)
    readme = stamped(copy)["README.md"]
    assert b"mybinder.org/v2/gh/some-owner/some-book/launch" in readme
    again = [tool.is_current(s, copy) for s in book.notebooks(copy)]
    assert again == current, "an address must not ask for new outputs"
    address.stamp("", copy)
    assert stamped(copy) == before


def test_without_an_address_there_is_nothing_to_launch(pages, built):
    for source in NOTEBOOKS:
        page = pages[f"notebooks/{source.stem}.html"]
        launch = "a[href*=mybinder], a[href*=colab], a.report, link[rel=canonical]"
        assert not page.select(launch)
    assert not (built[0] / "sitemap.xml").exists()


def test_an_address_brings_launch_buttons(copy):
    status, log = book.build(copy, url=ADDRESS)
    assert status == 0, log[-4000:]
    there = "https://some-owner.github.io/some-book"
    teaching = text_of(copy / "_build/html/book/teaching.html")
    assert teaching.count("#scrollTo=") == 3 * len(CHAPTERS)
    assert f"{urlencode({'repo': ADDRESS})}&amp;branch=launch" in teaching
    index = text_of(copy / "_build/html/book/index.html")
    for kind in ("pdf", "zip"):
        assert f'href="{there}/deep-learning-run.{kind}"' in index
    sites = text_of(copy / "_build/html/sitemap.xml")
    for source in NOTEBOOKS:
        html = text_of(copy / f"_build/html/notebooks/{source.stem}.html")
        path = f"notebooks/{source.stem}.ipynb"
        branch = "some-owner/some-book/launch"
        binder = f"https://mybinder.org/v2/gh/{branch}?urlpath=lab/tree/{path}"
        colab = "https://colab.research.google.com/github/some-owner/some-book/blob"
        for link in (binder, f"{colab}/launch/{path}"):
            assert html.count(f'href="{link}"') == 1
        here = f"{there}/notebooks/{source.stem}.html"
        assert f'<link rel="canonical" href="{here}"' in html
        assert f"<loc>{here}</loc>" in sites
        report = f"{ADDRESS}/issues/new?template=mistake.md&amp;title="
        assert html.count(f'href="{report}') >= 1
    page = BeautifulSoup(html, "html.parser")
    assert not external(page) & {binder, f"{colab}/launch/{path}"}


def test_a_preview_shows_the_question_of_a_chapter(pages):
    told = yaml.safe_load(text_of(ROOT / "book/chapters.yml"))["chapters"]
    for stem, what in told.items():
        page = pages[f"notebooks/{stem}.html"]
        tags = page.select('meta[name=description], meta[property="og:description"]')
        assert [tag["content"] for tag in tags] == [what["question"]] * 2
        assert page.select_one('meta[property="og:title"]')["content"][0].isdigit()
    assert len(pages["book/index.html"].select("meta[name=description]")) == 1


def git(folder, *arguments):
    """Runs git in ``folder``, as nobody in particular."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=m")
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True)


@pytest.mark.parametrize(
    ("environment", "remote", "expected"),
    [
        ({"GITHUB_REPOSITORY": "owner/fork"}, ADDRESS, "https://github.com/owner/fork"),
        ({}, "git@github.com:some-owner/some-book.git", ADDRESS),
        ({}, "/some/folder", ""),
        ({}, None, ""),
        (
            {"GITHUB_REPOSITORY": "o/n", "GITHUB_SERVER_URL": "https://git.firm.test"},
            None,
            "",
        ),
    ],
)
def test_the_address_finds_itself(tmp_path, monkeypatch, environment, remote, expected):
    for name in ("GITHUB_REPOSITORY", "GITHUB_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "-q")
    if remote:
        git(tmp_path, "remote", "add", "origin", remote)
    assert address.find(tmp_path) == expected


def test_the_branch_to_launch_from_is_stamped_and_the_checkout_is_not(copy, tmp_path):
    git(copy, "init", "-q")
    git(copy, "add", "-A")
    git(copy, "commit", "-q", "-m", "all")
    before, folder = stamped(copy), tmp_path / "launch"
    address.launch(ADDRESS, folder, copy)
    assert stamped(copy) == before
    assert (folder / ".binder" / "environment.yml").exists()
    seconds = address.run_times(copy)
    for source in NOTEBOOKS:
        product = json.loads(text_of(folder / f"notebooks/{source.stem}.ipynb"))
        first, cells = product["cells"][0], product["cells"][1:]
        stored = json.loads(text_of(source.with_suffix(".ipynb")))["cells"]
        assert len(cells) == len(stored)
        ids = [c["id"] for c in stored]
        assert [c["id"] for c in cells] == [c["metadata"]["id"] for c in cells] == ids
        assert f'REPOSITORY = "{ADDRESS}"' in "".join(cells[1]["source"])
        if source.stem in seconds:
            assert re.search(r"about \d+ s\.", first["source"][0])
    with pytest.raises(ValueError, match="folder"):
        address.launch(ADDRESS, folder, copy)


def test_teachers_find_three_things_in_each_chapter(pages):
    told = yaml.safe_load(text_of(ROOT / "book/teaching.yml"))
    assert [source.stem for source in CHAPTERS] == list(told)
    page = pages["book/teaching.html"]
    links = [a["href"] for a in page.select("article a[href]")]
    for stem, what in told.items():
        assert list(what) == ["open", "board", "tutorial"]
        for target, *_ in what.values():
            assert f"../notebooks/{stem}.html#{target}" in links


def test_the_pages_of_an_owner_have_no_folder():
    assert address.pages("https://github.com/Me/book") == "https://me.github.io/book/"
    assert address.pages("https://github.com/Me/me.github.io") == (
        "https://me.github.io/"
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/owner/name",
        "https://github.com/owner/name/",
        "https://github.com/owner/name.git",
        "git@github.com:owner/name.git",
    ],
)
def test_an_address_is_read_in_all_of_its_spellings(url):
    assert address.parse(url) == ("owner", "name")


@pytest.mark.parametrize(
    "url",
    [
        "github.com/no/scheme",
        "https://gitlab.com/o/n",
        "https://github.com/../..",
        "https://github.com/o/..",
        "https://github.com/-o/n",
        "https://token@github.com/o/n",
        "https://github.com/o/n?x=1",
        "https://github.com/o/n/tree/main",
        "https://github.com/o/n\nx",
        "https://github.com/öwner/n",
    ],
)
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ValueError, match="URL"):
        address.parse(url)


# --- the house ------------------------------------------------------------------------


def make(*arguments):
    """What `make` would do, without doing it; (exit status, text)."""
    run = subprocess.run(
        ["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    return run.returncode, run.stdout + run.stderr


def test_make_help_names_every_target():
    text = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    targets = re.findall(
        r"^\.PHONY: (\w+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M
    )
    assert {
        "book",
        "test",
        "notebooks",
        "lint",
        "format",
        "mutate",
        "distclean",
    } <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}\s+\S", text.stdout, re.M), target


def test_make_asks_for_what_it_needs():
    for target, missing in (("launch", "OUT="), ("mutate", "CHAPTER=")):
        status, said = make(target)
        assert status != 0 and missing in said
    assert "--remove" in make("address", "URL=none")[1]
    assert ".venv" not in make("clean")[1]


def test_the_book_is_not_built_from_old_outputs():
    lines = make("book")[1].splitlines()
    assert lines.index(".venv/bin/python tools/notebooks.py --check") < lines.index(
        ".venv/bin/python tools/book.py"
    )


MACHINE = (
    "/home/",
    "/root/",
    "/Users/",
    "/work/",
    "C:\\",
)  # paths of somebody's machine


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="which files are ours, only git knows"
)
def test_the_project_names_no_path_of_a_machine():
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    texts = (
        ".py",
        ".md",
        ".yml",
        ".toml",
        ".txt",
        ".json",
        ".ipynb",
        ".css",
        ".js",
        ".html",
        "",
    )
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if (
            path.suffix not in texts
            or not path.exists()
            or path == ROOT / "tests/test_book.py"
        ):
            continue
        text = path.read_text(encoding="utf-8")
        for start in MACHINE:
            found = re.search(rf"(?<![\w.]){re.escape(start)}\w[^\s\"']*", text)
            assert not found, f"{name}: {found[0]}"
