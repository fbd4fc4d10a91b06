# One image for every service: `sysmaint relay`, `agent`, `probe`, `web` and all commands.
#
#   docker compose build            builds everything in here, which takes a while the first time
#   docker build --target prebuilt  packs a binary of yours, see below
#
# No registry but the ones of these three images is asked for anything that ends in the result:
# crates and npm packages come by the committed lock files.
ARG NODE_IMAGE=node:22-bookworm-slim
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${NODE_IMAGE} AS pages
WORKDIR /src/web/ui
COPY web/ui/package.json web/ui/package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit --no-fund
COPY web/ui/ ./
RUN npm run --silent build -- --logLevel warn

FROM ${RUST_IMAGE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates g++ libssl-dev make pkg-config protobuf-compiler \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=pages /src/web/ui/dist/ web/ui/dist/
# What the binary needs of this stage goes along, so that the last one installs nothing.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p sysmaint \
    && install -D target/dist/sysmaint /out/usr/local/bin/sysmaint \
    && for library in $(ldd target/dist/sysmaint | awk '$1 ~ /^libcrypto/ { print $3 }'); do \
        install -D "${library}" "/out/usr${library#/usr}"; done \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt

FROM ${RUNTIME_IMAGE} AS runtime
# Volumes take over owner and mode of what they are first mounted on.
RUN mkdir -p /data /trust /hand-out/nats /hand-out/nats-data \
        /hand-out/relay /hand-out/agent /hand-out/probe /hand-out/web /hand-out/operator \
        /hand-out/relay-secrets /hand-out/agent-secrets /hand-out/probe-secrets \
        /hand-out/web-secrets \
    && chmod -R 700 /data /trust /hand-out \
    && chown -R 10001:10001 /data /trust /hand-out
ENV SYSMAINT_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
ENTRYPOINT ["sysmaint"]

# What was built elsewhere: the context's `out/` has the same as `/out` above.
FROM runtime AS prebuilt
COPY out/ /

FROM runtime AS sysmaint
COPY --from=build /out/ /
