"""The roads of `make rehearse` and the peers of `make bench`, as far as they need no
network: what the rehearsal finds, and that both sides do the same work."""

import json
import os
import subprocess
import sys

import nbformat

import rehearse
from book import ROOT, environment


def made(folder, name, *sources):
    """A notebook of these cells in ``folder``."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


def test_a_road_runs_every_cell_and_tells_what_fails(tmp_path):
    products = [
        made(tmp_path, "good", "import os", "assert os.environ['ASKED'] == 'yes'"),
        made(tmp_path, "bad", "1 + 1", "assert 1 == 2, 'a claim fails'"),
    ]
    said = rehearse.run(sys.executable, products, tmp_path, {"ASKED": "yes"}, 2)
    assert said["good"] == "" and "a claim fails" in said["bad"]


def test_git_finds_the_branch_at_its_public_address(tmp_path):
    env = os.environ | rehearse.launched(tmp_path / "launch")
    command = ["git", "ls-remote", rehearse.URL, "HEAD"]
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert said.stdout.endswith("HEAD\n")
    first = (tmp_path / "launch/notebooks/02_linear_algebra.py").read_text("utf-8")
    assert f'REPOSITORY = "{rehearse.URL}"' in first


def test_the_stand_in_for_colab_is_there_at_a_kernels_start(tmp_path):
    for name, text in rehearse.GOOGLE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    code = "import sys; print('google.colab' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert said.stdout == "True\n"


def test_the_bench_takes_the_books_own_code():
    code = (
        "import json, cells, peers; cells.quiet_environment()\n"
        "print(json.dumps(peers.convolution()))"  # asserts that the two agree
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT / "tools",
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr
    assert len(json.loads(said.stdout)) == 2
