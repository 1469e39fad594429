#!/usr/bin/env bash
# Rolls the nodes to another image, one after another, watches them, and takes them back by itself when they do not become ready or are worse.
#
#   PROMETHEUS_URL=http://localhost:9090 ./rolling.sh registry.example.org/monstera:0.2.0
#
# In the namespace that kubectl is at. Bring the schema up to date before (database/). Exit code: 0 the new image serves, 1 the old one serves again, 2 nothing was done, 3 the way back failed:
# look at once. gates.sh names what can be set. Afterwards write the image into the overlay.
set -euo pipefail
# shellcheck source=gates.sh
source "$(dirname "${BASH_SOURCE[0]}")/gates.sh"

main() {
  [[ $# == 1 ]] || { say "Usage: rolling.sh <image>"; exit 2; }
  need
  local image=$1 before
  before=$(kubectl get deployment monstera -o 'jsonpath={.spec.template.spec.containers[0].image}') || exit 2
  [[ $before != "$image" ]] || { say "$image serves already."; exit 0; }

  say "From $before to $image"
  kubectl set image deployment/monstera "monstera=$image" || exit 2
  if ! kubectl rollout status deployment/monstera --timeout="${ROLLOUT_TIMEOUT:-15m}"; then
    back "the new nodes do not become ready"
  fi

  # 1. Its pods are those of the newest ReplicaSet.
  local hash
  hash=$(newest_hash) || back "the new pods are not to be found"
  # 2. They serve everybody now: are they good?
  say "Watching monstera-$hash for $WATCH_SECONDS s"
  watch_pods "monstera-$hash-.*" "$(ready_pods monstera)" || back "the new nodes are worse"
  say "$image serves."
}

newest_hash() {
  local revision
  revision=$(kubectl get deployment monstera -o 'jsonpath={.metadata.annotations.deployment\.kubernetes\.io/revision}')
  kubectl get replicasets -l app.kubernetes.io/name=monstera \
    -o 'jsonpath={range .items[*]}{.metadata.annotations.deployment\.kubernetes\.io/revision} {.metadata.labels.pod-template-hash}{"\n"}{end}' |
    awk -v revision="$revision" '$1 == revision { print $2; found = 1 } END { exit !found }'
}

back() { # why
  say "Going back: $1."
  if kubectl rollout undo deployment/monstera && kubectl rollout status deployment/monstera --timeout="${ROLLOUT_TIMEOUT:-15m}"; then
    say "The old image serves again."
    exit 1
  fi
  say "THE WAY BACK FAILED. kubectl get pods; kubectl describe deployment monstera"
  exit 3
}

main "$@"
