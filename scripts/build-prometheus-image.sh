#!/usr/bin/env bash
# Makes the image logos-blockchain-testing:prometheus, which compose takes where the public prom/prometheus can't be pulled.
#
#   scripts/build-prometheus-image.sh                from the prometheus program of this machine, or Debian's package:
#                                                    seconds. Debian 12 has 2.42, which scrapes embedded nodes only
#   scripts/build-prometheus-image.sh --from-source  Prometheus 3 from its Go module, which nodes push to by OTLP: some
#                                                    minutes with Go 1.24, once; .tmp/prometheus-3 keeps the program. It
#                                                    has the HTTP API but no web pages
#   --if-needed  nothing, where the public image is there or can be pulled
#   --force      make the image anew, though there is one of this kind
#   --tag NAME   another name for the image
#   -h, --help   this
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib/settings.sh
source scripts/lib/docker.sh

TAG=logos-blockchain-testing:prometheus
PUBLIC=prom/prometheus:v3.0.1
MODULE_VERSION=v0.305.0 # is Prometheus 3.5.0
SOURCE_VERSION=3.5.0
RECEIVER_LABEL=logos-blockchain-testing.otlp-receiver

usage() { sed -n '/^# *scripts/,/^#   -h/s/^# \{0,3\}//p' "${BASH_SOURCE[0]}"; }

from_source="" force="" if_needed=""
while (($#)); do
  case "$1" in
    --from-source) from_source=1 ;;
    --force) force=1 ;;
    --if-needed) if_needed=1 ;;
    --tag)
      [[ -n "${2:-}" ]] || fail "--tag needs a name" "$(usage)"
      TAG="$2"
      shift
      ;;
    -h | --help) usage && exit ;;
    *) fail "Unknown argument: $1" "$(usage)" ;;
  esac
  shift
done

version_of() { "$1" --version 2>&1 | sed -n 's/^prometheus, version \([0-9][0-9.]*\).*/\1/p'; } # PROGRAM

build_program() { # DIRECTORY: leaves the program there
  command -v go >/dev/null || fail "ERROR: --from-source needs Go 1.24 or later; leave the option out for Debian's package."
  mkdir -p "$1"
  printf 'module prometheus\n\ngo 1.24\n\nrequire github.com/prometheus/prometheus %s\n' "$MODULE_VERSION" >"$1/go.mod"
  printf '//go:build tools\n\npackage tools\n\nimport _ "github.com/prometheus/prometheus/cmd/prometheus"\n' >"$1/tools.go"
  echo "==> Building Prometheus $SOURCE_VERSION from its Go module (some minutes, once)"
  (cd "$1" && CGO_ENABLED=0 go build -mod=mod -trimpath -tags netgo \
    -ldflags "-s -w -X github.com/prometheus/common/version.Version=$SOURCE_VERSION" \
    -o prometheus.new github.com/prometheus/prometheus/cmd/prometheus >build.log 2>&1) || {
    tail -n 15 "$1/build.log" >&2
    fail "ERROR: building Prometheus failed; its output: $PWD/$1/build.log"
  }
  mv "$1/prometheus.new" "$1/prometheus"
}

unpack_package() { # DIRECTORY
  [[ -n "$(command -v apt-get)" && -n "$(command -v dpkg-deb)" ]] ||
    fail "ERROR: there is neither a program prometheus on PATH nor apt to get Debian's package." \
      "Install Prometheus, or build it: scripts/build-prometheus-image.sh --from-source"
  echo "==> Getting Debian's package"
  (cd "$1" && apt-get download -qq prometheus >download.log 2>&1) || {
    tail -n 5 "$1/download.log" >&2
    fail "ERROR: apt-get download prometheus failed; apt-get update first, or build it: --from-source"
  }
  dpkg-deb -x "$1"/prometheus_*.deb "$1/package"
}

# With the libraries it is linked to: none if it was built here.
copy_program() { # PROGRAM ROOT
  local library
  install -D "$1" "$2/bin/prometheus"
  while read -r library; do install -D "$library" "$2$library"; done < \
    <(ldd "$1" 2>/dev/null | grep -o '/[^ ]*\.so[^ ]*' || true)
}

require_docker
if [[ -n "$if_needed" ]] && ! image_exists "$TAG"; then
  image_exists "$PUBLIC" || echo "==> Pulling $PUBLIC (two minutes at most)"
  if image_exists "$PUBLIC" || timeout 120 docker pull -q "$PUBLIC" >/dev/null 2>&1; then
    echo "Prometheus image $PUBLIC is there"
    exit 0
  fi
fi
present="$(image_label "$TAG" "$RECEIVER_LABEL")"
if [[ -z "$force" && ("$present" == true || ("$present" == false && -z "$from_source")) ]]; then
  echo "Prometheus image $TAG is there already"
  exit 0
fi

mkdir -p .tmp
work="$(mktemp -d .tmp/prometheus-image.XXXXXX)"
trap 'rm -rf "$work"' EXIT

pages=/usr/share/prometheus
if [[ -n "$from_source" ]]; then
  program=.tmp/prometheus-3/prometheus pages=""
  [[ -x "$program" && "$(version_of "$program")" == "$SOURCE_VERSION" ]] || build_program .tmp/prometheus-3
elif ! program="$(command -v prometheus)"; then
  unpack_package "$work"
  program="$work/package/usr/bin/prometheus" pages="" # they would lack the libraries that other packages bring
fi

version="$(version_of "$program")"
[[ -n "$version" ]] || fail "ERROR: $program does not tell its version; is it Prometheus?"
receiver=false
if ((${version%%.*} >= 3)); then receiver=true; fi

root="$work/root"
mkdir -p "$root/etc/prometheus" "$root/tmp" "$root/prometheus"
chmod 1777 "$root/tmp" "$root/prometheus"
copy_program "$program" "$root"
if [[ -n "$pages" && -d "$pages" ]]; then
  mkdir -p "$root/usr/share"
  cp -rL "$pages" "$root/usr/share/"
  rm -rf "$root$pages"/web/static/moment-timezone/data/unpacked # 200 MB that no page reads
fi

echo "==> Importing Prometheus $version as $TAG"
replaced="$(docker image inspect -f '{{.Id}}' "$TAG" 2>/dev/null || true)"
tar -C "$root" --owner=0 --group=0 -c . | docker import \
  --change "LABEL $RECEIVER_LABEL=$receiver" --change "LABEL logos-blockchain-testing.prometheus=$version" \
  --change 'ENTRYPOINT ["/bin/prometheus"]' --change 'WORKDIR /prometheus' --change 'EXPOSE 9090' --change 'USER 65534' \
  --change 'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]' - "$TAG" >/dev/null ||
  fail "ERROR: docker import failed; is there room where Docker keeps its images? df -h \"$(docker info -f '{{.DockerRootDir}}')\""
[[ -z "$replaced" ]] || docker rmi "$replaced" >/dev/null 2>&1 || true
echo "Prometheus image $TAG: $version, $(image_megabytes "$TAG") MB, OTLP receiver: $receiver"
