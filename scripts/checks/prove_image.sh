#!/usr/bin/env bash
# Proves the Dockerfile without Docker: builds the image with buildah on bases made by debootstrap, runs it as a container
# would (its own user, process 1, no capabilities, a read-only root, one volume, no network), segments a case with the
# shipped model, stops it by SIGTERM, starts it again on the same volume and finds everything there. Proves that it does not
# start without login or names, and attacks it from outside with both. Needs root on Debian with the packages buildah,
# debootstrap, curl, iproute2, util-linux and npm. Keeps the bases for the next run.
#
#   scripts/checks/prove_image.sh [build|run|all]
#
# VOLUMES names a folder with t1, t1c, t2 and flair .nii.gz; default: a phantom. WORK is a scratch folder.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly WORK="${WORK:-/var/tmp/sulcus-image}" MIRROR="${MIRROR:-http://deb.debian.org/debian}"
readonly BASE=localhost/sulcus-base BUILD_BASE=localhost/sulcus-build-base IMAGE=localhost/sulcus
readonly URL=http://127.0.0.1:8080 MODEL=ms-lesion MOST_MEGABYTES=450
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
mkdir -p "$WORK"

fail() {
  echo "FAILED: $1" >&2
  [ ! -f "$WORK/log" ] || tail -n 20 "$WORK/log" >&2
  exit 1
}

has_image() { buildah inspect --type image "$1" >/dev/null 2>&1; }

