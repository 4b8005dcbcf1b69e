# syntax=docker/dockerfile:1
# Every service and the command, a target each: extractor, transformer, enricher, loader, replay, cli. They share all their
# layers. Built for the platforms of docker-bake.hcl without emulation: nothing runs in the final stages.

# The runtime: Node 24 on Debian 12 without a shell. node:24-slim carries npm and yarn besides, and with DuckDB's library on
# top of it no image would stay under 250 MB.
ARG RUNTIME=gcr.io/distroless/nodejs24-debian12:nonroot

FROM --platform=$BUILDPLATFORM node:24-slim AS dependencies
WORKDIR /app
# Manifests alone, so that a changed source does not install anything again.
COPY package.json package-lock.json ./
COPY packages/record/package.json packages/record/
COPY packages/flow/package.json packages/flow/
COPY packages/station/package.json packages/station/
COPY packages/replay/package.json packages/replay/
COPY packages/devstack/package.json packages/devstack/
COPY packages/cli/package.json packages/cli/
COPY packages/testing/package.json packages/testing/
COPY services/extractor/package.json services/extractor/
COPY services/transformer/package.json services/transformer/
COPY services/enricher/package.json services/enricher/
COPY services/loader/package.json services/loader/
COPY services/replay/package.json services/replay/
ARG TARGETARCH
# Of the workspaces that run, without what is for development; libraries are those of the image's processor.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error \
      --os=linux --libc=glibc --cpu="$(test "$TARGETARCH" = amd64 && echo x64 || echo "$TARGETARCH")" \
      -w services/extractor -w services/transformer -w services/enricher -w services/loader -w services/replay \
      -w packages/cli \
    # What Node never reads; licences stay.
    && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \
      -o -iname '*.md' ! -iname '*licen*' \) -delete

FROM scratch AS sources
COPY package.json LICENSE /app/
COPY bin /app/bin
COPY docker/healthcheck.mjs /app/docker/
COPY packages/record /app/packages/record
COPY packages/flow /app/packages/flow
COPY packages/station /app/packages/station
COPY packages/replay /app/packages/replay
COPY packages/devstack /app/packages/devstack
COPY packages/cli /app/packages/cli
COPY services /app/services
# The engine's own; those of a flow stand beside it.
COPY schemas/quadrille.*.avsc schemas/flow.schema.json /app/schemas/

FROM $RUNTIME AS base
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY --from=sources /app .
# Bounds of the heap as `quadrille up` sets them. A container's port is reached from outside of it.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size=192 --max-semi-space-size=16 --disable-warning=ExperimentalWarning" \
    MALLOC_ARENA_MAX=2 \
    MALLOC_TRIM_THRESHOLD_=131072 \
    QUADRILLE_HTTP=0.0.0.0:9464
EXPOSE 9464
USER 65532:65532
STOPSIGNAL SIGTERM
# Node is the first process: signals reach it, and it ends in order.
ENTRYPOINT ["/nodejs/bin/node"]
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["/nodejs/bin/node", "/app/docker/healthcheck.mjs", "/live"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=https://github.com/quadrille/quadrille
LABEL org.opencontainers.image.title="Quadrille" \
      org.opencontainers.image.description="Event-choreographed ETL on Apache Kafka" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.documentation="$SOURCE/blob/main/docs/how-to/run-with-docker-compose.md"

FROM base AS extractor
LABEL org.opencontainers.image.title="Quadrille extractor"
CMD ["services/extractor/main.ts"]

FROM base AS transformer
LABEL org.opencontainers.image.title="Quadrille transformer"
CMD ["services/transformer/main.ts"]

FROM base AS enricher
LABEL org.opencontainers.image.title="Quadrille enricher"
CMD ["services/enricher/main.ts"]

FROM base AS loader
LABEL org.opencontainers.image.title="Quadrille loader"
CMD ["services/loader/main.ts"]

FROM base AS replay
LABEL org.opencontainers.image.title="Quadrille replay service"
ENV NODE_OPTIONS="--max-old-space-size=256 --max-semi-space-size=16 --disable-warning=ExperimentalWarning" \
    QUADRILLE_HTTP=0.0.0.0:8470
EXPOSE 8470
CMD ["services/replay/main.ts"]

FROM base AS cli
LABEL org.opencontainers.image.title="Quadrille command"
ENV NODE_OPTIONS="--disable-warning=ExperimentalWarning"
HEALTHCHECK NONE
ENTRYPOINT ["/nodejs/bin/node", "/app/bin/quadrille.js"]
CMD ["--help"]
