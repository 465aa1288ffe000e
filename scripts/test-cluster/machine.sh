# shellcheck shell=bash
# What the cluster changes on the machine, and its undoing: addresses, firewall, settings of the kernel, control groups and
# directories. Sourced, never run; needs settings.sh.

# What Kubernetes or this script sets.
KERNEL_SETTINGS=(
  net/ipv4/ip_forward net/ipv4/conf/all/route_localnet net/bridge/bridge-nf-call-iptables
  vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/{root_maxkeys,root_maxbytes}
)
# Programs write here whatever they are told. The cluster's see empty ones instead (start.sh).
FIXED_DIRECTORIES=(/var/lib/kubelet /var/lib/cni /var/log/containers /run/containerd)

# Why there can be no cluster of ours on this machine; nothing if there can.
other_cluster() {
  if ip link show "$NODE_BRIDGE" >/dev/null 2>&1; then
    echo "the network interface $NODE_BRIDGE is there already"
  elif iptables-save -t nat 2>/dev/null | grep -q '^:KUBE-SERVICES'; then
    echo "the firewall has the rules of another cluster"
  fi
}

prepare_machine() {
  mkdir -p "$STATE"
  : >"$STATE/is-a-test-cluster"
  mkdir -p "$STATE"/{pki,pids,log,etcd,configuration,images,bin}
  write_kubectl
  local directory
  for directory in "${FIXED_DIRECTORIES[@]}"; do
    [[ -d "$directory" ]] || { mkdir -p "$directory" && echo "$directory" >>"$STATE/made-directories"; }
  done
  modprobe -q br_netfilter 2>/dev/null || true
  save_kernel_settings
  change_kernel_setting net/ipv4/ip_forward 1
  change_kernel_setting net/bridge/bridge-nf-call-iptables 1
  add_network
  make_control_groups
}

# For machines that have none. It means this cluster where no other is named.
write_kubectl() {
  cat >"$STATE/bin/kubectl" <<END
#!/bin/sh
KUBECONFIG="\${KUBECONFIG:-$CLUSTER_KUBECONFIG}" exec "$KUBE" kubectl "\$@"
END
  chmod +x "$STATE/bin/kubectl"
}

save_kernel_settings() {
  local name
  for name in "${KERNEL_SETTINGS[@]}"; do
    [[ ! -e "/proc/sys/$name" ]] || echo "$name $(<"/proc/sys/$name")" >>"$STATE/kernel-settings"
  done
}

change_kernel_setting() { # NAME VALUE
  [[ ! -e "/proc/sys/$1" || "$(<"/proc/sys/$1")" == "$2" ]] || echo "$2" >"/proc/sys/$1"
}

restore_kernel_settings() {
  local name value
  [[ -f "$STATE/kernel-settings" ]] || return 0
  while read -r name value; do change_kernel_setting "$name" "$value"; done <"$STATE/kernel-settings"
}

add_network() {
  ip link add "$NODE_BRIDGE" type bridge ||
    fail "ERROR: the network interface $NODE_BRIDGE could not be made; that takes the kernel's bridges and root's rights on networks"
  ip address add "$NODE_ADDRESS/32" dev "$NODE_BRIDGE"
  ip link set "$NODE_BRIDGE" up
  # Packets to pods and services never leave the machine, also before there is a pod or where nobody serves any more.
  ip route replace "$SERVICE_ADDRESSES" dev "$NODE_BRIDGE"
  ip route replace unreachable "$POD_ADDRESSES" metric 4096
}

remove_network() {
  ip link delete "$POD_BRIDGE" 2>/dev/null
  ip link delete "$NODE_BRIDGE" 2>/dev/null
  ip route delete unreachable "$POD_ADDRESSES" metric 4096 2>/dev/null
  remove_rules iptables
  remove_rules ip6tables
}

# Only the cluster's: Docker's rules, and whose they may be, stay.
remove_rules() { # iptables|ip6tables
  local table
  command -v "$1-save" >/dev/null || return 0
  for table in filter nat mangle; do
    "$1-save" -t "$table" 2>/dev/null | awk -v table="$table" -v ours='^(KUBE|CNI)-' -v bridge="$POD_BRIDGE" '
      /^:/ && substr($1, 2) ~ ours { chains[++count] = substr($1, 2) }
      /^-A/ && $2 !~ ours && (/ -[jg] (KUBE|CNI)-/ || index($0, " " bridge " ")) { sub(/^-A/, "-D"); rules[++used] = $0 }
      END {
        if (!count && !used) exit
        print "*" table
        for (i = 1; i <= used; i++) print rules[i]
        for (i = 1; i <= count; i++) print "-F " chains[i]
        for (i = 1; i <= count; i++) print "-X " chains[i]
        print "COMMIT"
      }' | "$1-restore" --noflush
  done
}

# The roots of the cluster's control groups: one, or with version 1 one for each controller.
control_groups() { find /sys/fs/cgroup -maxdepth 2 -type d -name "$CGROUP"; }

make_control_groups() {
  local root=/sys/fs/cgroup controller directory
  if [[ -f "$root/cgroup.controllers" ]]; then
    mkdir -p "$root/$CGROUP"
    for controller in $(<"$root/cgroup.controllers"); do
      for directory in "$root" "$root/$CGROUP"; do echo "+$controller" 2>/dev/null >"$directory/cgroup.subtree_control"; done
    done
  else
    for directory in "$root"/*/; do
      [[ ! -f "$directory/cgroup.procs" || -L "${directory%/}" ]] || mkdir -p "$directory$CGROUP"
    done
  fi
  [[ -n "$(control_groups)" ]] || fail "ERROR: no control groups could be made below $root; pods need them"
}

# With all that runs in containers, whoever started it.
remove_control_groups() {
  local deadline=$((SECONDS + 15)) groups
  while mapfile -t groups < <(control_groups) && ((${#groups[@]})); do
    find "${groups[@]}" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | xargs -r kill -KILL 2>/dev/null
    find "${groups[@]}" -depth -type d -exec rmdir {} + 2>/dev/null
    if ((SECONDS > deadline)); then
      echo "control groups are left, because processes in them don't end: ${groups[*]}" >&2
      return 1
    fi
    sleep 0.05
  done
}

remove_directories() {
  local directory
  if [[ -f "$STATE/made-directories" ]]; then
    while read -r directory; do rmdir "$directory" 2>/dev/null; done <"$STATE/made-directories"
  fi
  rm -rf --one-file-system "$STATE"
}
