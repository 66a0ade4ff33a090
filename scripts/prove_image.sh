#!/usr/bin/env bash
# Proves the Dockerfile where there is no Docker: builds the image with buildah on a base made by debootstrap, runs it as
# its own user on a read-only root with an empty /data, and asks its health routes. Needs root on Debian with the packages
# buildah, debootstrap and iproute2. Keeps the base in WORK (default: a folder in /var/tmp) for the next run.
#
#   scripts/prove_image.sh [build|run|all]
set -euo pipefail
cd "$(dirname "$0")/.."

readonly WORK="${WORK:-/var/tmp/sulcus-image}" MIRROR="${MIRROR:-http://deb.debian.org/debian}"
readonly BASE=localhost/sulcus-base IMAGE=localhost/sulcus
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
mkdir -p "$WORK"
WHAT="${1:-all}"

make_base() {
  if buildah inspect --type image "$BASE" >/dev/null 2>&1; then return; fi
  if [ ! -x "$WORK/base/usr/bin/npm" ]; then
    rm -rf "$WORK/base"
    debootstrap --variant=minbase bookworm "$WORK/base" "$MIRROR" >/dev/null
    cp /etc/resolv.conf "$WORK/base/etc/"
    chroot "$WORK/base" apt-get update -qq
    chroot "$WORK/base" apt-get install -y -qq --no-install-recommends nodejs npm ca-certificates >/dev/null
    chroot "$WORK/base" apt-get clean
    # This machine's certificates, so that npm gets through its proxy.
    cp -L /etc/ssl/certs/ca-certificates.crt "$WORK/base/etc/ssl/certs/"
  fi
  local container
  container=$(buildah from scratch)
  buildah copy -q "$container" "$WORK/base" / >/dev/null
  buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
    --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "$container"
  buildah commit -q --rm "$container" "$BASE" >/dev/null
}

build() {
  make_base
  buildah bud -q --format docker --build-arg "BASE_IMAGE=$BASE" --build-arg "COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" \
    -f Dockerfile -t "$IMAGE" . >/dev/null
  echo "built: $(buildah images --format '{{.Size}}' "$IMAGE")"
}

# One field of the image's configuration as shell words, quoted.
config() {
  buildah inspect --type image "$IMAGE" | node -e '
    const { config } = JSON.parse(require("fs").readFileSync(0, "utf8")).OCIv1;
    const quote = (word) => `\x27${word.replaceAll("\x27", `\x27\\\x27\x27`)}\x27`;
    console.log((eval(process.argv[1]) ?? []).map(quote).join(" "));' "$1"
}

fail() {
  echo "FAILED: $1" >&2
  [ ! -f "$WORK/log" ] || tail -n 20 "$WORK/log" >&2
  exit 1
}

run() {
  local container root server status=0
  local -a environment command
  container=$(buildah from "$IMAGE")
  root=$(buildah mount "$container")
  eval "environment=($(config 'config.Env'))"
  eval "command=($(config '[...config.Entrypoint, ...config.Cmd]'))"
  # Before words to be run in the container: its environment and user, a read-only root, /data from $WORK/data, no
  # network but its own loopback.
  local -a inside=(unshare --mount --net --propagation private bash -c '
    root=$1 data=$2; shift 2
    ip link set lo up
    mount --bind "$root" "$root" && mount -o remount,ro,bind "$root"
    mount --bind "$data" "$root/data" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev"
    exec chroot --userspec=10001:10001 "$root" "$@"' inside "$root" "$WORK/data"
    /usr/bin/env -i -C /app "${environment[@]}")
  rm -rf "$WORK/data" && mkdir "$WORK/data" && chown 10001:10001 "$WORK/data"
  trap 'kill "${server:-}" 2>/dev/null || true; buildah rm "'"$container"'" >/dev/null' EXIT

  [ "$("${inside[@]}" id -u)" = 10001 ] || fail "the container does not run as user 10001"
  ! "${inside[@]}" touch /app/written /opt/deno/written /written 2>/dev/null || fail "the root file system is writable"
  "${inside[@]}" touch /data/written && rm "$WORK/data/written" || fail "/data is not writable"

  "${inside[@]}" "${command[@]}" >"$WORK/log" 2>&1 &
  server=$!
  for route in live ready; do
    for try in $(seq 120); do
      status=$(nsenter --net --target "$server" curl -s -o "$WORK/answer" -w '%{http_code}' "http://127.0.0.1:8080/health/$route") || true
      [ "$status" != 200 ] || break
      kill -0 "$server" 2>/dev/null || fail "the server ended before /health/$route answered"
      sleep 0.5
    done
    [ "$status" = 200 ] || fail "/health/$route answers $status: $(cat "$WORK/answer" 2>/dev/null)"
    echo "/health/$route: 200 after $try tries of 0.5 s: $(cat "$WORK/answer")"
  done
  [ "$(stat -c %u "/proc/$server")" = 10001 ] || fail "the server does not run as user 10001"

  kill -TERM "$server"
  for _ in $(seq 40); do kill -0 "$server" 2>/dev/null || break; sleep 0.5; done
  ! kill -0 "$server" 2>/dev/null || fail "the server does not end within 20 s of SIGTERM"
  wait "$server" || echo "ended with $? after SIGTERM"
  echo "run: user 10001, read-only root, no network, only /data written ($(du -sh "$WORK/data" | cut -f1))"
}

case "$WHAT" in
  build) build ;;
  run) run ;;
  all) build && run ;;
  *) echo "Cannot prove the image: expected build, run or all, got $WHAT" >&2; exit 2 ;;
esac
