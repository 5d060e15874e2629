# A thin front of scripts/desk.py, which does the same where make is missing.
PYTHON ?= python3

ifdef SOURCE
export HIDDENGEM_SOURCE := $(SOURCE)
endif
ifdef FROM
export HIDDENGEM_FROM := $(FROM)
endif
ifdef TO
export HIDDENGEM_TO := $(TO)
endif
ifdef PORT
export HIDDENGEM_PORT := $(PORT)
endif
ifdef ONLY
export ONLY
endif

VERBS := help setup run test check bench e2e up down
.PHONY: $(VERBS)
.DEFAULT_GOAL := help

$(VERBS):
	@$(PYTHON) scripts/desk.py $@
