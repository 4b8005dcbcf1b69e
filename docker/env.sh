#!/bin/sh
# Prints an .env with secrets of its own, for docker compose: sh docker/env.sh > .env
set -eu
umask 077
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
sha256() { if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1; }

token=$(secret)
sed -e "s/^POSTGRES_PASSWORD=.*/POSTGRES_PASSWORD=$(secret)/" \
    -e "s/^REGISTRY_PASSWORD=.*/REGISTRY_PASSWORD=$(secret)/" \
    -e "s/^GRAFANA_PASSWORD=.*/GRAFANA_PASSWORD=$(secret)/" \
    -e "s/^QUADRILLE_TOKEN=.*/QUADRILLE_TOKEN=$token/" \
    -e "s/^QUADRILLE_TOKEN_SHA256=.*/QUADRILLE_TOKEN_SHA256=$(printf %s "$token" | sha256)/" \
    "$(dirname "$0")/../.env.example"
