#!/bin/sh
# Starts a Redis server (`start.sh redis [--setting value ...]`) or a Sentinel (`start.sh sentinel`) with the files beside
# this one. Both write into their configuration, so they get a copy in their data folder. Used by docker-compose.yml and by
# `npm run cluster`.
#
#   REDIS_PASSWORD  of all servers and Sentinels
#   REDIS_PRIMARY   "host port" of the first primary; not set for that one itself
#   REDIS_DATA      folder for data and the copy; /data
#   REDIS_PORT      6379 or 26379
#   REDIS_BIND      addresses to listen on; all
#   REDIS_SERVER    program; redis-server
set -eu
umask 077
kind=$1
shift
files=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
data=${REDIS_DATA:-/data}
server=${REDIS_SERVER:-redis-server}
copy=$data/$kind.conf
: "${REDIS_PASSWORD:?is the password of all servers and Sentinels}"
password=\"$(printf %s "$REDIS_PASSWORD" | sed 's/[\\"]/\\&/g')\"

common() {
  echo "port ${REDIS_PORT:-$1}"
  echo "dir \"$data\""
  [ -z "${REDIS_BIND:-}" ] || echo "bind $REDIS_BIND"
  printf 'requirepass %s\n' "$password"
}

# Who follows whom is what the Sentinels said last; all else is made anew at each start.
following() {
  if [ -f "$copy" ]; then
    sed -n '/^replicaof /p' "$copy"
  elif [ -n "${REDIS_PRIMARY:-}" ]; then
    echo "replicaof $REDIS_PRIMARY"
  fi
}

case $kind in
redis)
  {
    cat "$files/redis.conf"
    common 6379
    printf 'masterauth %s\n' "$password"
    following
  } >"$copy.new"
  mv "$copy.new" "$copy"
  exec "$server" "$copy" "$@"
  ;;
sentinel)
  if [ ! -f "$copy" ]; then
    {
      echo "sentinel monitor mymaster ${REDIS_PRIMARY:?} 2"
      cat "$files/sentinel.conf"
      common 26379
      printf 'sentinel auth-pass mymaster %s\n' "$password"
      printf 'sentinel sentinel-pass %s\n' "$password"
    } >"$copy.new"
    mv "$copy.new" "$copy"
  fi
  exec "$server" "$copy" --sentinel
  ;;
*)
  echo "start.sh: redis or sentinel, not $kind" >&2
  exit 2
  ;;
esac
