# Two commands do everything: `make book` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8000
SERVE ?= 1
WORKERS ?= 2
CHAPTER ?=
N ?= 40
.DEFAULT_GOAL := help

.PHONY: help
help: ## Say what each target does
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: install
install: writable $(VENV)/.installed ## Make .venv and install everything into it (PYTHON=python3)
ifneq ($(origin PYTHON),file)
	@test "$$($(PYTHON) -V)" = "$$($(PY) -V)" \
	  || { echo "$(VENV) has $$($(PY) -V), PYTHON is $$($(PYTHON) -V): run make distclean first" >&2; exit 1; }
endif

# A .venv without pip (stopped half-way, or made before python3-venv was there) is made anew.
NEW_ENOUGH := 'import pip, sys; sys.exit(sys.version_info < (3, 11))'
# Asked before anything is made; no file has this name.
writable:
	@test -w . || { echo "This folder cannot be written to: copy the book to one that can." >&2; exit 1; }

$(VENV)/.installed: requirements.txt pyproject.toml | writable
	@$(PY) -c $(NEW_ENOUGH) >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PY) -c $(NEW_ENOUGH) \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/one" >&2; exit 1; }
	@echo "Installing into $(VENV) (the first time takes a few minutes) ..."
	@$(PY) -m pip install -qq --disable-pip-version-check "pip>=25" # older ones miss newer packages
	@$(PY) -m pip install -qq -r requirements.txt
	@touch $@

.PHONY: browser
browser: install ## Find a Chromium or Chrome for the tests; install one if there is none
	@$(PY) tools/browser.py --install

.PHONY: book
book: install ## Build the book and serve it on this machine (SERVE=0: only build; PORT=8000)
	@$(PY) tools/notebooks.py --check
	@echo "Building the book ..."
	@$(PY) tools/book.py
	@echo "Built: _build/html/index.html"
	@if [ "$(SERVE)" != 0 ]; then $(PY) tools/serve.py --port $(PORT); fi

.PHONY: pdf
pdf: install ## Print the built book into _build/deep-learning-run.pdf (takes some minutes)
	@$(PY) tools/paper.py

.PHONY: offline
offline: install ## Pack the built book into _build/deep-learning-run.zip, to be read without network
	@$(PY) tools/offline.py

.PHONY: test
test: install ## Run every test, every notebook among them (CHAPTER=05: one chapter; WORKERS=2)
	@BOOK_CHAPTER="$(CHAPTER)" $(PY) -m pytest --nbval-lax -n $(WORKERS) --dist loadscope -q $(ARGS)

.PHONY: lint
lint: install ## Check the code of the chapters, helpers, tools and tests (CHAPTER=05: one chapter)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) tools/lint.py $(CHAPTER)

.PHONY: format
format: install ## Lay out all code alike, to the width of the page
	@$(PY) -m ruff format .
	@$(PY) -m ruff check --fix-only .

.PHONY: lock
lock: install ## Resolve the dependencies anew, into requirements.txt
	@$(PY) tools/lock.py

.PHONY: mutate
mutate: install ## Put N small errors into a chapter, one at a time, and list those no claim notices (CHAPTER=05 N=40)
	@$(PY) tools/mutate.py $(or $(CHAPTER),$(error CHAPTER=05 is missing)) --n $(N) $(ARGS)

.PHONY: notebooks
notebooks: install ## Execute the chapters whose source or helpers changed (ARGS="05", ARGS=--all)
	@$(PY) tools/notebooks.py $(ARGS)

.PHONY: lab
lab: install ## Open JupyterLab on the chapters (ARGS=--no-browser)
	@$(PY) -m jupyterlab --config tools/lab/jupyter_lab_config.py $(ARGS)

.PHONY: bench
bench: install ## Measure what the book costs; writes the table of the benchmark page
	@$(PY) tools/bench.py

.PHONY: rehearse
rehearse: browser ## Run every chapter as Colab, Binder and a reader's own JupyterLab would (ARGS="colab --chapters 05")
	@$(PY) tools/rehearse.py $(ARGS)

.PHONY: address
address: install ## Stamp the public address into notebooks and README (URL=https://github.com/owner/name; found by itself; URL=none removes it)
	@$(PY) tools/address.py $(if $(filter none,$(URL)),--remove,$(if $(URL),"$(URL)"))

.PHONY: launch
launch: install ## Write the branch that Binder and Colab open into the empty folder OUT, stamped
	@$(PY) tools/address.py $(if $(URL),"$(URL)") --launch $(or $(OUT),$(error OUT=folder is missing))

.PHONY: portrait
portrait: browser ## Take the README's pictures of a page from the built book
	@$(PY) tools/portrait.py

.PHONY: clean
clean: ## Remove what was built and cached here
	rm -rf _build .pytest_cache .hypothesis .ruff_cache

.PHONY: distclean
distclean: clean ## Remove what was installed here, too
	rm -rf $(VENV) *.egg-info
