#!/usr/bin/env bash
# A disposable Kubernetes cluster with one node, on this Linux machine, for tests. It is made from packages: etcd, containerd, runc
# and the CNI plugins of the system, Kubernetes and CoreDNS from their Go modules. Those are built once, which takes some
# minutes, and kept in ~/.cache/logos-blockchain-testing/kubernetes. Nothing is pulled: images come from Docker, by "load".
#
#   scripts/test-cluster.sh up             starts it, and prints the line that lets kubectl and the tests find it
#   scripts/test-cluster.sh down           ends it; nothing is left of it but the programs that were built
#   scripts/test-cluster.sh status         says what runs; exit 0 = it is up, 1 = it is not
#   scripts/test-cluster.sh load IMAGE...  copies images from the Docker daemon into it
#   scripts/test-cluster.sh stop-api       ends the API server alone, at once; pods run on
#   scripts/test-cluster.sh start-api      starts them again
#   scripts/test-cluster.sh build          only builds the programs; needs no root
#   scripts/test-cluster.sh -h, --help     this
#
# All but "build" take root. There is one cluster on a machine, whoever started it.
# Exit 2 = it can't be had here; the reason is printed.
set -uo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PATH="$PATH:/usr/sbin:/sbin:/usr/local/go/bin"
source "$ROOT/scripts/lib/settings.sh"
source "$ROOT/scripts/test-cluster/settings.sh"
source "$ROOT/scripts/test-cluster/build.sh"
source "$ROOT/scripts/test-cluster/machine.sh"
source "$ROOT/scripts/test-cluster/processes.sh"
source "$ROOT/scripts/test-cluster/components.sh"

SYSTEM_PROGRAMS=(
  etcd:etcd-server containerd:containerd ctr:containerd containerd-shim-runc-v2:containerd runc:runc
  iptables:iptables iptables-save:iptables ip:iproute2 openssl:openssl flock:util-linux setsid:util-linux unshare:util-linux
)

usage() { sed -n '/^# *scripts/,/^#   .*--help/s/^# \{0,3\}//p' "${BASH_SOURCE[0]}"; }

cannot() {
  printf '%s\n' "$@" >&2
  exit 2
}

require_linux_and_root() {
  [[ "$(uname -s)" == Linux ]] || cannot "ERROR: the test cluster takes Linux, and this is $(uname -s)." \
    "Use kind or minikube: tests take the cluster that kubectl reaches."
  [[ "$(id -u)" == 0 ]] || cannot "ERROR: the test cluster takes root, for namespaces, addresses and the firewall." \
    "Run it as root (sudo $0 $command), or use kind or minikube: tests take the cluster that kubectl reaches."
}

