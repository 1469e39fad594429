#!/usr/bin/env bash
# A standby of $PRIMARY: copies it the first time, and then follows. A copy that fails leaves nothing behind, and the container is started again.
set -euo pipefail

if [[ ! -s $PGDATA/PG_VERSION ]]; then
  PGPASSWORD=$(cat /run/secrets/replication_password) pg_basebackup \
    --host="$PRIMARY" --username=replicator --pgdata="$PGDATA" --wal-method=stream --slot=replica --write-recovery-conf --checkpoint=fast
  chmod 0700 "$PGDATA"
fi
exec postgres -D "$PGDATA" "$@"
