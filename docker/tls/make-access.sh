#!/bin/sh
# Runs before Kafka starts: makes an authority, the broker's certificate, and a password for each user of USERS, all below
# /access, a folder for each who reads it. What is there stays, so that a restart changes nothing.
set -eu
umask 077
cd /access
DAYS=825
mkdir -p authority kafka

if [ ! -s authority/ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj '/CN=Quadrille compose' \
    -keyout authority/ca.key -out authority/ca.pem
fi
# Also when it ends within a month: this job runs at every `up`.
if ! openssl x509 -checkend 2592000 -noout -in kafka/cert.pem > /dev/null 2>&1; then
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=kafka' -keyout kafka/key.pem -out kafka/request.pem
  printf 'subjectAltName=DNS:kafka,DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' > kafka/extensions
  openssl x509 -req -days $DAYS -in kafka/request.pem -CA authority/ca.pem -CAkey authority/ca.key -CAcreateserial \
    -extfile kafka/extensions -out kafka/cert.pem
  cat kafka/key.pem kafka/cert.pem authority/ca.pem > kafka/keystore.pem
fi

for user in $USERS; do
  mkdir -p "$user" "kafka/users"
  [ -s "$user/password" ] || openssl rand -hex 24 > "$user/password"
  cp authority/ca.pem "$user/ca.pem"
  # As kafka-configs takes it from a file: on a command line others could read it.
  printf 'SCRAM-SHA-512=iterations=8192,password=%s\n' "$(cat "$user/password")" > "kafka/users/$user"
  chown -R 65532:65532 "$user"
done
chown -R 1000:1000 kafka
