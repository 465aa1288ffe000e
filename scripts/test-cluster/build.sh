# shellcheck shell=bash
# The Kubernetes programs, built once from their Go modules. Sourced, never run; needs settings.sh.

MODULES="$ROOT/scripts/test-cluster"
KUBERNETES_VERSION="$(awk '$1 == "k8s.io/kubernetes" { print substr($2, 2) }' "$MODULES/kubernetes/go.mod")"
OLDEST_GO=21 # of Go 1; it fetches a newer one where a module wants that

programs_key() { # the version, and a hash of all that the programs are made from
  local hash
  hash="$(cat "$MODULES"/kubernetes/{go.mod,go.sum,*.go} "$MODULES"/pause/{go.mod,*.go} |
    { sha256sum 2>/dev/null || shasum -a 256; })"
  echo "$KUBERNETES_VERSION-$(uname -m)-${hash:0:12}"
}

CACHE="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/logos-blockchain-testing/kubernetes"
PROGRAMS="$CACHE/$(programs_key)"
KUBE="$PROGRAMS/kube"

programs_are_built() { [[ -x "$KUBE" && -f "$PROGRAMS/pause.tar" ]]; }

# Why the programs can't be built; nothing if they are there or can be.
build_obstacle() {
  local minor
  ! programs_are_built || return 0
  command -v go >/dev/null || { echo "the Kubernetes programs are not built yet, and there is no Go to build them" && return; }
  minor="$(go version | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p')"
  ((${minor:-99} >= OLDEST_GO)) || echo "Go 1.$minor is too old to build the Kubernetes programs: it takes 1.$OLDEST_GO or later"
}

build_programs() {
  programs_are_built && return
  mkdir -p "$CACHE"
  exec 7>"$CACHE/lock"
  flock -n 7 || { say "Somebody else builds the Kubernetes programs; waiting for that" && flock 7; }
  if ! programs_are_built; then
    # Whoever left these did not get to the end.
    discard "$CACHE"/build.*
    work="$(mktemp -d "$CACHE/build.XXXXXX")"
    trap 'discard "$work"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    say "Building Kubernetes $KUBERNETES_VERSION from its Go modules (four to twelve minutes, once; 4 GB while it lasts)"
    build_in "$work"
    rm -rf "$PROGRAMS"
    mv "$work/programs" "$PROGRAMS"
    discard "$work"
    trap - EXIT INT TERM
    say "Built: $PROGRAMS ($(du -sm "$PROGRAMS" | cut -f1) MB)"
  fi
  exec 7>&-
}

# Go makes its module cache read-only.
discard() { # DIRECTORY...
  local directory
  for directory in "$@"; do
    [[ -d "$directory" ]] || continue
    chmod -R u+w "$directory"
    rm -rf "$directory"
  done
}

build_in() { # DIRECTORY: leaves all that is to be kept in its folder "programs"
  local version=k8s.io/component-base/version
  local names="-X $version.gitVersion=v$KUBERNETES_VERSION -X $version.gitTreeState=archive -X $version.gitCommit=unknown"
  names+=" -X $version.gitMajor=${KUBERNETES_VERSION%%.*} -X $version.gitMinor=$(cut -d. -f2 <<<"$KUBERNETES_VERSION")"
  names+=" -X k8s.io/client-go/pkg/version.gitVersion=v$KUBERNETES_VERSION"
  export GOMODCACHE="${GOMODCACHE:-$1/modules}" GOCACHE="${GOCACHE:-$1/go}" CGO_ENABLED=0
  mkdir -p "$1/programs" "$1/image"
  go_build "$1" "$MODULES/kubernetes" "$1/programs/kube" "-s -w $names"
  go_build "$1" "$MODULES/pause" "$1/image/pause" "-s -w"
  pack_pause_image "$1/image" "$1/programs/pause.tar"
}

go_build() { # DIRECTORY MODULE PROGRAM LINKER_FLAGS
  (cd "$2" && go build -mod=readonly -trimpath -ldflags "$4" -o "$3" . >"$1/go-build.log" 2>&1) && return
  mkdir -p "$ROOT/.tmp"
  cp "$1/go-build.log" "$ROOT/.tmp/test-cluster-build.log"
  tail -n 15 "$1/go-build.log" >&2
  fail "ERROR: go build failed in $2; its output: $ROOT/.tmp/test-cluster-build.log" \
    "Its modules come from GOPROXY ($(go env GOPROXY)): is that reachable? It takes 3 GB of memory and 4 GB in $CACHE."
}

# An image is a tar file with its layers, its configuration and a list of both.
pack_pause_image() { # DIRECTORY IMAGE_FILE: the directory holds the program
  local machine layer
  machine="$(go env GOARCH)"
  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$1" -cf "$1/layer.tar" pause
  layer="$(sha256sum "$1/layer.tar" | cut -d' ' -f1)"
  cat >"$1/config.json" <<END
{"architecture": "$machine", "os": "linux", "config": {"Entrypoint": ["/pause"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}}
END
  cat >"$1/manifest.json" <<END
[{"Config": "config.json", "RepoTags": ["$PAUSE_IMAGE"], "Layers": ["layer.tar"]}]
END
  tar -C "$1" -cf "$2" manifest.json config.json layer.tar
}
