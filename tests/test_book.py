"""The built book: no warning, no dead link, nothing foreign, every generated page complete."""

import json
import pathlib
import re
import shutil
import subprocess
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT, SOURCES, build

ADDRESS = "https://github.com/some-owner/some-book"


@pytest.fixture(scope="module")
def pages(built):
    folder, status, log = built
    assert status == 0, log[-4000:]
    skipped = {"search.html", "genindex.html"}
    return {
        path.relative_to(folder).as_posix(): BeautifulSoup(path.read_text(), "html.parser")
        for path in folder.rglob("*.html")
        if "_static" not in path.parts and path.name not in skipped
    }


def test_builds_without_a_warning(built):
    _, status, log = built
    assert status == 0 and "WARNING" not in log, log[-4000:]


def test_links_and_anchors_lead_somewhere(pages, built):
    folder = built[0]
    ids = {name: {tag["id"] for tag in page.find_all(id=True)} for name, page in pages.items()}
    for name, page in pages.items():
        for tag in page.find_all(["a", "img", "script", "link", "source"]):
            link = tag.get("href") or tag.get("src")
            if not link or link.startswith(("data:", "javascript:", "mailto:")):
                continue
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (folder / name).parent / unquote(parts.path) if parts.path else folder / name
            target = target.resolve()
            assert target.exists(), f"{name}: {link} leads nowhere"
            inside = target.relative_to(folder.resolve()).as_posix()
            if parts.fragment and inside in ids:
                assert unquote(parts.fragment) in ids[inside], f"{name}: no anchor {link}"


def test_no_page_loads_from_another_host(pages):
    for name, page in pages.items():
        for tag in page.find_all(["img", "script", "link", "iframe", "source"]):
            link = tag.get("src") or (tag.get("href") if tag.get("rel") != ["canonical"] else None) or ""
            assert not urlsplit(link).netloc, f"{name} loads {link}"
        for script in page.find_all("script"):
            assert "https://" not in (script.string or ""), f"{name}: a script names a host"


def external(page):
    return {a["href"] for a in page.find_all("a", href=True) if urlsplit(a["href"]).scheme in ("http", "https")}


def test_external_links_are_well_formed_and_listed_once(pages):
    listed = external(pages["book/references.html"])
    assert listed and all(re.fullmatch(r"https://[\w.-]+\.\w+/\S+", link) for link in listed)
    for name, page in pages.items():
        assert external(page) <= listed, f"{name}: {external(page) - listed} is not in the bibliography"
    bib = (ROOT / "book" / "references.bib").read_text()
    for field in ("doi", "url"):
        values = re.findall(rf"\b{field}=\{{([^}}]+)\}}", bib)
        assert len(values) == len(set(values)), f"a {field} stands twice in the bibliography"


def test_bibliography_is_complete():
    bib = set(re.findall(r"^@\w+\{(\w+),", (ROOT / "book" / "references.bib").read_text(), re.M))
    cited = set()
    for source in SOURCES:
        for keys in re.findall(r"\{cite:[pt]\}`([^`]+)`", source.read_text()):
            cited |= {key.strip() for key in keys.split(",")}
    assert cited == bib, f"cited but not listed: {cited - bib}; listed but never cited: {bib - cited}"


def outputs(source, mime):
    cells = json.loads(source.with_suffix(".ipynb").read_text())["cells"]
    return [o["data"][mime] for c in cells for o in c.get("outputs", []) if mime in o.get("data", {})]


def test_claims_page_lists_and_counts_every_claim(pages):
    claims = [c for s in SOURCES for c in outputs(s, "application/vnd.book.claim+json")]
    page = pages["book/claims.html"]
    assert f"{len(claims)} claims" in page.get_text()
    rows = [row for row in page.find_all("tr") if row.find("td")]
    assert len(rows) == len(claims)
    straight = lambda text: re.sub(r"\s+", " ", re.sub("[‘’“”\"]", "'", text)).strip()
    missing = {straight(c["claim"]) for c in claims} - {straight(row.find("td").get_text()) for row in rows}
    assert not missing, missing


def test_headlines_page_has_a_row_for_each_chapter(pages):
    rows = [row for row in pages["book/headlines.html"].find_all("tr") if row.find("td")]
    assert len(rows) == len(SOURCES) and all(row.find("a") for row in rows)


