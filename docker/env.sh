#!/bin/sh
# Prints an .env with secrets of its own, for docker compose: sh docker/env.sh > .env
# Secrets stay within the shell: what is an argument of a program, others can read in the list of processes.
set -eu
umask 077
secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
sha256() { printf %s "$1" | if command -v sha256sum > /dev/null; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1; }

operator=$(secret)
prometheus=$(secret)
while IFS= read -r line; do
  case $line in
    POSTGRES_PASSWORD=* | REGISTRY_PASSWORD=* | GRAFANA_PASSWORD=*) line=${line%%=*}=$(secret) ;;
    QUADRILLE_TOKEN=*) line=QUADRILLE_TOKEN=$operator ;;
    QUADRILLE_TOKEN_SHA256=*) line=QUADRILLE_TOKEN_SHA256=$(sha256 "$operator") ;;
    PROMETHEUS_TOKEN=*) line=PROMETHEUS_TOKEN=$prometheus ;;
    PROMETHEUS_TOKEN_SHA256=*) line=PROMETHEUS_TOKEN_SHA256=$(sha256 "$prometheus") ;;
  esac
  printf '%s\n' "$line"
done < "$(dirname "$0")/../.env.example"