require_programs() {
  local pair obstacle missing=()
  for pair in "${SYSTEM_PROGRAMS[@]}"; do
    type -P "${pair%:*}" >/dev/null || missing+=("${pair%:*} (Debian: ${pair#*:})")
  done
  [[ -n "$CNI_PROGRAMS" ]] || missing+=("the CNI plugins (Debian: containernetworking-plugins)")
  ((${#missing[@]} == 0)) || cannot "ERROR: the test cluster needs programs that are not here:" "${missing[@]/#/  }"
  obstacle="$(build_obstacle)"
  [[ -z "$obstacle" ]] || cannot "ERROR: $obstacle." \
    "Install Go (Debian 13: golang-go; else https://go.dev/dl), or use kind or minikube: tests take the cluster that kubectl reaches."
}

# One "up" or "down" at a time, from whatever checkout.
take_turns() {
  exec 8<"${STATE%/*}"
  flock 8
}

up() {
  local ended obstacle
  require_linux_and_root
  require_programs
  build_programs
  take_turns
  ended="$(components_that_ended)"
  if [[ -z "$ended" ]]; then
    wait_for_api_server
    say "The cluster is up already"
  elif [[ -e "$API_SERVER_STOPPED" && "$ended" == $'kube-apiserver\nkube-controller-manager\nkube-scheduler' ]]; then
    say "Only the API server is stopped; starting it"
    continue_api_server
  else
    ! cluster_is_there || say "A cluster is there that is not whole; making it anew. These ended: ${ended//$'\n'/ }"
    take_down
    [[ ! -e "$STATE" ]] || rmdir "$STATE" 2>/dev/null || cannot "ERROR: $STATE is there and is no cluster's; it is left alone."
    obstacle="$(other_cluster)"
    [[ -z "$obstacle" ]] || cannot "ERROR: there is another cluster on this machine: $obstacle. Use that, or end it."
    make_cluster
  fi
  type -P kubectl >/dev/null || say "There is no kubectl on PATH; the cluster brings one: $STATE/bin/kubectl"
  echo "export KUBECONFIG=$CLUSTER_KUBECONFIG"
}

make_cluster() {
  local started=$SECONDS
  starting=""
  # Neither a failure nor an interrupt leaves half a cluster.
  trap 'trap "" INT TERM HUP; { kill -KILL $starting; wait $starting; } 2>/dev/null; take_down' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  say "Starting Kubernetes $KUBERNETES_VERSION (state: $STATE)"
  prepare_machine
  unshare --mount --propagation slave "$ROOT/scripts/test-cluster/start.sh" &
  starting=$!
  wait "$starting" || exit
  trap - EXIT INT TERM HUP
  say "The cluster is up, after $((SECONDS - started)) s; it ends by scripts/test-cluster.sh down"
}

down() {
  require_linux_and_root
  take_turns
  if ! cluster_is_there; then
    say "There is no cluster"
    return
  fi
  take_down || fail "ERROR: something of the cluster is left; see above"
  say "The cluster is gone"
}

take_down() {
  local name outcome=0
  cluster_is_there || return 0
  # Those that would start something anew go first.
  for name in api-server-keeper kubelet kube-proxy kube-scheduler kube-controller-manager coredns kube-apiserver etcd containerd; do
    kill_component "$name"
  done
  kill_shims
  remove_control_groups || outcome=1
  remove_network
  restore_kernel_settings
  remove_directories
  [[ ! -d "$STATE" ]] || outcome=1
  return "$outcome"
}

status() {
  local name
  require_linux_and_root
  if ! cluster_is_there; then
    say "There is no cluster"
    return 1
  fi
  for name in "${COMPONENTS[@]}"; do
    printf '%-24s %s\n' "$name" "$(if is_running "$name"; then echo "runs, $(component_pid "$name")"; else echo "does not run"; fi)"
  done
  [[ -z "$(components_that_ended)" ]] || return 1
  node_is_ready || { echo "The node is not ready, or the API server does not answer; the logs are in $LOGS" && return 1; }
  echo "export KUBECONFIG=$CLUSTER_KUBECONFIG"
}

cluster_is_there() { [[ -f "$STATE/is-a-test-cluster" ]]; }

require_cluster() {
  cluster_is_there || fail "ERROR: there is no cluster; start one: scripts/test-cluster.sh up"
}

load() {
  (($#)) || fail "ERROR: load needs the name of an image: scripts/test-cluster.sh load IMAGE..."
  require_linux_and_root
  require_cluster
  source "$ROOT/scripts/lib/docker.sh"
  take_turns
  local image defect
  defect="$(docker_defect)"
  [[ -z "$defect" ]] || fail "ERROR: images come from the Docker daemon, and none can be used: $defect" \
    "Start it, or import a file that docker save made elsewhere:" \
    "  ctr --address $STATE/containerd.sock --namespace k8s.io images import FILE"
  for image in "$@"; do
    image_exists "$image" || fail "ERROR: the Docker daemon has no image $image." \
      "Build it (the nodes' image: testing-framework/assets/stack/scripts/build_test_image.sh), or see: docker image ls"
    load_image "$image"
  done
}

load_image() { # IMAGE
  local started=$SECONDS log="$LOGS/load.log" id copied="$STATE/images/${1//[:\/]/_}"
  id="$(docker image inspect -f '{{.Id}}' "$1")"
  if [[ "$(cat "$copied" 2>/dev/null)" == "$id" ]] && ctr images list -q | grep -qxE "(docker\.io/(library/)?)?$1"; then
    say "Image $1 is in the cluster already"
    return
  fi
  docker save "$1" 2>"$log" | ctr images import - >>"$log" 2>&1 || give_up load "the image $1 could not be copied"
  echo "$id" >"$copied"
  say "Image $1 is in the cluster, after $((SECONDS - started)) s"
}

stop_api() {
  require_linux_and_root
  require_cluster
  stop_api_server
  say "The API server is stopped; it starts again by scripts/test-cluster.sh start-api"
}

start_api() {
  require_linux_and_root
  require_cluster
  continue_api_server
  say "The API server answers"
}

build() {
  local obstacle
  obstacle="$(build_obstacle)"
  [[ -z "$obstacle" ]] || cannot "ERROR: $obstacle."
  build_programs
  echo "$PROGRAMS"
}

main() {
  command="${1:-}"
  (($# == 0)) || shift
  [[ "$command" == load || $# == 0 ]] || fail "ERROR: $command takes no arguments, got: $*" "$(usage)"
  case "$command" in
    up) up ;;
    down) down ;;
    status) status ;;
    load) load "$@" ;;
    stop-api) stop_api ;;
    start-api) start_api ;;
    build) build ;;
    -h | --help) usage ;;
    "") fail "$(usage)" ;;
    *) fail "ERROR: unknown command: $command" "$(usage)" ;;
  esac
  exit # reads no further: this file may have changed during a build of minutes
}

main "$@"
