#!/bin/sh
# Prints an .env with secrets of its own, for docker compose: sh docker/env.sh > .env
set -eu
umask 077
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
sha256() { printf %s "$1" | if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1; }

operator=$(secret)
prometheus=$(secret)
sed -e "s/^POSTGRES_PASSWORD=.*/POSTGRES_PASSWORD=$(secret)/" \
    -e "s/^REGISTRY_PASSWORD=.*/REGISTRY_PASSWORD=$(secret)/" \
    -e "s/^GRAFANA_PASSWORD=.*/GRAFANA_PASSWORD=$(secret)/" \
    -e "s/^QUADRILLE_TOKEN=.*/QUADRILLE_TOKEN=$operator/" \
    -e "s/^QUADRILLE_TOKEN_SHA256=.*/QUADRILLE_TOKEN_SHA256=$(sha256 "$operator")/" \
    -e "s/^PROMETHEUS_TOKEN=.*/PROMETHEUS_TOKEN=$prometheus/" \
    -e "s/^PROMETHEUS_TOKEN_SHA256=.*/PROMETHEUS_TOKEN_SHA256=$(sha256 "$prometheus")/" \
    "$(dirname "$0")/../.env.example"
