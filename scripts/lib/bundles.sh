# shellcheck shell=bash
# What is in a bundle, and whether it still fits. Sourced, never run; needs settings.sh and programs.sh.

default_bundle() { echo ".tmp/nomos-binaries-$1-$VERSION.tar.gz"; } # host|linux

# The bundle's nomos-bundle-meta.env; nothing if there is none. It is the archive's first file in bundles made here.
bundle_meta() { tar -xzOf "$1" --occurrence=1 artifacts/nomos-bundle-meta.env 2>/dev/null || true; }

meta_value() { sed -n "s/^$1=//p" <<<"$2" | head -n 1; } # NAME META

# What an embedded bundle is made from: with other sources it is another one.
embedded_sources() {
  {
    cat pyproject.toml requirements-run.lock requirements-groth16.lock scripts/build-bundle.sh scripts/make-environment.py
    find src -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z | xargs -0 cat
  } | cksum | cut -d' ' -f1
}

given_programs() { cat "$NOMOS_NODE_BIN" "$NOMOS_EXECUTOR_BIN" | cksum | cut -d' ' -f1; }

# Ends the caller unless a bundle that somebody named is of the revision that is wanted.
check_bundle_revision() { # META TAR
  local revision head
  [[ -f "$1" ]] || fail "ERROR: Bundle $2 missing artifacts/nomos-bundle-meta.env; build it anew for NOMOS_NODE_REV=$NOMOS_NODE_REV."
  revision=$(sed -n 's/^nomos_node_rev=//p' "$1")
  head=$(sed -n 's/^nomos_node_git_head=//p' "$1")
  [[ "$revision" == "$NOMOS_NODE_REV" && "$head" == "$NOMOS_NODE_REV" ]] || fail \
    "ERROR: Bundle $2 is stale: it holds revision '${revision:-unknown}' (head '${head:-unknown}'), not NOMOS_NODE_REV=$NOMOS_NODE_REV." \
    "Build it anew, or set NOMOS_NODE_REV to its revision."
}

# Why a bundle that this machine made earlier can't be used now; nothing if it can.
bundle_defect() { # TAR MACHINE
  local meta sources
  [[ -f "$1" ]] || { echo "there is none" && return; }
  meta="$(bundle_meta "$1")"
  [[ -n "$meta" ]] || { echo "it does not say what it holds" && return; }
  if [[ "$(meta_value nomos_node_rev "$meta")" != "$NOMOS_NODE_REV" ]]; then
    echo "it holds revision '$(meta_value nomos_node_rev "$meta")', not $NOMOS_NODE_REV"
  elif [[ "$(meta_value nomos_node_git_head "$meta")" != "$NOMOS_NODE_REV" ]]; then
    echo "it was built from '$(meta_value nomos_node_git_head "$meta")', not $NOMOS_NODE_REV"
  elif [[ "$(meta_value machine "$meta")" != "$2" ]]; then
    echo "it is for '$(meta_value machine "$meta")', not $2"
  else
    sources="$(if programs_given && is_real_node "$NOMOS_NODE_BIN"; then given_programs; else embedded_sources; fi)"
    [[ "$(meta_value sources "$meta")" == "$sources" ]] || echo "it was made from other sources"
  fi
}
