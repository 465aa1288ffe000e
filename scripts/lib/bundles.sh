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
