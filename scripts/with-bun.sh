#!/bin/sh
# Runs a TypeScript program of this package on the pinned Bun, installing the package first where that was not done.
# Usage: sh scripts/with-bun.sh PROGRAM.ts [ARGS...]
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
program=$1
shift
sh "$root/scripts/setup.sh"
bun=$(sh "$root/scripts/bun-path.sh" "$root") || {
  echo "selvedge: the Bun binary is missing under node_modules/@oven; run 'npm ci' and look at what it prints" >&2
  exit 1
}
exec "$bun" "$root/$program" "$@"
