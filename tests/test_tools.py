"""The tools: what they find, serve and refuse."""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

import bench
import book
import browser
import nbtest
import serve
from book import ROOT

# --- the book -------------------------------------------------------------------------

CONFIG = "title: Small\nonly_build_toc_files: true\n"


@pytest.fixture
def root(tmp_path):
    """The smallest book, in a path with a space."""
    folder = tmp_path / "a book"
    folder.mkdir()
    (folder / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: index\n", encoding="utf-8")
    (folder / "index.md").write_text("# Small\n", encoding="utf-8")
    return folder


def test_a_warning_makes_every_build_red_and_no_page_outlives_its_source(
    root, tmp_path
):
    out = tmp_path / "out"
    (root / "index.md").write_text(
        "# Small\n\n[nowhere](#no-such-target)\n", encoding="utf-8"
    )
    for _ in range(2):
        status, log = book.build(root, out)
        assert status != 0 and "no-such-target" in log
    (root / "index.md").write_text("# Small\n", encoding="utf-8")
    status, log = book.build(root, out)
    assert status == 0, log
    assert (out / "_build" / "html" / "index.html").exists()
    assert not (root / "_build").exists()


def test_a_build_that_was_interrupted_leaves_nothing_behind(root, tmp_path):
    code = f"import book, pathlib; book.build(pathlib.Path({str(root)!r}))"
    build = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT / "tools")
    while not (root / "_build" / ".begun").exists():
        assert build.poll() is None
        time.sleep(0.01)
    build.kill()
    build.wait()
    page = root / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("<p>half a pa", encoding="utf-8")  # newer than its source
    status, log = book.build(root)
    assert status == 0, log
    assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_a_chapter_runs_on_one_thread_and_the_caller_keeps_its_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    inside = book.environment()
    assert (inside["OMP_NUM_THREADS"], inside["BOOK_QUIET"]) == ("1", "1")
    assert inside["PATH"] == os.environ["PATH"] and os.environ["OMP_NUM_THREADS"] == "7"


# --- which tests, where ---------------------------------------------------------------


def test_a_notebook_stays_on_one_worker_and_pages_are_spread():
    split = object.__new__(nbtest.ByPage)._split_scope
    assert split("notebooks/05.ipynb::Cell 1") == "notebooks/05.ipynb"
    assert split("tests/test_book.py::test_x[a]") == "tests/test_book.py"
    page = "tests/test_browser.py::test_x[notebooks/05.html]"
    assert split(page) == page


