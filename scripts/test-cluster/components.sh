# shellcheck shell=bash
# How each program of the cluster is started, and when it is ready. Sourced, never run; needs settings.sh, build.sh and
# processes.sh.

write_configuration() {
  local template text name
  for template in "$ROOT"/scripts/test-cluster/configuration/*; do
    text="$(<"$template")"
    for name in STATE CGROUP NODE NODE_ADDRESS POD_BRIDGE POD_ADDRESSES PAUSE_IMAGE CNI_PROGRAMS SNAPSHOTTER; do
      text="${text//@$name@/${!name}}"
    done
    printf '%s\n' "$text" >"$STATE/configuration/${template##*/}"
  done
}

# Nothing is ever pulled: a proxy that is not there keeps it off the network.
start_containerd() {
  local nowhere=http://127.0.0.1:9
  start_component containerd env HTTPS_PROXY="$nowhere" HTTP_PROXY="$nowhere" NO_PROXY=127.0.0.1,localhost,::1 \
    containerd --config "$STATE/configuration/containerd.toml"
}

import_pause_image() {
  wait_for containerd 60 "containerd's answer" ctr version
  ctr images import "$PROGRAMS/pause.tar" >"$LOGS/ctr.log" 2>&1 || give_up ctr "the pause image could not be imported"
}

start_etcd() {
  local machine
  case "$(uname -m)" in aarch64) machine=arm64 ;; *) machine=amd64 ;; esac
  # Debian's etcd wants to be told that another machine than amd64 is meant.
  start_component etcd env ETCD_UNSUPPORTED_ARCH="$machine" etcd --data-dir "$STATE/etcd/data" --log-level warn \
    --listen-client-urls "$ETCD" --advertise-client-urls "$ETCD" --listen-peer-urls "$ETCD_PEERS" \
    --initial-advertise-peer-urls "$ETCD_PEERS" --initial-cluster "default=$ETCD_PEERS"
}

# Made by stop_api_server: the API server is not to run.
API_SERVER_STOPPED="$STATE/api-server-is-stopped"

keep_api_server() { start_component api-server-keeper "$ROOT/scripts/test-cluster/keep-api-server.sh"; }

# Its keeper starts it again.
continue_api_server() {
  is_running api-server-keeper || fail "ERROR: the cluster is not whole; make it anew: scripts/test-cluster.sh up"
  rm -f "$API_SERVER_STOPPED"
  wait_for_api_server
  wait_for kubelet 60 "the kubelet's answer" listens "$NODE_ADDRESS" 10250
}

# The controllers end with it, as they do elsewhere, where they lose their leadership without it. Those that ran on would
# wait longer from try to try, and do nothing for up to a minute after it came back.
stop_api_server() {
  : >"$API_SERVER_STOPPED"
  kill_component kube-controller-manager
  kill_component kube-scheduler
  kill_component kube-apiserver
}

start_api_server() {
  local pki="$STATE/pki"
  start_component kube-apiserver "$KUBE" kube-apiserver --bind-address="$NODE_ADDRESS" \
    --advertise-address="$NODE_ADDRESS" --etcd-servers="$ETCD" \
    --service-cluster-ip-range="$SERVICE_ADDRESSES" --allow-privileged=true --authorization-mode=Node,RBAC \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$pki/service-accounts.pub" --service-account-signing-key-file="$pki/service-accounts.key"
}

# With the controllers, which are started after it.
wait_for_api_server() {
  wait_for kube-apiserver 90 "the API server's answer" kubectl get --raw /readyz
  wait_for kube-apiserver 60 "the start of the controllers" is_running kube-scheduler
}

# A node that could tell nothing while no API server answered is not lost, and its pods stay ready.
start_controllers() {
  local pki="$STATE/pki"
  start_component kube-controller-manager "$KUBE" kube-controller-manager --bind-address=127.0.0.1 --leader-elect=false \
    --kubeconfig="$pki/controller-manager.conf" --use-service-account-credentials --node-monitor-grace-period=10m \
    --root-ca-file="$pki/ca.crt" --service-account-private-key-file="$pki/service-accounts.key" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key"
  start_component kube-scheduler "$KUBE" kube-scheduler --bind-address=127.0.0.1 --leader-elect=false \
    --kubeconfig="$pki/scheduler.conf"
}

start_kubelet() {
  start_component kubelet "$KUBE" kubelet --config="$STATE/configuration/kubelet.yaml" --node-ip="$NODE_ADDRESS" \
    --kubeconfig="$STATE/pki/kubelet.conf" --root-dir="$STATE/kubelet" --cert-dir="$STATE/kubelet/pki" \
    --hostname-override="$NODE"
}

start_node() {
  start_kubelet
  start_component kube-proxy "$KUBE" kube-proxy --config="$STATE/configuration/kube-proxy.yaml"
  start_component coredns "$KUBE" coredns -conf "$STATE/configuration/Corefile"
}

wait_for_node() {
  wait_for kubelet 90 "the node $NODE" node_is_ready
  wait_for kube-controller-manager 60 "the default service account" kubectl -n default get serviceaccount default
  wait_for coredns 60 "an answer of DNS" http_answers "$NODE_ADDRESS" 8181 /ready
  wait_for kube-proxy 60 "the rules for services" http_answers "$NODE_ADDRESS" 10256 /healthz
}

node_is_ready() {
  [[ "$(kubectl get node "$NODE" -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}' 2>/dev/null)" == True ]]
}

listens() { (exec 3<>"/dev/tcp/$1/$2"); } # ADDRESS PORT

http_answers() { # ADDRESS PORT PATH: with status 200
  local status
  status="$(exec 3<>"/dev/tcp/$1/$2" && printf 'GET %s HTTP/1.0\r\n\r\n' "$3" >&3 && timeout 5 head -n 1 <&3)"
  [[ "$status" == *" 200 "* ]]
}
