#!/usr/bin/env bash
# Once, when the database is made: who may copy it, and a place in the log that the copy has not passed yet.
set -euo pipefail

psql --username=postgres --set=ON_ERROR_STOP=1 --set=password="$(cat /run/secrets/replication_password)" --quiet <<'SQL'
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
SELECT pg_create_physical_replication_slot('replica', true);
SQL
echo "host replication replicator samenet scram-sha-256" >> "$PGDATA/pg_hba.conf"
