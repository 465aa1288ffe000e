# shellcheck shell=bash
# What scripts ask of a Kubernetes cluster, and how it gets an image. Sourced, never run; needs settings.sh and docker.sh, and a
# prepared .venv.

# The context that a run uses; nothing where there is no kube config.
cluster_context() {
  local file files
  IFS=: read -ra files <<<"${KUBECONFIG:-${HOME:-}/.kube/config}"
  for file in "${files[@]}"; do
    [[ -f "$file" ]] || continue
    echo "${K8S_CONTEXT:-$(.venv/bin/python -c \
      'from kubernetes_asyncio.config import list_kube_config_contexts as known; print(known()[1]["name"])' 2>/dev/null)}"
    return
  done
}

# Whether the cluster takes images from this machine, so that one is built here. Other clusters pull them.
takes_local_images() { case "$1" in kind-* | minikube | docker-desktop | nomos-test-cluster) ;; *) return 1 ;; esac; } # CONTEXT

# Copies an image from the Docker daemon to the machines of a cluster.
load_into_cluster() { # CONTEXT IMAGE
  local command=()
  case "$1" in
    kind-*) command=(kind load docker-image "$2" --name "${1#kind-}") ;;
    minikube) command=(minikube image load "$2") ;;
    nomos-test-cluster) command=(scripts/test-cluster.sh load "$2") ;;
    *) return 0 ;; # docker-desktop: the daemon's images are the cluster's
  esac
  command -v "${command[0]}" >/dev/null ||
    fail "ERROR: copying the image to the cluster $1 takes the program ${command[0]}; install it, or put it on PATH."
  echo "==> Copying the image $2 to the cluster $1"
  "${command[@]}" || fail "ERROR: the image could not be copied to the cluster $1: ${command[*]}"
}
