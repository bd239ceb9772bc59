# Comity: build and check. `make help` lists what there is.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
GO      ?= go
# The race detector needs a C compiler; without one the same tests run plainly.
RACE    ?= $(shell command -v gcc >/dev/null 2>&1 && echo -race)
FUZZTIME ?= 10s

# Packages whose tests start databases, several nodes or a browser's worth of
# traffic. The race detector slows the SQLite engine (C translated to Go) about
# tenfold, so here only the short tests run under it; the full ones run plainly.
HEAVY := ./store/... ./node/... ./cmd/... ./internal/...
LIGHT  = $(shell $(GO) list ./... | grep -v -E '/(store|node|cmd|internal)(/|$$)')

.PHONY: help build test lint race bench bench-taxii fuzz cross clean

help:
	@echo 'make build   bin/comity, static, for this machine'
	@echo 'make test    everything a change must pass (lint, all tests, race detector)'
	@echo 'make lint    gofmt, go vet, staticcheck'
	@echo 'make bench   benchmarks and the figures of the running program'
	@echo 'make bench-taxii  the TAXII server beside a plain one; COMITY_BENCH_GROW=1000000 for a million objects'
	@echo 'make fuzz    each fuzz target for FUZZTIME ($(FUZZTIME))'
	@echo 'make cross   build for linux, darwin and windows on amd64 and arm64'

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/comity ./cmd/comity

test: lint
	CGO_ENABLED=0 $(GO) test -timeout 12m ./...
	@if [ -n "$(RACE)" ]; then $(MAKE) --no-print-directory race; \
	 else echo 'race detector: skipped, it needs gcc'; fi

race:
	CGO_ENABLED=1 $(GO) test -race -short -timeout 12m $(LIGHT) $(HEAVY)

lint:
	@out=$$(gofmt -l $$(git ls-files '*.go')); \
	 if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool -modfile=tools/go.mod staticcheck ./...

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/comity ./cmd/comity
	COMITY_BENCH=1 COMITY_BIN=$(CURDIR)/bin/comity $(GO) test -count 1 -v -timeout 30m -run '^TestFigures$$' ./cmd/comity
	$(MAKE) --no-print-directory bench-taxii

bench-taxii:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/comity ./cmd/comity
	COMITY_BENCH=1 COMITY_BIN=$(CURDIR)/bin/comity CGO_ENABLED=0 $(GO) test -count 1 -v -timeout 90m -run '^TestSideBySide$$' ./internal/bench

fuzz:
	@for pkg in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$f"; \
	    $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

cross:
	@for os in linux darwin windows; do for arch in amd64 arm64; do \
	  ext=; [ $$os = windows ] && ext=.exe; \
	  echo "dist/comity-$$os-$$arch$$ext"; \
	  CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' \
	    -o dist/comity-$$os-$$arch$$ext ./cmd/comity; \
	done; done

clean:
	rm -rf bin dist
