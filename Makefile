# Every target is one plain command, which also works by hand in the environment .venv.

PYTHON ?= $(shell for p in python3.11 python3; do $$p -c "" 2>/dev/null && { echo $$p; break; }; done)
PY := .venv/bin/python
READY := .venv/.installed
LONG := tests/train/test_kill.py

.DEFAULT_GOAL := help
.PHONY: help book offline pdf notebooks figures test test-long bench weights experiments lint clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

book: $(READY)  ## build both books into _build/html
	$(PY) book/build.py

offline: book  ## pack both books into a zip file in _build, to be read without a network
	$(PY) book/offline.py

pdf: book  ## print each book into a PDF file in _build; needs Chromium and a Chinese font
	$(PY) book/pdf.py

notebooks: $(READY)  ## weave book/chapters into notebooks/en and notebooks/zh
	$(PY) book/weave.py

figures: $(READY)  ## draw the figures again
	$(PY) book/figures/render.py

test: $(READY)  ## run all tests, on all cores
	$(PY) -m pytest -n logical --maxprocesses 8 --dist worksteal

test-long: $(READY)  ## run in full the loops that `make test` only begins
	$(PY) -m pytest --long -n logical --maxprocesses 8 --dist worksteal $(LONG)

bench: book  ## measure what each page of the book asks of a browser
	$(PY) benchmarks/pages.py

weights: $(READY)  ## train the small models of the lessons again
	$(PY) -m vqlib.course.make_weights

experiments: $(READY)  ## run the experiments behind the chapters again, what has changed of them
	$(PY) -m vqlib.course.experiments

lint: $(READY)  ## check style and format
	$(PY) -m ruff check . && $(PY) -m ruff format --check .

clean:  ## remove what was built; keeps .venv and the cache of executed notebooks
	rm -rf _build .pytest_cache .ruff_cache .hypothesis

# Installs again whenever what is to be installed has changed.
$(READY): requirements.txt $(wildcard constraints.txt) pyproject.toml
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install -r requirements.txt
	touch $@
