#!/usr/bin/env bash
# Makes a cluster of the Redis servers at $NODES (host:port, the masters first) with $REPLICAS replicas for each master, unless they are one already.
set -euo pipefail

REDISCLI_AUTH=$(cat /run/secrets/redis_admin_password)
export REDISCLI_AUTH
read -r -a nodes <<<"$NODES"
first=${nodes[0]}
if redis-cli --user admin --no-auth-warning -h "${first%:*}" -p "${first#*:}" cluster info | grep -q cluster_state:ok; then
  echo "The cluster is there."
else
  redis-cli --user admin --no-auth-warning --cluster create "${nodes[@]}" --cluster-replicas "$REPLICAS" --cluster-yes
fi