def test_concepts_page_links_every_target(pages):
    text = {a["href"].split("#")[-1] for a in pages["book/concepts.html"].find_all("a", href=True)}
    for source in SOURCES:
        for target in re.findall(r"^\(([\w.-]+)\)=$", source.read_text(), re.M):
            if not target.endswith(("-chapter", "-practice")) and not target.startswith("headline-"):
                assert target in text, f"{source.stem}: {target} is missing from the concepts"


def test_corrections_page_has_every_correction_with_the_cell_that_shows_it(pages):
    text = pages["book/corrections.html"].get_text()
    boxes = sum(source.read_text().count(":class: correction") for source in SOURCES)
    assert boxes and text.count("Right is") == boxes and text.count("Shown by") == boxes
    assert "Shown by “”" not in text


def test_every_formula_is_typeset_and_readable_aloud(pages):
    for name, page in pages.items():
        for math in page.select(".math"):
            assert math.find("mjx-container"), f"{name}: {math.get_text()[:80]} is not typeset"
            assert math.find("math"), f"{name}: a formula has no MathML"
            assert not math.find("mjx-merror")
        for script in page.find_all("script", src=True):
            assert "mathjax" not in script["src"].lower()


def test_pictures_have_alt_texts_and_cells_are_folded_where_they_only_draw(pages):
    for name, page in pages.items():
        for image in page.select("article img, main img"):
            assert image.get("alt"), f"{name}: {image.get('src', '')[:60]}"


def test_without_an_address_there_is_nothing_to_launch(pages):
    config = (ROOT / "_config.yml").read_text()
    if '  url: ""' in config:
        for page in pages.values():
            assert not page.select("a[href*=mybinder], a[href*=colab]")


def test_an_address_reaches_buttons_cells_and_readme(tmp_path):
    copy = tmp_path / "book"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "_build", "*.egg-info", ".hypothesis"))
    import address

    with pytest.raises(ValueError, match="URL"):
        address.stamp("github.com/no-scheme", copy)
    address.stamp(ADDRESS, copy)
    for source in sorted((copy / "notebooks").glob("[0-9][0-9]_*")):
        assert "git+{REPOSITORY}" in source.read_text()
        assert re.search(rf'REPOSITORY = \\?"{ADDRESS}\\?"', source.read_text()), source.name
        if source.suffix == ".ipynb":
            json.loads(source.read_text())
    assert "mybinder.org/v2/gh/some-owner/some-book" in (copy / "README.md").read_text()
    status, log = build(copy)
    assert status == 0, log[-4000:]
    for source in SOURCES:
        page = BeautifulSoup((copy / f"_build/html/notebooks/{source.stem}.html").read_text(), "html.parser")
        links = [a["href"] for a in page.find_all("a", href=True)]
        assert f"https://mybinder.org/v2/gh/some-owner/some-book/main?urlpath=lab/tree/notebooks/{source.stem}.ipynb" in links
        assert f"https://colab.research.google.com/github/some-owner/some-book/blob/main/notebooks/{source.stem}.ipynb" in links
    address.stamp("", copy)
    for name in ["_config.yml", "README.md", *(f"notebooks/{s.name}" for s in SOURCES)]:
        assert (copy / name).read_bytes() == (ROOT / name).read_bytes() or ADDRESS in (ROOT / name).read_text()


def test_chapter_downloads_as_a_notebook(pages, built):
    for source in SOURCES:
        page = pages[f"notebooks/{source.stem}.html"]
        links = [a["href"] for a in page.find_all("a", href=True) if a["href"].endswith(".ipynb")]
        assert links
        target = (built[0] / "notebooks" / links[0]).resolve()
        assert json.loads(target.read_text())["cells"]


def test_make_help_names_every_target():
    text = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("book", "test", "notebooks", "lab", "clean", "bench", "address", "install"):
        assert re.search(rf"^{target}\s+\S", text, re.M), target


def test_the_project_speaks_only_of_the_book():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    words = re.compile("|".join(["/w" + "ork/", "/t" + "mp/w/", "py" + "pi\\.org", "files\\.python" + "hosted", "registry\\.n" + "pmjs"]))
    for name in listed:
        path = pathlib.Path(ROOT, name)
        if path.suffix in (".png", ".woff") or not path.exists():
            continue
        assert not (found := words.search(path.read_text())), f"{name}: {found and found[0]}"
