#!/bin/sh
# Installs what package-lock.json pins, once. Does nothing where the installed tree already matches it.
set -eu
root=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
if [ "$major" -lt 20 ]; then
  echo "selvedge: needs Node >= 20 with npm to install itself; this one is $(node --version 2>/dev/null || echo missing)" >&2
  exit 1
fi
stamp="$root/node_modules/.selvedge-lock"
if [ -f "$stamp" ] && cmp -s "$stamp" "$root/package-lock.json" && sh "$root/scripts/bun-path.sh" "$root" >/dev/null; then
  exit 0
fi
echo "selvedge: installing dependencies (once)" >&2
(cd "$root" && npm ci --no-audit --no-fund --loglevel=error >&2)
cp "$root/package-lock.json" "$stamp"
