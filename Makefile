# Two commands do everything: `make book` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8000
SERVE ?= 1
WORKERS ?= 2
BUILD := $(VENV)/bin/jupyter-book build . -W --keep-going -n -q
.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what each target does
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: install
install: $(VENV)/.installed ## Make .venv and install everything into it

$(VENV)/.installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/one" >&2; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (the first time takes a few minutes) ..."
	@$(PY) -m pip install -qq --disable-pip-version-check "pip>=25" # older ones miss newer packages
	@$(PY) -m pip install -qq -r requirements.txt
	@touch $@

.PHONY: book
book: install ## Build the book and serve it on this machine (SERVE=0: only build; PORT=8000)
	@echo "Building the book ..."
	@PYTHONWARNINGS=ignore $(BUILD)
	@echo "Built: _build/html/index.html"
	@if [ "$(SERVE)" != 0 ]; then $(PY) tools/serve.py --port $(PORT); fi

.PHONY: test
test: install ## Run every test, every notebook among them (WORKERS=2)
	@BOOK_BROWSER="$$($(PY) tools/browser.py)" && export BOOK_BROWSER && \
	  BOOK_QUIET=1 OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 \
	  $(PY) -m pytest --nbval-lax -n $(WORKERS) --dist loadscope -q $(ARGS)

.PHONY: notebooks
notebooks: install ## Execute the chapters whose source or helpers changed (ARGS=--all: every chapter)
	@$(PY) tools/notebooks.py $(ARGS)

.PHONY: format
format: install ## Lay out the chapters' code alike, to the width of the page
	@$(PY) tools/layout.py

.PHONY: lab
lab: install ## Open JupyterLab on the chapters
	@$(VENV)/bin/jupyter lab --notebook-dir notebooks

.PHONY: bench
bench: install ## Measure what the book costs; writes the table of the benchmark page
	@BOOK_BROWSER="$$($(PY) tools/browser.py)" && export BOOK_BROWSER && $(PY) tests/benchmarks/bench.py

.PHONY: address
address: install ## Stamp the public address of the repository: make address URL=https://github.com/owner/name
	@$(PY) tools/address.py "$(URL)"

.PHONY: clean
clean: ## Remove what was built and installed here
	rm -rf _build $(VENV) *.egg-info .pytest_cache .hypothesis
