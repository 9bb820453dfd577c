# `make help` prints the text after ## of each target.

GO ?= go
FUZZTIME ?= 30s
SOAK ?= 1h
COUNT ?= 10
HOT = ^Benchmark(Append|Decode|Frames|Insert|Lane|Stage|Table|Transaction|UpdateFull|Values)$$
HOT_PACKAGES = ./capture/postgres/... ./internal/pipeline ./sink/format/... ./sink/kafka ./transform/...

# The programs that tests run, and the Debian packages that contain them.
PROGRAMS = java:default-jre-headless mvn:maven pg_recvlogical:postgresql-client redis-server:redis-server

GOLANGCI_LINT = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
CYCLONEDX = github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

RACE ?= ./...
VERSION ?= devel
PLATFORMS = linux/amd64 linux/arm64
# The packages whose tests take longest start first, and more packages run than there are cores, as these tests mostly wait for servers.
LONG = ./internal/ledger/e2e ./cmd/tailrace ./capture/postgres ./internal/ledger/ddl ./sink/kafka ./sink/postgres/target
PARALLEL ?= 3
CONTAINERS ?= $(shell command -v docker || command -v podman)

# As releases are built, so that what the tests, the linters and the binaries have in common is compiled once.
lint vet fuzz test-deps test-alone test-rest test-short: export CGO_ENABLED = 0

.PHONY: help manual build demo check test test-alone test-rest test-short test-deps tidy lint vet race fuzz vuln release image bench hot allocs soak soak-ddl migrations
.DEFAULT_GOAL := help

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## bin/tailrace, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/tailrace ./cmd/tailrace

demo: ## the five-minute tour: the path of a row from Postgres to Kafka; needs no setup
	$(GO) run ./cmd/demo

check: tidy lint race ## the checks that need no server: go.mod, linters, the race detector, each fuzz test for ten seconds
	$(MAKE) fuzz FUZZTIME=10s

test: test-deps test-alone test-rest ## all tests, on real servers; installs what is missing; under 25 minutes

test-alone: ## the test that measures: the rate of reads at a dozen sizes of rows, while nothing else runs
	TAILRACE_ALONE=1 $(GO) test -count=1 -vet=off -timeout 20m -run '^TestReaderSweep$$' ./capture/postgres

test-rest: ## all other tests, PARALLEL (3) packages at a time
	$(GO) test -count=1 -vet=off -timeout 40m -p $(PARALLEL) $(LONG) ./...

test-short: ## the tests that need no server; under a minute
	$(GO) test -short ./...

test-deps: ## installs what tests need: programs (as root on Debian, else it names them), Postgres, Kafka
	@missing=; for p in $(PROGRAMS); do command -v $${p%%:*} >/dev/null || missing="$$missing $${p##*:}"; done; \
	pgbench --version >/dev/null 2>&1 || missing="$$missing postgresql"; \
	python3 -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then echo "please install:$$missing"; exit 1; fi; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing
	$(GO) run ./internal/testenv/fetch

manual: ## writes the tables of settings in docs/configuration.md from the settings and their comments
	GOLDEN=1 $(GO) test -count=1 -run TestTheManualHasEverySetting ./cmd/tailrace

tidy: ## fails unless go.mod and go.sum are as `go mod tidy` leaves them
	$(GO) mod tidy -diff

lint: ## golangci-lint, which has gofmt and go vet's analyzers too
	$(GO) run $(GOLANGCI_LINT) run

vet: ## gofmt, go vet, the arrows between packages
	@unformatted="$$(gofmt -l .)"; if [ -n "$$unformatted" ]; then echo "gofmt -w $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) test ./internal/arrows

# Allocation tests fail under the race detector, which itself allocates, and the models have no goroutines.
race: ## the tests that need no server, under the race detector; RACE=./internal/pipeline for some packages only
	$(GO) test -race -vet=off -short -skip 'Alloc|^TestModel' $(RACE)

fuzz: ## every fuzz test for FUZZTIME each (30s)
	GO='$(GO)' .ci/fuzz $(FUZZTIME)

vuln: ## known vulnerabilities in code that is called; uses vuln.go.dev, or else the newest copy of its database on the module proxy
	.ci/vuln $(GOVULNCHECK)

release: vuln ## dist/: static binaries for PLATFORMS, their SBOMs, checksums; VERSION=v0.1.0, from a clean tree
	.ci/release $(VERSION) $(CYCLONEDX) $(PLATFORMS)

image: ## builds and checks the container image; needs docker or podman
	@test -n "$(CONTAINERS)" || { echo "make image: neither docker nor podman is installed"; exit 1; }
	$(CONTAINERS) build --build-arg VERSION=$(VERSION) -t tailrace:$(VERSION) .
	.ci/image $(CONTAINERS) tailrace:$(VERSION)

bench: ## rows/s, CPU, memory, latency next to other tools, into bench/RESULTS.md; BENCH='-parts drain -shapes insert1000'
	$(GO) run ./bench $(BENCH)

hot: ## microbenchmarks of the path of a row, COUNT times (10), for benchstat
	$(GO) test -run '^$$' -bench '$(HOT)' -count $(COUNT) $(HOT_PACKAGES)

allocs: ## fails if the path of a row allocates more than its tests allow
	$(GO) test -count=1 -short -v -run Alloc $(HOT_PACKAGES)

soak: ## the ledger under faults for SOAK (1h), and the long forms of other tests
	TAILRACE_SOAK=$(SOAK) $(GO) test -count=1 -timeout 0 -v -run 'Ledger|Soak|ProducerIDChanges|FailsOver' ./...

soak-ddl: ## random changes of the source's schema for SOAK; DDL=all or a list of kinds, SEED=N, REDUCE=1 for small programs
	TAILRACE_SOAK=$(SOAK) TAILRACE_DDL=$(DDL) TAILRACE_DDL_SEED=$(SEED) TAILRACE_DDL_REDUCE=$(REDUCE) $(GO) test -count=1 -timeout 0 -v -run DDLSoak ./internal/ledger/ddl

migrations: ## Airflow's and Wagtail's migrations, up and down, while a replica follows; needs python3 and PyPI
	$(GO) run ./bench/migrations -app wagtail -postgres 15
	$(GO) run ./bench/migrations -app airflow