def collected(**environment):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--collect-only", "-q"]
    run = subprocess.run(
        [*command, "-p", "no:cacheprovider", "notebooks", "tests/test_notebooks.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    return [
        line for line in run.stdout.splitlines() if "::" in line
    ], run.stdout + run.stderr


def test_the_tests_of_one_chapter():
    whole, _ = collected(BOOK_CHAPTER="")
    one, _ = collected(BOOK_CHAPTER="15")
    assert one == [name for name in whole if "15_learning_theory" in name]
    assert any("ipynb::Cell 0" in name for name in one)
    assert any("test_pair_is_equal" in name for name in one)
    cells = [name.split("::")[0] for name in whole if "::Cell" in name]
    assert cells == [
        name for name in dict.fromkeys(cells) for _ in range(cells.count(name))
    ]
    assert "CHAPTER is '1'" in collected(BOOK_CHAPTER="1")[1]


# --- make -----------------------------------------------------------------------------


def test_make_mends_an_environment_without_pip(tmp_path):
    tmp_path = tmp_path / "a book"
    tmp_path.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "requirements.txt").write_text("", encoding="utf-8")
    command = [sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")]
    subprocess.run(command, check=True)
    (tmp_path / ".venv" / "old").touch()
    text = (tmp_path / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(
        line for line in text.splitlines() if "pip>=25" not in line
    )  # from outside
    (tmp_path / "Makefile").write_text(text + "\n", encoding="utf-8")
    make = ["make", "install", f"PYTHON={sys.executable}"]
    run = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert not (tmp_path / ".venv" / "old").exists(), "not made anew"
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho Python 3.99.0\n", encoding="utf-8")
    other.chmod(other.stat().st_mode | stat.S_IXUSR)
    make = ["make", "install", f"PYTHON={other}"]
    run = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0 and "distclean" in run.stderr


def test_an_old_python_is_said(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = "mkdir -p .venv/bin; printf '#!/bin/sh\\nexit 1' > .venv/bin/python"
    python = script(tmp_path / "python", f"{old}; chmod +x .venv/bin/python")
    make = ["make", "install", f"PYTHON={python}"]
    run = subprocess.run(make, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode != 0 and "Python 3.11 or newer is needed" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    make = ["make", "-C", str(tmp_path), "book"]
    if os.geteuid() == 0:  # who may write everywhere, but where nothing is writable
        lock = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 77'
        make = ["unshare", "-m", "sh", "-c", f"{lock}; {' '.join(make)}", "", tmp_path]
    tmp_path.chmod(0o555)
    run = subprocess.run(make, capture_output=True, text=True)
    tmp_path.chmod(0o755)
    if run.returncode == 77:
        pytest.skip("nothing can be mounted here")
    assert run.returncode != 0 and "cannot be written to" in run.stderr, run.stderr
    assert "Traceback" not in run.stderr


# --- serving --------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "file.txt").write_text("text", encoding="utf-8")
    (tmp_path / "index.html").write_text("<p>Grüße</p>", encoding="utf-8")
    with serve.server(tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read()


def test_serving(served):
    status, headers, body = ask(served, "/")
    assert (status, body.decode()) == (200, "<p>Grüße</p>")
    status, headers, body = ask(served, "/", **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and body[:2] == b"\x1f\x8b"
    assert ask(served, "/bare/file.txt")[0] == 200
    for path in ("/bare/", "/none.html", "/%00", "/%00/", "/../../etc/hostname"):
        assert ask(served, path)[0] == 404, path


@pytest.mark.parametrize(
    "port, said", [("70000", "PORT is 70000"), ("0", "nothing is built")]
)
def test_serving_refuses(monkeypatch, tmp_path, port, said):
    monkeypatch.setattr(serve, "BUILT", tmp_path)
    monkeypatch.setattr(serve.http.server.ThreadingHTTPServer, "serve_forever", print)
    monkeypatch.setattr(sys, "argv", ["serve.py", "--port", port])
    with pytest.raises(SystemExit, match=said):
        serve.main()


def test_a_taken_port_is_said(monkeypatch, tmp_path, capsys):
    (tmp_path / "index.html").touch()
    monkeypatch.setattr(serve, "BUILT", tmp_path)
    monkeypatch.setattr(
        serve.http.server.ThreadingHTTPServer, "serve_forever", lambda self: None
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setattr(sys, "argv", ["serve.py", "--port", str(port)])
        serve.main()
    said = capsys.readouterr().out
    assert f"Port {port} is taken" in said and f"127.0.0.1:{port}/" not in said


# --- a browser ------------------------------------------------------------------------


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_browser_is_believed_when_it_answers(monkeypatch, tmp_path):
    monkeypatch.setenv("BOOK_BROWSER", "/nonexistent")
    with pytest.raises(ValueError, match="BOOK_BROWSER"):
        browser.find()
    monkeypatch.setenv("BOOK_BROWSER", script(tmp_path / "true", "echo Chromium 1"))
    assert browser.find() == str(tmp_path / "true")
    monkeypatch.delenv("BOOK_BROWSER")
    script(tmp_path / "chromium-browser", "echo install the snap >&2; exit 1")
    real = script(tmp_path / "google-chrome", "echo Google Chrome 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(browser, "NAMES", ("chromium-browser", "google-chrome"))
    assert browser.find() == real


# --- JupyterLab -----------------------------------------------------------------------


def _text(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address and the token of what `make lab` starts."""
    folder, token = tmp_path_factory.mktemp("lab"), secrets.token_hex()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    config = ROOT / "tools" / "lab" / "jupyter_lab_config.py"
    with open(folder / "log", "w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*command, f"--config={config}", f"--IdentityProvider.token={token}"],
            stdout=log,
            stderr=log,
            env=os.environ
            | {
                "JUPYTER_RUNTIME_DIR": str(folder),
                "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
                "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            },
        )
        while "}" not in (said := "".join(map(_text, folder.glob("jpserver-*.json")))):
            assert server.poll() is None, _text(folder / "log")
            time.sleep(0.1)
        url, answers = json.loads(said)["url"], False
        while not answers:  # the file is written before the server listens
            assert server.poll() is None, _text(folder / "log")
            with contextlib.suppress(urllib.error.URLError):
                urllib.request.urlopen(url + "api").close()
                answers = True
            time.sleep(0.1)
        yield url, token
        server.terminate()
        server.wait()


def test_make_lab_lists_the_notebooks_alone_and_asks_for_no_news(lab):
    url, token = lab

    def get(path):
        headers = {"Authorization": f"token {token}"}
        request = urllib.request.Request(url + path, headers=headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    listed = {entry["name"] for entry in get("api/contents")["content"]}
    stored = [source.with_suffix(".ipynb") for source in book.NOTEBOOKS]
    assert listed == {path.name for path in stored if path.exists()}
    settings = get("lab/api/settings/@jupyterlab/apputils-extension:notification")
    properties = settings["schema"]["properties"]
    assert properties["fetchNews"]["default"] == "false"
    assert properties["checkForUpdates"]["default"] is False


def test_citations_in_make_lab_read_as_names(lab, chromium):
    url, token = lab
    page = chromium.new_page()
    page.set_default_timeout(browser.PATIENCE)
    page.goto(f"{url}lab/tree/15_learning_theory.ipynb?reset&token={token}")
    cite = page.locator(".cite-group").filter(has_text="2017").first
    cite.wait_for()
    expect(cite).to_have_text("Zhang et al., 2017")
    expect(cite.locator("svg")).to_be_hidden()
    page.close()


# --- figures --------------------------------------------------------------------------


def test_budgets_are_ratios_to_a_reference():
    assert bench.over({"one": 3.0, "two": 1.0}, {"one": 2.0, "two": 2.0}) == [
        "one: 3.0, at most 2.0"
    ]
    assert bench.over({"one": 3.0}, {}) == []
    assert bench.reference() > 0