# A bare Debian to run on, and the same with Node.js and npm to build on.
make_bases() {
  local container
  if ! has_image "$BASE"; then
    rm -rf "$WORK/base"
    debootstrap --variant=minbase bookworm "$WORK/base" "$MIRROR" >/dev/null
    rm -rf "$WORK"/base/var/cache/apt/archives/*.deb "$WORK"/base/var/lib/apt/lists/*
    container=$(buildah from scratch)
    buildah copy -q "$container" "$WORK/base" / >/dev/null
    buildah commit -q --rm "$container" "$BASE" >/dev/null
    rm -rf "$WORK/base"
  fi
  if ! has_image "$BUILD_BASE"; then
    container=$(buildah from "$BASE")
    buildah run "$container" -- sh -c \
      'apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm ca-certificates' >/dev/null 2>&1
    # This machine's certificates, so that npm passes its proxy.
    buildah copy -q "$container" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
    buildah config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
      --env SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt "$container"
    buildah commit -q --rm "$container" "$BUILD_BASE" >/dev/null
  fi
}

build() {
  make_bases
  buildah bud -q --format docker --build-arg "BASE_IMAGE=$BASE" --build-arg "BUILD_IMAGE=$BUILD_BASE" \
    --build-arg "COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)" -f Dockerfile -t "$IMAGE" . \
    >"$WORK/build.log" 2>&1 || { tail -n 40 "$WORK/build.log" >&2; fail "the image cannot be built"; }
  echo "built: $(buildah images --format '{{.Size}}' "$IMAGE"), of which the base $(buildah images --format '{{.Size}}' "$BASE")"
  local megabytes
  megabytes=$(buildah images --format '{{.Size}}' "$IMAGE" | awk '/ MB$/ { printf "%d", $1 }')
  [ "${megabytes:-999}" -lt "$MOST_MEGABYTES" ] || fail "the image has ${megabytes:-more} MB, expected less than $MOST_MEGABYTES"
}

# One field of the image's configuration as shell words, quoted.
config() {
  buildah inspect --type image "$IMAGE" | node -e '
    const { config } = JSON.parse(require("fs").readFileSync(0, "utf8")).Docker;
    const quote = (word) => `\x27${word.replaceAll("\x27", `\x27\\\x27\x27`)}\x27`;
    console.log((eval(process.argv[1]) ?? []).map(quote).join(" "));' "$1"
}

# curl from inside the container's network.
client() { nsenter --net --target "$SERVER" curl -sf --max-time 900 "$@"; }

start() {
  local began answer=
  began=$(date +%s%N)
  "${INSIDE[@]}" "${COMMAND[@]}" >>"$WORK/log" 2>&1 &
  OUTSIDE=$!
  until SERVER=$(pgrep -P "$OUTSIDE"); do sleep 0.1; done
  for _ in $(seq 600); do
    answer=$(client "$URL/health/ready") && break || true
    kill -0 "$OUTSIDE" 2>/dev/null || fail "the server ended before it was ready"
    sleep 0.2
  done
  [ -n "$answer" ] || fail "the server is not ready within 120 s"
  echo "$1: ready after $((($(date +%s%N) - began) / 1000000)) ms, $(rss) MB resident; $answer"
}

rss() { awk '/^VmRSS/ { printf "%d", $2 / 1024 }' "/proc/$SERVER/status"; }

stop() {
  local began ended=0
  began=$(date +%s%N)
  kill -TERM "$SERVER"
  for _ in $(seq 100); do kill -0 "$OUTSIDE" 2>/dev/null || break; sleep 0.2; done
  ! kill -0 "$OUTSIDE" 2>/dev/null || fail "the server does not end within 20 s of SIGTERM"
  wait "$OUTSIDE" || ended=$?
  [ "$ended" = 0 ] || fail "the server ends with $ended after SIGTERM"
  echo "SIGTERM: ended with 0 after $((($(date +%s%N) - began) / 1000000)) ms"
}

field() { node -pe "JSON.parse(require('fs').readFileSync(0, 'utf8')).$1"; }

run() {
  local container volumes="${VOLUMES:-}" dataset report modality
  local -a environment check form=()
  if [ -z "$volumes" ]; then
    npx -y deno@2.9.6 run -A scripts/phantoms/phantom.ts --out "$WORK/phantoms" --count 1 --seed 1 --size 64 >/dev/null
    volumes=$WORK/phantoms/cases/phantom001
  fi
  container=$(buildah from "$IMAGE")
  trap 'kill -KILL "${SERVER:-}" 2>/dev/null || true; buildah rm "'"$container"'" >/dev/null' EXIT
  ROOT=$(buildah mount "$container")
  eval "environment=($(config 'config.Env'))"
  eval "COMMAND=($(config '[...config.Entrypoint, ...config.Cmd]') --insecure)"
  eval "check=($(config 'config.Healthcheck.Test.slice(1)'))"
  # Before words to be run in the container, as process 1 of its own.
  INSIDE=(unshare --mount --net --pid --fork --kill-child --propagation private bash -c '
    root=$1 data=$2; shift 2
    ip link set lo up
    mount --bind "$root" "$root" && mount -o remount,ro,bind "$root"
    mount --bind "$data" "$root/data" && mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev"
    exec chroot "$root" setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all \
      --inh-caps=-all "$@"' inside "$ROOT" "$WORK/data"
    /usr/bin/env -i -C /app "${environment[@]}")
  rm -rf "$WORK/data" "$WORK/log" && mkdir "$WORK/data" && chown 10001:10001 "$WORK/data"

  local leftovers
  leftovers=$(find "$ROOT/root" "$ROOT/app" "$ROOT/opt" "$ROOT/usr/local" "$ROOT/tmp" -name node_modules -prune -o \
    \( -name '.npm' -o -name '*_test.ts' -o -name testing -o -name npm ! -empty -o -name '.cache' \) -prune -print)
  [ -z "$leftovers" ] || fail "the image holds leftovers of its build: $leftovers"
  [ "$("${INSIDE[@]}" id -u)" = 10001 ] || fail "the container does not run as user 10001"
  ! "${INSIDE[@]}" touch /app/written /opt/deno/written /tmp/written /written 2>/dev/null || fail "the root is writable"
  "${INSIDE[@]}" touch /data/written && rm "$WORK/data/written" || fail "/data is not writable"
  echo "container: user 10001, read-only root, /data writable, no network but its own loopback, no build leftovers"

  start "first start"
  [ "$(stat -c %u "/proc/$SERVER")" = 10001 ] || fail "the server does not run as user 10001"
  nsenter --target "$SERVER" --mount --net --pid --root --wd --setuid 10001 --setgid 10001 \
    /usr/bin/env -i "${environment[@]}" "${check[@]}" || fail "the image's health check fails"
  echo "health check: passes"
  echo "devices: $(client "$URL/version" | field 'devices.map((d) => `${d.provider} ${d.state}`).join(", ")')"

  dataset=$(client "$URL/v1/datasets" -H 'Content-Type: application/json' -d '{ "name": "kept", "task": "segmentation",
    "modalities": ["t1"], "labels": [{ "name": "lesion", "values": [1] }] }' | field id)
  client -T "$volumes/t1.nii.gz" "$URL/v1/datasets/$dataset/cases/one/t1" >/dev/null
  for modality in t1 t1c t2 flair; do form+=(-F "$modality=@$volumes/$modality.nii.gz"); done
  report=$(client -H 'Accept: application/json' "${form[@]}" "$URL/v1/models/$MODEL/segment") ||
    fail "the shipped model segments nothing"
  echo "segmented with $MODEL: $(field 'labels.map((l) => `${l.name} ${l.volumeMl.toFixed(1)} mL`).join(", ")' <<<"$report"), $(
    field windows <<<"$report"
  ) windows on $(field provider <<<"$report")"
  client "$URL$(field maskUrl <<<"$report")" -o "$WORK/mask.nii.gz"
  stop

  start "second start, same volume"
  [ "$(client "$URL/v1/datasets/$dataset" | field 'cases[0].case')" = one ] || fail "the data set is lost"
  client "$URL$(field maskUrl <<<"$report")" | cmp - "$WORK/mask.nii.gz" || fail "the mask is lost"
  echo "restart: the data set and the mask are still there"
  stop

  local deno
  deno=$(npx -y deno@2.9.6 eval 'console.log(Deno.execPath())') # inside, npx waits for a registry that is not there
  COMMAND=("${COMMAND[@]:0:${#COMMAND[@]}-1}") # without --insecure
  ! "${INSIDE[@]}" "${COMMAND[@]}" >"$WORK/refused" 2>&1 || fail "it starts without login and names"
  grep -q "^Cannot listen on 0.0.0.0" "$WORK/refused" || fail "it refuses to start, but not for want of a login: $(cat "$WORK/refused")"
  INSIDE+=(SULCUS_LOGIN=token SULCUS_ALLOWED_HOSTS=127.0.0.1)
  start "with logins, after it refused to start without"
  nsenter --net --target "$SERVER" "$deno" run -A scripts/attack/main.ts "$URL" || fail "the attack found something"
  ! grep -qE "^Cap(Inh|Prm|Eff|Bnd|Amb):.*[1-9a-f]" "/proc/$SERVER/status" || fail "the server has capabilities"
  grep -q "^NoNewPrivs:.1" "/proc/$SERVER/status" || fail "the server may get new privileges"
  stop
  echo "proven: $(du -sh "$WORK/data" | cut -f1) in the volume, nothing written elsewhere"
}

case "${1:-all}" in
  build) build ;;
  run) run ;;
  all) build && run ;;
  *) echo "Cannot prove the image: expected build, run or all, got $1" >&2; exit 2 ;;
esac
