#!/usr/bin/env bash
# Builds everything and runs all tests. The last line says `N passed, N failed, N skipped`.
#
#   ./test.sh                  everything
#   ./test.sh --filter X       arguments go to `dotnet test`; the web client's unit tests, the load tests' scripts and the benchmark are left out
#   ./test.sh --bench          the benchmark alone: it counts as one test
#
# SKIP_INSTALL=1   installs nothing, even as root
# CI=true          a test that is skipped because a tool is missing counts as failed (the tests see to that)
# BENCH_MARGIN=3   how many times worse than its target a figure of the benchmark may be
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

passed=0 failed=0 skipped=0
results=$PWD/TestResults

main() {
  install_tools
  rm -rf "$results"
  mkdir -p "$results"

  if ! dotnet build Monstera.sln -c Release; then
    echo "The build failed; no test was run."
    finish 1
  fi

  if [[ ${1:-} == --bench ]]; then
    run_benchmark
    finish 0
  fi

  [[ $# -gt 0 ]] || run_web_tests
  [[ $# -gt 0 ]] || run_k6_tests
  [[ $# -gt 0 ]] || run_audit
  run_dotnet_tests "$@"
  [[ $# -gt 0 ]] || run_benchmark
  finish 0
}

# What browser tests and those of PostgreSQL, Redis, balancers, metrics, alerts and what is shipped for deploying need, on Debian and as root; silent when it is all there. kubectl is not among
# it: Debian's knows too little.
install_tools() {
  [[ ${SKIP_INSTALL:-} != 1 && $(id -u) == 0 ]] && command -v apt-get dpkg-query >/dev/null || return 0
  local package missing=()
  for package in chromium fonts-noto-cjk fonts-noto-color-emoji postgresql pgbouncer redis-server haproxy nginx-light prometheus prometheus-alertmanager docker-compose buildah curl; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0

  echo "Installing ${missing[*]}"
  local log policy=/usr/sbin/policy-rc.d
  log=$(mktemp)
  # The tests start what they need themselves: nothing of it is to run as a service afterwards.
  if [[ ! -e $policy ]]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
      >"$log" 2>&1 </dev/null; then
    tail -n 5 "$log"
    echo "They could not be installed; tests that need them say so."
  fi
  rm -f "$log"
}

run_web_tests() {
  [[ -f Monstera.Web/package.json ]] || return 0
  if ! command -v npm >/dev/null; then
    echo "npm is not on the PATH: the web client's unit tests are not run."
    if [[ ${CI:-} == true ]]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
    return 0
  fi

  local json=$results/web.json status=0 web_failed
  (cd Monstera.Web && npm test -- --reporter=default --reporter=json --outputFile.json="$json") || status=$?
  web_failed=$(json_number "$json" numFailedTests)
  # A file that does not even load fails no test of its own.
  [[ $status == 0 || $web_failed != 0 ]] || web_failed=1
  passed=$((passed + $(json_number "$json" numPassedTests)))
  failed=$((failed + web_failed))
  skipped=$((skipped + $(json_number "$json" numPendingTests) + $(json_number "$json" numTodoTests)))
}

# The load tests' scripts: their types, which count as one test, and each script under a stand-in for k6 against the server that was built. It measures nothing.
run_k6_tests() {
  if ! command -v npm >/dev/null; then
    echo "npm is not on the PATH: the load tests' scripts are not exercised."
    if [[ ${CI:-} == true ]]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
    return 0
  fi

  if ! (cd k6 && { [[ node_modules/.package-lock.json -nt package-lock.json ]] || npm ci --no-audit --no-fund; } && npm run check); then
    echo "Failed: the type check of the load tests' scripts, or the installation of what it needs."
    failed=$((failed + 1))
    return 0
  fi
  passed=$((passed + 1))

  local tap=$results/k6.tap status=0 k6_failed
  (cd k6 && node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=tap --test-reporter-destination="$tap" build/test/all.js) || status=$?
  k6_failed=$(($(tap_number "$tap" fail) + $(tap_number "$tap" cancelled)))
  [[ $status == 0 || $k6_failed != 0 ]] || k6_failed=1
  passed=$((passed + $(tap_number "$tap" pass)))
  failed=$((failed + k6_failed))
  skipped=$((skipped + $(tap_number "$tap" skipped) + $(tap_number "$tap" todo)))
}

# Whether packages of ours are known to be vulnerable, which counts as one test, and skipped where nobody who knows can be asked; and what is shipped, in TestResults/sbom.json: docs/security.md.
run_audit() {
  if ! command -v node >/dev/null; then
    echo "node is not on the PATH: packages are not audited."
    if [[ ${CI:-} == true ]]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
    return 0
  fi

  local status=0
  node security/audit.mjs || status=$?
  case $status in
    0) passed=$((passed + 1)) ;;
    3) echo "Skipped: the audit of packages; not all sources of advisories can be asked from here." && skipped=$((skipped + 1)) ;;
    *) echo "Failed: the audit of packages." && failed=$((failed + 1)) ;;
  esac

  # Without the client's build nobody knows what is in it; warning MONSTERA001 said so.
  [[ ! -f Monstera.Web/dist/packages.json ]] || node security/sbom.mjs --out "$results/sbom.json" || failed=$((failed + 1))
}

run_dotnet_tests() {
  local status=0 trx counters total executed trx_passed dotnet_failed=0
  dotnet test Monstera.sln -c Release --no-build --logger trx --results-directory "$results" "$@" || status=$?

  for trx in "$results"/*.trx; do
    [[ -f $trx ]] || continue
    counters=$(grep -m1 '<Counters ' "$trx")
    total=$(attribute "$counters" total)
    executed=$(attribute "$counters" executed)
    trx_passed=$(attribute "$counters" passed)
    passed=$((passed + trx_passed))
    dotnet_failed=$((dotnet_failed + executed - trx_passed))
    skipped=$((skipped + total - executed))
    awk -F'testName="' '/<UnitTestResult/ { name = /outcome="NotExecuted"/ ? substr($2, 1, index($2, "\"") - 1) : "" }
      name && /<Message>/ { gsub(/^ *<Message>|<\/Message>.*$/, ""); print "Skipped " name ": " $0; name = "" }' "$trx"
  done
  # A test run that crashed may leave no failed test behind.
  [[ $status == 0 || $dotnet_failed != 0 ]] || dotnet_failed=1
  failed=$((failed + dotnet_failed))
}

# Whether it is still roughly as fast as it was, beside the baseline, and correct under full load: docs/performance.md.
run_benchmark() {
  echo
  echo "Benchmark, short: correct, and no more than ${BENCH_MARGIN:-3} times worse than its targets"
  if ! command -v taskset >/dev/null; then
    echo "taskset is not on the PATH: the benchmark is not run."
    if [[ ${CI:-} == true ]]; then failed=$((failed + 1)); else skipped=$((skipped + 1)); fi
    return 0
  fi

  local cores
  read -r -a cores <<<"$(allowed_cores)"
  if [[ ${#cores[@]} -lt 2 ]]; then
    echo "Only one processor: server and load generator would take it from each other, so the benchmark is not run."
    skipped=$((skipped + 1))
    return 0
  fi

  if NO_COLOR=1 dotnet Monstera.Bench/bin/Release/net10.0/Monstera.Bench.dll \
      --scenario big-room-16 big-room-1 small-rooms connect --quick \
      --check --margin "${BENCH_MARGIN:-3}" --again --server-cores "${cores[0]}" --client-cores "${cores[1]}" </dev/null; then
    passed=$((passed + 1))
  else
    echo "Failed: the benchmark."
    failed=$((failed + 1))
  fi
}

# The processors that this process may use, one after another: not all of them in a container.
allowed_cores() {
  local list part
  list=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status 2>/dev/null || true)
  for part in ${list//,/ }; do
    seq -s ' ' "${part%-*}" "${part#*-}"
  done | tr '\n' ' '
}

json_number() { # file, key: the number at the first place of the key, or 0
  local found
  found=$(grep -o "\"$2\": *[0-9]*" "$1" 2>/dev/null | head -n 1 | grep -o '[0-9]*$' || true)
  echo "${found:-0}"
}

tap_number() { # file, key: the number in the line `# key N` at the end, or 0
  local found
  found=$(sed -n "s/^# $2 \([0-9]*\)$/\1/p" "$1" 2>/dev/null | tail -n 1 || true)
  echo "${found:-0}"
}

attribute() { # element, name
  sed -E "s/.* $2=\"([0-9]+)\".*/\1/" <<<"$1"
}

finish() { # exit status, unless a test failed or none ran
  local status=$1
  [[ $failed == 0 && $((passed + failed)) -gt 0 ]] || status=1
  echo "$passed passed, $failed failed, $skipped skipped"
  exit "$status"
}

main "$@"
