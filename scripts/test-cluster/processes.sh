# shellcheck shell=bash
# The cluster's programs, which run in the background, each with a log. Sourced, never run; needs settings.sh.

COMPONENTS=(etcd containerd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy coredns)

start_component() { # NAME COMMAND...
  local name="$1"
  shift
  # In a session of its own, so that no interrupt of the caller's reaches it; without the caller's locks.
  (exec env -u HTTP_PROXY -u HTTPS_PROXY -u ALL_PROXY -u http_proxy -u https_proxy -u all_proxy setsid "$@") \
    >>"$LOGS/$name.log" 2>&1 </dev/null 7>&- 8>&- &
  echo "$! $(process_identity $!)" >"$STATE/pids/$name"
}

# The boot and the time of the start, because process IDs are used again; nothing if the process is gone or a zombie.
process_identity() { # PID
  local stat fields
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 0
  read -ra fields <<<"${stat##*) }"
  [[ "${fields[0]}" == [ZX] ]] || echo "$(</proc/sys/kernel/random/boot_id):${fields[19]}"
}

is_running() { # NAME
  local pid identity
  [[ -f "$STATE/pids/$1" ]] && read -r pid identity <"$STATE/pids/$1" && [[ "$(process_identity "$pid")" == "$identity" ]]
}

components_that_ended() {
  local name
  for name in "${COMPONENTS[@]}"; do is_running "$name" || echo "$name"; done
}

# The first of those started that does not run any more.
first_that_ended() {
  local name
  for name in "${COMPONENTS[@]}"; do
    [[ ! -f "$STATE/pids/$name" ]] || is_running "$name" || { echo "$name" && return; }
  done
}

# Waits until the command succeeds, as long as all that was started runs.
wait_for() { # COMPONENT SECONDS WHAT COMMAND...
  local name="$1" seconds="$2" what="$3" deadline=$((SECONDS + $2)) ended
  shift 3
  until "$@" >/dev/null 2>&1; do
    ended="$(first_that_ended)"
    [[ -z "$ended" ]] || give_up "$ended" "$ended ended while this was waited for: $what"
    ((SECONDS < deadline)) || give_up "$name" "not there after $seconds s: $what"
    sleep 0.1
  done
}

give_up() { # COMPONENT REASON
  rm -rf "$KEPT_LOGS"
  mkdir -p "${KEPT_LOGS%/*}"
  cp -r "$LOGS" "$KEPT_LOGS"
  fail "ERROR: $2" "The end of $KEPT_LOGS/$1.log:" "$(tail -n 12 "$LOGS/$1.log" | cut -c1-500)"
}

component_pid() { cut -d' ' -f1 "$STATE/pids/$1"; } # NAME

# At once: there is nothing to save in a disposable cluster. Nobody is to take this for a crash, so it is forgotten first.
kill_component() { # NAME
  local pid identity
  is_running "$1" || { rm -f "$STATE/pids/$1" && return; }
  read -r pid identity <"$STATE/pids/$1"
  rm -f "$STATE/pids/$1"
  kill -KILL "$pid" 2>/dev/null
  while [[ "$(process_identity "$pid")" == "$identity" ]]; do sleep 0.05; done
}

# Each container's parent, by the socket that containerd gave it.
kill_shims() {
  local directory arguments
  for directory in /proc/[0-9]*; do
    arguments="$( (tr '\0' ' ' <"$directory/cmdline") 2>/dev/null)"
    if [[ "$arguments" == *containerd-shim*"-address $STATE/containerd.sock"* ]]; then
      kill -KILL "${directory#/proc/}" 2>/dev/null
    fi
  done
  return 0
}
