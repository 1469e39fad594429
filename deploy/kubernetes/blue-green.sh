#!/usr/bin/env bash
# Starts the nodes of another image beside those that serve, turns new connections to them, watches them, and turns back by itself when they are worse. Then the old ones drain: their people are
# moved over in waves, and resume.
#
#   PROMETHEUS_URL=http://localhost:9090 ./blue-green.sh overlays/phase3 registry.example.org/monstera:0.2.0
#
# In the namespace that kubectl is at. Bring the schema up to date before (database/): both images work on it for a while. Needs room for twice the nodes. Exit code: 0 the new image serves, 1 the
# old one does, 2 nothing was done, 3 the way back failed: look at once. gates.sh names what can be set. The nodes of an overlay as it is ("monstera") have the colour "first".
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=gates.sh
source "$here/gates.sh"

main() {
  [[ $# == 2 && -f ${1:-}/kustomization.yaml ]] || { say "Usage: blue-green.sh <overlay> <image>"; exit 2; }
  need
  local overlay=$1 image=$2 whole name live next
  whole=$(kubectl kustomize "$overlay") || exit 2
  name=$(image_of "$whole")
  [[ $whole == *'Monstera__Storage: postgres'* ]] || { say "Two colours cannot share an SQLite file: use rolling.sh."; exit 2; }
  live=$(kubectl get service monstera -o 'jsonpath={.spec.selector.color}') || exit 2
  next=$(other_color "$live")
  if [[ -z $live ]]; then
    live=first
    turn_to first || exit 2
  fi

  # 1. What both share: services, who may speak with whom, the way in. Where new connections go is no matter of the overlay.
  render "$overlay" without-nodes "$name" "$image" | kubectl apply -f - || exit 2
  # 2. The new nodes, to which nobody is sent yet.
  say "Starting $next with $image beside $live"
  render "$overlay" "$next" "$name" "$image" | kubectl apply -f - || discard "$next" "they could not be made"
  # As many as serve now, so that they can take all.
  kubectl scale "deployment/monstera-$next" --replicas="$(ready_pods "$(name_of "$live")")" || discard "$next" "they could not be made as many as the old ones"
  kubectl rollout status "deployment/monstera-$next" --timeout="${ROLLOUT_TIMEOUT:-15m}" || discard "$next" "they do not become ready"
  # 3. New connections go to them; those that are there stay with the old ones.
  turn_to "$next" || { turn_to "$live" || lost; discard "$next" "new connections could not be turned to them"; }
  # 4. Are they good?
  say "Watching $next for $WATCH_SECONDS s"
  if ! watch_pods "monstera-$next-.*" "$(ready_pods "monstera-$next")"; then
    say "Turning back."
    turn_to "$live" || lost
    discard "$next" "they are worse"
  fi
  # 5. The old ones go, and send their people over.
  kubectl delete "deployment/$(name_of "$live")" --wait=false || say "The old nodes could not be removed: kubectl delete deployment $(name_of "$live")"
  kubectl delete "hpa/$(name_of "$live")" "pdb/$(name_of "$live")" --ignore-not-found || true
  say "$image serves as $next."
}

other_color() { if [[ $1 == blue ]]; then echo green; else echo blue; fi; }

name_of() { if [[ $1 == first ]]; then echo monstera; else echo "monstera-$1"; fi; }

# overlay, component, name of its image, image: what is to be applied.
render() {
  local folder status=0
  folder=$(mktemp -d)
  cat > "$folder/kustomization.yaml" <<YAML
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: ["$(realpath --relative-to="$folder" "$1")"]
components: ["$(realpath --relative-to="$folder" "$here/components/$2")"]
images: [{ name: "$3", $(new_image "$4") }]
YAML
  kubectl kustomize "$folder" || status=$?
  rm -r "$folder"
  return "$status"
}

# a rendered overlay: the name of its image, which is to be replaced.
image_of() { sed -nE 's/^ *(- )?image: (.*)$/\2/p' <<<"$1" | head -n 1 | sed -E 's/@.*$//; s/:[^:/]*$//'; }

# image: as kustomize wants it, with a digest or a tag.
new_image() {
  case $1 in
    *@*) echo "newName: \"${1%@*}\", digest: \"${1#*@}\"" ;;
    *:*) echo "newName: \"${1%:*}\", newTag: \"${1##*:}\"" ;;
    *) echo "newName: \"$1\", newTag: latest" ;;
  esac
}

# color: new connections go to its nodes.
turn_to() { kubectl patch service monstera --type=merge --patch "{\"spec\":{\"selector\":{\"color\":\"$1\"}}}"; }

# color, why: the new ones go again.
discard() {
  say "Removing $1: $2."
  kubectl delete "deployment/monstera-$1" "hpa/monstera-$1" "pdb/monstera-$1" --ignore-not-found --wait=false || say "They are still there: kubectl delete deployment monstera-$1"
  exit 1
}

lost() {
  say "THE WAY BACK FAILED: new connections still go to the new nodes. kubectl patch service monstera"
  exit 3
}

main "$@"
