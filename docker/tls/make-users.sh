#!/bin/bash
# Runs beside Kafka, on the listener that is open to its own machine alone: makes the users of /access/users that are not
# there yet.
set -eu
configs() { /opt/kafka/bin/kafka-configs.sh --bootstrap-server localhost:19092 "$@"; }

there=$(configs --describe --entity-type users)
for file in /access/users/*; do
  user=$(basename "$file")
  case $there in *"'$user'"*) continue ;; esac
  configs --alter --entity-type users --entity-name "$user" --add-config-file "$file"
done
