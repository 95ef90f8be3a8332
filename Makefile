# The four things people do here. Everything else is a management command: .venv/bin/python manage.py help
#   make run        start it on this computer   (HOST=0.0.0.0 for the school's network, PORT=…, DEMO=0 for the real start)
#   make test       everything that must be green before a change lands
#   make check      the part of it that needs no tests: lint, floors, migrations, deploy check, templates
#   make format     let the formatters have their way
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
export HOST PORT DEMO

.PHONY: run test test-long check format
.DEFAULT_GOAL := run

define need_python
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo; echo "✗ 缺少 python3，请先运行：sudo apt install python3 python3-venv"; \
		echo "  python3 is missing; run: sudo apt install python3 python3-venv"; echo; exit 1; }
endef

run:
	$(need_python)
	@$(PYTHON) tools/run_local.py

test:
	$(need_python)
	@$(PYTHON) tools/run_setup.py requirements-dev.txt
	@.venv/bin/python tools/run_tests.py

test-long:
	$(need_python)
	@$(PYTHON) tools/run_setup.py requirements-dev.txt
	@.venv/bin/python tools/run_tests.py --long

check:
	$(need_python)
	@$(PYTHON) tools/run_setup.py requirements-dev.txt
	@.venv/bin/python tools/run_tests.py --only check

format:
	$(need_python)
	@$(PYTHON) tools/run_setup.py requirements-dev.txt
	@.venv/bin/ruff check --fix --quiet . ; .venv/bin/ruff format .
