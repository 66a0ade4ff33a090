# The server as one image: program, npm packages and shipped models inside, everything that changes under /data.
#
#   docker build -t sulcus .
#   docker run --read-only --tmpfs /tmp -v sulcus-data:/data -p 127.0.0.1:8080:8080 sulcus
#
# The base only needs Node.js with npm, for example a CUDA image with Node.js added. The container listens on all of its
# own addresses, without logins unless they are configured: publish the port to trusted networks only.
ARG BASE_IMAGE=node:22-bookworm-slim
FROM ${BASE_IMAGE}

ARG DENO_VERSION=2.9.6
RUN npm install --global --no-audit --no-fund "deno@${DENO_VERSION}" && npm cache clean --force

ENV DENO_DIR=/opt/deno DENO_NO_UPDATE_CHECK=1 DENO_NO_PROMPT=1
WORKDIR /app
COPY deno.json deno.lock ./
# From here on what is installed is what runs: "manual" neither resolves nor writes packages, in child processes neither.
# The download cache and the ONNX Runtime of other operating systems stay out of the image.
RUN deno install --frozen \
  && sed -i 's/"nodeModulesDir": "auto"/"nodeModulesDir": "manual"/' deno.json \
  && rm -rf "$DENO_DIR/npm" node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32

# onnxruntime-node's CUDA libraries: "cuda12" fetches them from NuGet; the base must then hold CUDA 12 and cuDNN 9.
ARG ONNXRUNTIME_NODE_INSTALL=skip
RUN if [ "$ONNXRUNTIME_NODE_INSTALL" != skip ]; then node node_modules/onnxruntime-node/script/install.js; fi

COPY LICENSE ./
COPY models ./models
COPY src ./src
RUN deno cache --frozen src/cli/main.ts

ARG COMMIT=unknown
# Nothing outside /data is written: temporary files, too, belong to it unless TMPDIR says otherwise.
ENV SULCUS_COMMIT=${COMMIT} SULCUS_DATA=/data SULCUS_MODELS=/app/models SULCUS_PORT=8080 HOME=/data TMPDIR=/data
RUN mkdir /data && chown 10001:10001 /data
VOLUME /data
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.SULCUS_PORT}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]

ENTRYPOINT ["deno", "run", "-A", "--cached-only", "src/cli/main.ts"]
CMD ["serve", "--host", "0.0.0.0", "--allow-remote-without-login"]
