# The server as one image: program, npm packages and shipped models inside, everything that changes under /data.
#
#   docker build -t sulcus --build-arg COMMIT=$(git rev-parse HEAD) .
#   docker run --init --read-only -v sulcus-data:/data -p 127.0.0.1:8080:8080 \
#     -e SULCUS_LOGIN=token -e SULCUS_ALLOWED_HOSTS=localhost sulcus
#
# The container listens on all of its own addresses: it starts with a login and names (docs/login.md) only, or with
# --insecure. The base needs nothing but the C and C++ libraries, the image that builds needs Node.js with npm;
# for an NVIDIA GPU take a CUDA 13 base with cuDNN 9 and CUDA=yes, for OpenVINO OPENVINO=yes.
ARG BUILD_IMAGE=node:22-bookworm-slim
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
ARG DENO_VERSION=2.9.6
# Of the binary for Linux on x86-64; another machine gives its own.
ARG DENO_SHA256=bceb5b6a6239b0b010418406d8c77a508f67cf4337d94288f1c19fe71304aab0
RUN npm install --global --no-audit --no-fund "deno@${DENO_VERSION}" \
  && install -D "$(npm root --global)/deno/deno" /opt/bin/deno \
  && echo "${DENO_SHA256}  /opt/bin/deno" | sha256sum --check -

ENV DENO_DIR=/opt/deno DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1
WORKDIR /app
COPY deno.json deno.lock ./
# Every package is held against the hash in deno.lock. From here on the installed packages are those that run: "manual"
# neither resolves nor writes any, nor do child processes. Without those that only tests import: the lock names them,
# deno.json does not.
RUN sed -i -E '/^    "npm:(ajv|oidc-provider|playwright-core|yaml)@/d' deno.lock \
  && deno install --frozen \
  && sed -i 's/"nodeModulesDir": "auto"/"nodeModulesDir": "manual"/' deno.json \
  && rm -rf "$DENO_DIR/npm"

# ONNX Runtime's CUDA provider, 270 MB, which no npm package holds.
ARG CUDA=no
# OpenVINO, 134 MB, which no npm package holds either.
ARG OPENVINO=no
COPY scripts/install/cuda_library.ts scripts/install/openvino_library.ts scripts/install/wheels.ts scripts/install/
COPY src/engine/runtimes/cuda_library.ts src/engine/runtimes/
COPY src/engine/runtimes/openvino/library.ts src/engine/runtimes/openvino/
RUN if [ "$CUDA" = yes ]; then deno run -A scripts/install/cuda_library.ts; fi \
  && if [ "$OPENVINO" = yes ]; then deno run -A scripts/install/openvino_library.ts; fi

# Without ONNX Runtime for other machines and browsers, which is most of it.
RUN find node_modules/onnxruntime-node/bin/ -type f ! -path "*/linux/$(node -p process.arch)/*" -delete \
  && find node_modules/onnxruntime-web/dist/ -type f ! -name 'ort.node.*' ! -name 'ort.jspi.bundle.min.mjs' \
    ! -name 'ort-wasm-simd-threaded.mjs' ! -name 'ort-wasm-simd-threaded.wasm' \
    ! -name 'ort-wasm-simd-threaded.jspi.*' -delete \
  && find node_modules/ -name '*.map' -delete

COPY LICENSE sbom.cdx.json ./
COPY models ./models
COPY src ./src
# Every file: worker processes load modules that the program itself does not import.
RUN deno cache --frozen $(find src -name '*.ts')

FROM ${BASE_IMAGE}
COPY --from=build /opt/bin/deno /usr/local/bin/deno
COPY --from=build /opt/deno /opt/deno
COPY --from=build /app /app
WORKDIR /app

ARG COMMIT=unknown
# Nothing outside /data is written; temporary files go there too.
ENV DENO_DIR=/opt/deno DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1 SULCUS_COMMIT=${COMMIT} \
  SULCUS_DATA=/data SULCUS_MODELS=/app/models SULCUS_PORT=8080 HOME=/data TMPDIR=/data
RUN mkdir /data && chown 10001:10001 /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s \
  CMD ["deno", "eval", "--no-config", "--no-lock", "const r = await fetch(`http://127.0.0.1:${Deno.env.get('SULCUS_PORT')}/health/live`); if (!r.ok) Deno.exit(1)"]

ENTRYPOINT ["deno", "run", "-A", "--cached-only", "src/cli/main.ts"]
CMD ["serve", "--host", "0.0.0.0"]
