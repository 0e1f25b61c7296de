#!/bin/sh
# Runs a TypeScript program of this package on the pinned Bun, installing the package first where that was not done.
# Usage: sh scripts/with-bun.sh PROGRAM.ts [ARGS...]
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
program=$1
shift
if command -v node >/dev/null 2>&1; then
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if ! [ "$major" -ge 20 ] 2>/dev/null; then
    echo "selvedge: needs Node >= 20; this one is $(node --version 2>/dev/null || echo broken)" >&2
    exit 1
  fi
fi
sh "$root/scripts/setup.sh"
bun=$(sh "$root/scripts/bun-path.sh" "$root")
# Nothing in the current folder or under HOME may decide what runs; see bin/selvedge.
export BUN_RUNTIME_TRANSPILER_CACHE_PATH=0
exec "$bun" --config=/dev/null --tsconfig-override=/dev/null --no-env-file --no-install "$root/$program" "$@"
