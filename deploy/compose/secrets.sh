#!/usr/bin/env bash
# Makes the secrets of all phases in secrets/, at random. What is there stays as it is: run it again after growing into the next phase.
# The folder is its owner's alone; the files are readable, because each container that is given one reads it as another user.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
umask 077
mkdir -p secrets

main() {
  local name
  for name in postgres_password replication_password owner_password app_password redis_password redis_admin_password grafana_password; do
    keep "$name" "$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')"
  done

  local owner app redis
  owner=$(<secrets/owner_password) app=$(<secrets/app_password) redis=$(<secrets/redis_password)
  keep admin "Host=postgres0;Database=postgres;Username=postgres;Password=$(<secrets/postgres_password)"
  keep directory "Host=postgres0;Database=monstera;Username=monstera_app;Password=$app"
  keep owner_directory "Host=postgres0;Database=monstera;Username=monstera_owner;Password=$owner"
  keep replica0 "Host=replica0;Database=monstera;Username=monstera_app;Password=$app"
  keep shard1 "Host=postgres1;Database=rooms1;Username=monstera_app;Password=$app"
  keep owner_shard1 "Host=postgres1;Database=rooms1;Username=monstera_owner;Password=$owner"
  keep replica1 "Host=replica1;Database=rooms1;Username=monstera_app;Password=$app"
  keep redis "redis:6379,user=monstera,password=$redis"
  keep redis_cluster "172.30.87.20:6379,172.30.87.21:6379,172.30.87.22:6379,user=monstera,password=$redis"
  keep redis_conf "$(redis_conf "$redis" "$(<secrets/redis_admin_password)")"
  chmod 0444 secrets/*
}

keep() { # name, value
  [[ -s secrets/$1 ]] || printf '%s\n' "$2" > "secrets/$1"
}

# Anybody may ask whether it lives; the nodes may do what docs/operations.md lists; the administrator joins a cluster, and its servers follow each other as him.
redis_conf() { # password of the nodes, of the administrator
  cat <<CONF
user default on nopass resetchannels -@all +ping
user monstera on >$1 resetchannels ~monstera-* &monstera-* -@all +@read +@write +@scripting +time +hello +ping +select +publish +subscribe +unsubscribe +spublish +ssubscribe +sunsubscribe +cluster|slots +asking
user admin on >$2 ~* &* +@all
masteruser admin
masterauth $2
CONF
}

main
