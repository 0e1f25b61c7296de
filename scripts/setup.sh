#!/bin/sh
# Installs what package-lock.json pins, once. Does nothing where the installed tree already matches it.
# Several of these may run at the same time: they wait for each other on a lock of package-lock.json itself,
# which needs no file of its own and ends with the process that holds it.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
# With an empty HOME the runtime would keep its cache in the current folder.
export BUN_RUNTIME_TRANSPILER_CACHE_PATH=0
stamp="$root/node_modules/.selvedge-lock"

fail() {
  echo "selvedge: $1" >&2
  exit 1
}

is_installed() {
  bun=$(sh "$root/scripts/bun-path.sh" "$root") || return 1
  [ -f "$stamp" ] && cmp -s "$stamp" "$root/package-lock.json" && return 0
  # Somebody ran npm by hand, or the tree came with an image: ask what is really there before installing it again.
  "$bun" "$root/tools/installed.ts" "$root" 2>/dev/null || return 1
  [ ! -w "$root/node_modules" ] || cp "$root/package-lock.json" "$stamp"
}

is_installed && exit 0

command -v node >/dev/null 2>&1 || fail "needs Node >= 20 with npm to install itself; there is no node in PATH"
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
[ "$major" -ge 20 ] 2>/dev/null || fail "needs Node >= 20 with npm to install itself; this one is $(node --version 2>/dev/null || echo broken)"
command -v npm >/dev/null 2>&1 || fail "needs npm to install itself; there is a node in PATH but no npm"
[ -w "$root" ] || fail "$root is read-only and its dependencies are not installed; run 'npm ci' where it can be written"

exec 9<"$root/package-lock.json"
if command -v flock >/dev/null 2>&1; then
  flock 9
  is_installed && exit 0
fi

# npm keeps its cache under HOME; without one it would try the root directory.
scratch=
if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 130' INT TERM
  HOME=$scratch
  npm_config_cache=$scratch/cache
  export HOME npm_config_cache
fi

echo "selvedge: installing dependencies (once)" >&2
# The flags undo what the surroundings may have asked for (NODE_ENV=production, omit=optional): the tests need the
# development tools, and Bun's binary is an optional dependency of its package. No install script of anybody's is run:
# none is needed (see bun-path.sh), and this may be root.
(cd "$root" && npm ci --ignore-scripts --include=dev --include=optional --prefer-offline --no-audit --no-fund --loglevel=error </dev/null >&2) ||
  fail "'npm ci' failed (see above); it needs the network once, or a filled npm cache"
sh "$root/scripts/bun-path.sh" "$root" >/dev/null ||
  fail "installed, but no Bun binary of the pinned version runs on this machine ($(uname -sm)); look under node_modules/bun and node_modules/@oven"
cp "$root/package-lock.json" "$stamp"
