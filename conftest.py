"""Tests find the tools, run on one thread; tools/nbtest.py tests the notebooks."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "tools"))

from book import environment

os.environ.update(environment())  # before NumPy counts the processors
pytest_plugins = ["nbtest"]
