# shellcheck shell=bash
# Names, addresses and places of the test cluster. Sourced, never run; needs lib/settings.sh.

NODE=node
NODE_BRIDGE=k8s0 NODE_ADDRESS=10.99.0.1 # of a bridge without ports: a kernel need not have the device "dummy"
POD_BRIDGE=k8s-pods POD_ADDRESSES=10.244.0.0/24
SERVICE_ADDRESSES=10.96.0.0/20 API_SERVICE_ADDRESS=10.96.0.1
ETCD=http://127.0.0.1:12379 ETCD_PEERS=http://127.0.0.1:12380 # Debian's package starts one at the usual ports
PAUSE_IMAGE=localhost/pause:1
CONTEXT=nomos-test-cluster

# The path of a socket is at most 108 bytes, so this is short. The cluster's addresses are the machine's, so this is, too.
STATE="${NOMOS_TEST_CLUSTER_STATE:-/var/lib/nomos-test-cluster}"
CGROUP="${STATE##*/}"
CLUSTER_KUBECONFIG="$STATE/kubeconfig"
LOGS="$STATE/log"
KEPT_LOGS="$ROOT/.tmp/test-cluster-log"

find_cni_programs() {
  local directory
  for directory in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
    [[ -x "$directory/bridge" && -x "$directory/host-local" ]] && echo "$directory" && return
  done
}
CNI_PROGRAMS="$(find_cni_programs)"

say() { echo "==> $*"; }

kube() { without_proxies "$KUBE" "$@"; }

kubectl() { KUBECONFIG="$CLUSTER_KUBECONFIG" kube kubectl --request-timeout=5s "$@"; }

ctr() { command ctr --address "$STATE/containerd.sock" --namespace k8s.io "$@"; }

# A proxy that the caller has set is for the outside; the cluster's addresses are all on this machine.
without_proxies() {
  env -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY -u http_proxy -u https_proxy -u all_proxy "$@"
}
