# Weir in a container: the web pages, the binary that embeds them, and what the binary needs to run.

FROM node:22-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

FROM rust:1-bookworm AS build
# bindgen reads libav's headers with libclang, for which it needs clang's own headers as well.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev pkg-config libclang1-14 libclang-common-14-dev \
        libavcodec-dev libavformat-dev libavutil-dev libswscale-dev libswresample-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Cargo wants every workspace member to be there, also those that aren't built.
COPY Cargo.toml Cargo.lock ./
COPY crates crates
COPY tests tests
COPY benches benches
COPY --from=web /src/web/dist web/dist
RUN cargo build --profile dist --locked -p server

FROM debian:bookworm-slim
# libavcodec59 brings libx264; Debian builds it under the GPL, which so holds for this image.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libavcodec59 libavutil57 libswscale6 libswresample4 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /data weir \
    && install -d -o weir -g weir -m 0750 /data
COPY --from=build /src/target/dist/weir /usr/local/bin/weir
USER weir
# Fails here, not at the first start, if a library is missing above.
RUN ["weir", "--version"]
# The catalog and the generated API token. Media is never written to disk.
ENV WEIR_DATA_DIR=/data
VOLUME /data
EXPOSE 1935 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
    CMD ["weir", "health", "--url", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["weir"]
