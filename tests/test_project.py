"""What stands around the book: workflows, dependencies, Binder, licences, hooks."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

import pytest
import yaml

import lock
from book import NOTEBOOKS, ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pinned(package):
    """The version in requirements.txt."""
    found = [
        pin for pin in PINS if "==" in pin and lock.name(pin) == lock.name(package)
    ]
    assert len(found) == 1, f"{package}: {found}"
    return found[0].split(";")[0].split("==")[1]


# --- workflows ------------------------------------------------------------------------


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.stem)
def test_a_job_has_only_the_rights_it_needs(path):
    """No job that runs our code, or that of a package, may write anything."""
    flow = load(path)
    assert flow["permissions"] == {"contents": "read"}
    for name, job in flow["jobs"].items():
        steps = job.get("steps", [])
        uses = [step["uses"] for step in steps if "uses" in step]
        for step in steps:
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False, name
        for action in uses:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action), action
        assert "uses" in job or job["timeout-minutes"] <= 120, name
        if "permissions" in job:
            assert not any("checkout" in action for action in uses), name
            commands = " ".join(step.get("run", "") for step in steps)
            assert not re.search(r"\b(pip|make|python|bash)\b", commands), name


def test_only_what_passed_every_test_is_published():
    jobs = load(ROOT / ".github/workflows/deploy.yml")["jobs"]
    assert jobs["test"] == {"uses": "./.github/workflows/test.yml"}
    assert jobs["build"]["needs"] == "test" and jobs["deploy"]["needs"] == "build"
    assert jobs["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert [step["uses"].split("@")[0] for step in jobs["deploy"]["steps"]] == [
        "actions/deploy-pages"
    ]
    assert jobs["launch"]["needs"] == "build"
    assert jobs["launch"]["permissions"] == {"contents": "write"}
    for right in ("pages: write", "contents: write"):
        assert [p.stem for p in WORKFLOWS if right in text(p)] == ["deploy"]


def test_what_was_built_becomes_the_branch_to_launch_from(tmp_path):
    """The step's own commands, with a repository of this machine in GitHub's place."""
    job = load(ROOT / ".github/workflows/deploy.yml")["jobs"]["launch"]
    hub, tree = tmp_path / "hub.git", tmp_path / "launch"
    subprocess.run(["git", "init", "-q", "--bare", str(hub)], check=True)
    for content in ("first", "second"):  # a second push follows the first
        shutil.rmtree(tree, ignore_errors=True)
        (tree / ".binder").mkdir(parents=True)
        (tree / ".gitignore").write_text("*.log\n", encoding="utf-8")
        (tree / "kept.log").write_text(content, encoding="utf-8")
        subprocess.run(
            ["bash", "-e", "-c", job["steps"][1]["run"]],
            cwd=tree,
            env=os.environ
            | {"TOKEN": "x", "HOME_URL": hub.as_uri(), "GITHUB_SHA": "0" * 40},
            check=True,
        )
        show = ["git", "-C", str(hub), "show", "launch:kept.log"]
        assert subprocess.check_output(show, text=True) == content
    log = ["git", "-C", str(hub), "rev-list", "--count", "launch"]
    assert subprocess.check_output(log, text=True).strip() == "2"


def test_every_python_of_the_readme_is_tried():
    flow = load(ROOT / ".github/workflows/test.yml")
    named = re.findall(
        r"3\.1\d", re.search(r"With Python (.+?) and `make`", text("README.md"))[1]
    )
    assert flow["jobs"]["build"]["strategy"]["matrix"]["python"] == named
    commands = " ".join(step.get("run", "") for step in flow["jobs"]["build"]["steps"])
    assert "make book SERVE=0" in commands
    tests = re.findall(r"tests/\w+\.py", commands)
    assert tests and all((ROOT / name).exists() for name in tests)
    called = flow[True]  # YAML reads the key `on` as true
    assert "workflow_call" in called and "pull_request" in called


def test_the_weekly_issue_is_searched_for_first():
    job = load(ROOT / ".github/workflows/newest.yml")["jobs"]["issue"]
    assert job["needs"] == ["newest", "rehearsal"] and job["if"] == "failure()"
    command = job["steps"][0]["run"]
    assert command.index("gh issue list") < command.index("gh issue create")


def test_the_hooks_are_the_projects_own_tools():
    repositories = load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    for hook in repositories[0]["hooks"]:
        for part in hook["entry"].split():
            assert not part.endswith(".py") or (ROOT / part).exists()


# --- dependencies ---------------------------------------------------------------------


def test_everything_asked_for_is_locked():
    for wanted in lock.direct():
        assert pinned(lock.name(wanted)), wanted
        if "==" in wanted:
            assert pinned(lock.name(wanted)) == wanted.split("==")[1]
    assert set(PROJECT["dependency-groups"]) == {"chapters", "site", "tests", "dev"}


def test_everything_imported_is_asked_for():
    """What the project imports itself is named in pyproject.toml, not merely locked."""
    asked, of = set(map(lock.name, lock.direct())), packages_distributions()
    folders = ("helpers", "tools", "tests", "book/_ext", "notebooks")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    own = {path.stem for path in files} | {"helpers", "conftest", "google"}
    missing = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in {name.split(".")[0] for name in names} - own:
                if name not in sys.stdlib_module_names:
                    offered = {lock.name(d) for d in of.get(name, [name])}
                    if not offered & asked:
                        missing.setdefault(name, set()).add(path.name)
    assert not missing, str(missing)


def test_the_lock_is_exact_and_names_no_host():
    for pin in PINS:
        if not pin.startswith("#"):
            assert re.fullmatch(r"[\w.-]+==[\w.]+(; [^;]+)?|-e \.", pin), pin
    assert "make lock" in PINS[0] and PINS[-1] == "-e ."
    assert PINS[3:-1] == sorted(PINS[3:-1], key=lock.name)


def test_a_lock_is_made_from_what_pip_froze():
    frozen = ["zlib_ng==1.0", "torch==2.13.0+cpu", "ipykernel==7.4.0", "a @ file:///x"]
    made = lock.lock(frozen, "3.11").splitlines()
    assert made[3:] == [
        "appnope==0.1.4; sys_platform == 'darwin'",
        "ipykernel==7.4.0",
        "torch==2.13.0",
        "zlib_ng==1.0",
        "-e .",
    ]
    assert "torch" in lock.direct(newest=True)
    assert "torch" not in lock.direct()


@pytest.mark.parametrize("source", NOTEBOOKS, ids=lambda s: s.stem)
def test_colab_gets_the_versions_that_were_tested(source):
    cell = (
        source.read_text(encoding="utf-8").split("google.colab", 1)[1].split("# %%")[0]
    )
    wanted = re.findall(r'"([\w.-]+)==([\w.]+)"', cell)
    assert {name for name, _ in wanted} >= {"anywidget", "micrograd", "xxhash"}
    for name, version in wanted:
        assert version == pinned(name), name


# --- Binder ---------------------------------------------------------------------------


def test_binder_has_the_torch_of_the_book():
    wanted = load(ROOT / ".binder/environment.yml")["dependencies"]
    assert f"pytorch-cpu={pinned('torch')}" in wanted


def test_binder_installs_what_running_needs_and_no_more(tmp_path):
    """postBuild, run with a pip that says what it was asked for, in a path with a #."""
    folder = tmp_path / "a # path"
    (folder / ".binder").mkdir(parents=True)
    for name in ("requirements.txt", "pyproject.toml", ".binder/postBuild"):
        (folder / name).write_text(text(name), encoding="utf-8")
    pip = tmp_path / "bin" / "python"
    pip.parent.mkdir()
    pip.write_text(
        '#!/bin/bash\npwd\necho "$@"\nfor last; do :; done\ncat "$last"\n',
        encoding="utf-8",
    )
    pip.chmod(0o755)
    run = subprocess.run(
        ["bash", folder / ".binder" / "postBuild"],
        env=os.environ | {"PATH": f"{pip.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
    )
    where, asked, *constraints = run.stdout.splitlines()
    assert run.returncode == 0 and where == str(folder), run.stderr
    assert "--group chapters --editable ." in asked and "site" not in asked
    assert constraints == [pin for pin in PINS if "==" in pin]


# --- licences -------------------------------------------------------------------------


def test_both_licences_are_named():
    for name in ("README.md", "LICENSE", "CITATION.cff", "CONTRIBUTING.md"):
        assert "MIT" in text(name) and re.search("CC.BY.4.0", text(name)), name
    assert "Permission is hereby granted, free of charge" in text("LICENSE")
    assert PROJECT["project"]["license-files"] == ["LICENSE"]
    cited = load(ROOT / "CITATION.cff")
    title = load(ROOT / "_config.yml")["title"]
    assert cited["title"] == title == text("README.md").splitlines()[0].lstrip("# ")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_the_documents_name_what_is_there(name):
    """Targets of make and files that a document mentions exist."""
    said = text(name)
    targets = set(re.findall(r"^(\w+):", text("Makefile"), re.M))
    named = set(re.findall(r"(?:`|^    )make ([a-z]+)", said, re.M))
    assert named and named <= targets
    files = re.findall(r"`((?:tools|book|tests|notebooks)/[\w/]+\.\w+)`", said)
    for path in [*files, *re.findall(r"\]\(([A-Z]\w+(?:\.\w+)?)\)", said)]:
        assert (ROOT / path).exists() or path in (
            "notebooks/NN_name.py",
            "book/mutations.json",
        )


def test_the_readme_shows_a_page_by_day_and_by_night():
    shown = re.findall(r'(?:src|srcset)="([^"]+)"', text("README.md"))
    assert len(shown) == 2 and all((ROOT / name).exists() for name in shown)
