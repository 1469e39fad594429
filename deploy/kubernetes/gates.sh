# shellcheck shell=bash
# What a release must hold to: sourced by rolling.sh and blue-green.sh. Whether new pods are good is asked of Prometheus.
#
# PROMETHEUS_URL           such as http://localhost:9090 (kubectl -n monitoring port-forward svc/prometheus-operated 9090)
# PROMETHEUS_HEADERS_FILE  a file with header lines for it, such as "Authorization: Bearer …"; a command line is visible to others
# WATCH_SECONDS=300        how long the new pods are watched
# GATE_INTERVAL=15         seconds between two looks
# GATE_TRIES=3             looks in a row that must be bad (or without an answer) before a release counts as bad
# ERRORS_MAX=0.01          share of REST answers that are 5xx, and of hub calls that fail by the server's fault
# DELIVERY_P95_MAX=0.5     seconds from commit to socket

: "${WATCH_SECONDS:=300}" "${GATE_INTERVAL:=15}" "${GATE_TRIES:=3}" "${ERRORS_MAX:=0.01}" "${DELIVERY_P95_MAX:=0.5}"

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }

# query: prints the one number that Prometheus answers. Fails when it does not answer, or with nothing, or with several.
prometheus_value() {
  local answer headers=()
  [[ -z ${PROMETHEUS_HEADERS_FILE:-} ]] || headers=(--header "@$PROMETHEUS_HEADERS_FILE")
  answer=$(curl --silent --show-error --fail --max-time 10 "${headers[@]}" --get --data-urlencode "query=$1" "$PROMETHEUS_URL/api/v1/query") || return 1
  number_of "$answer"
}

# answer of Prometheus: its one number, as "value":[time,"number"].
number_of() {
  local values
  [[ $1 == *'"status":"success"'* ]] || return 1
  values=$(grep -o '"value":\[[0-9.e+]*,"[^"]*"\]' <<<"$1" | sed -E 's/.*,"([^"]*)"\]/\1/') || return 1
  [[ $(wc -l <<<"$values") -eq 1 ]] || return 1
  echo "$values"
}

# number, limit: whether it is at most so much. Nothing happened (0/0) is good.
at_most() {
  case $1 in
    NaN) return 0 ;;
    *[!0-9.e+-]* | '') return 1 ;;
    *) awk -v number="$1" -v limit="$2" 'BEGIN { exit !(number + 0 <= limit + 0) }' ;;
  esac
}

# regular expression of pods, how many: looks once. 0: all is good. 1: something is bad, which is said. 2: it cannot be told.
gate() {
  local pods=$1 wanted=$2 up
  up=$(prometheus_value "count(up{pod=~\"$pods\"} == 1) or vector(0)") || { say "Prometheus does not answer."; return 2; }
  awk -v up="$up" -v wanted="$wanted" 'BEGIN { exit !(up + 0 >= wanted + 0) }' || { say "Prometheus sees $up of $wanted pods ($pods)."; return 2; }

  check "REST answers that are errors" "$ERRORS_MAX" \
    "(sum(rate(http_server_request_duration_seconds_count{pod=~\"$pods\",http_route=~\"/?api/.*\",http_response_status_code=~\"5..\"}[1m])) or vector(0)) / (sum(rate(http_server_request_duration_seconds_count{pod=~\"$pods\",http_route=~\"/?api/.*\"}[1m])) or vector(0))" || return
  check "hub calls that fail" "$ERRORS_MAX" \
    "(sum(rate(hub_calls_total{pod=~\"$pods\",outcome=~\"internal|unavailable|overloaded\"}[1m])) or vector(0)) / (sum(rate(hub_calls_total{pod=~\"$pods\"}[1m])) or vector(0))" || return
  check "seconds to deliver, 95 of 100" "$DELIVERY_P95_MAX" \
    "histogram_quantile(0.95, sum by (le) (rate(delivery_latency_seconds_bucket{pod=~\"$pods\"}[1m]))) or vector(0)" || return
}

# what, limit, query
check() {
  local number
  number=$(prometheus_value "$3") || { say "Prometheus does not answer: $1."; return 2; }
  at_most "$number" "$2" || { say "Bad: $1: $number, at most $2."; return 1; }
}

# regular expression of pods, how many: looks again and again for WATCH_SECONDS. Fails when GATE_TRIES looks in a row were not good; who cannot tell must not say that all is well.
watch_pods() {
  local pods=$1 wanted=$2 bad=0 end=$((SECONDS + WATCH_SECONDS))
  while :; do
    if gate "$pods" "$wanted"; then
      bad=0
    else
      bad=$((bad + 1))
      [[ $bad -lt $GATE_TRIES ]] || return 1
    fi
    # The last look must have been a good one.
    [[ $SECONDS -lt $end || $bad -gt 0 ]] || return 0
    sleep "$GATE_INTERVAL"
  done
}

# deployment: how many pods it has that are ready.
ready_pods() {
  local count
  count=$(kubectl get deployment "$1" -o 'jsonpath={.status.readyReplicas}')
  echo "${count:-0}"
}

need() {
  local tool
  for tool in kubectl curl awk; do
    command -v "$tool" >/dev/null || { say "$tool is missing."; exit 2; }
  done
  [[ -n ${PROMETHEUS_URL:-} ]] || { say "PROMETHEUS_URL is not set: without it nobody can tell whether a release is good."; exit 2; }
  [[ $(prometheus_value 'vector(1)') == 1 ]] || { say "Prometheus does not answer at $PROMETHEUS_URL."; exit 2; }
}
