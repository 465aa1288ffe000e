#!/usr/bin/env bash
# Starts the programs of the test cluster, one after what it needs. scripts/test-cluster.sh runs this in a mount namespace
# of its own: mounts of the cluster are nobody else's, and are gone when its last process is.
set -uo pipefail
ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
source "$ROOT/scripts/lib/settings.sh"
source "$ROOT/scripts/test-cluster/settings.sh"
source "$ROOT/scripts/test-cluster/build.sh"
source "$ROOT/scripts/test-cluster/machine.sh"
source "$ROOT/scripts/test-cluster/processes.sh"
source "$ROOT/scripts/test-cluster/certificates.sh"
source "$ROOT/scripts/test-cluster/components.sh"

# Volumes of pods may be shared with their containers both ways.
mount --make-rshared /
for directory in "${FIXED_DIRECTORIES[@]}" "$STATE/etcd"; do mount -t tmpfs none "$directory"; done

# Layers are stacked by the kernel where it can do that here, and copied where not: in a container, say.
find_snapshotter() {
  local try="$STATE/overlay"
  mkdir -p "$try"/{lower,upper,work,merged}
  if mount -t overlay -o "lowerdir=$try/lower,upperdir=$try/upper,workdir=$try/work" none "$try/merged" 2>/dev/null; then
    umount "$try/merged"
    echo overlayfs
  else
    echo native
  fi
  rm -rf "$try"
}
SNAPSHOTTER="$(find_snapshotter)"

make_certificates
write_configuration
start_containerd
start_etcd
keep_api_server
import_pause_image
wait_for_api_server
start_node
wait_for_node
