#!/bin/sh
# Prints the absolute path of the pinned Bun binary under the package root given as $1; exit 1 and nothing where there is none.
#
# The npm package `bun` fetches a platform package that holds the binary, and its install script then moves the binary
# into its own bin/ (named bun.exe on every system). Where npm was told not to run install scripts, bin/bun.exe is a
# placeholder that only prints an error, and the binary is still in the platform package. So both places are tried, and
# a candidate counts only when it runs here and says the pinned version (several platform packages may lie side by side).
set -u
root=$(CDPATH= cd -- "${1:-.}" && pwd) || exit 1
pinned=$(sed -n 's/^ *"bun": *"\([0-9][^"]*\)".*/\1/p' "$root/package.json" | head -n 1)
for candidate in "$root"/node_modules/bun/bin/bun.exe "$root"/node_modules/@oven/bun-*/bin/bun; do
  [ -f "$candidate" ] && [ -x "$candidate" ] || continue
  version=$("$candidate" --version 2>/dev/null </dev/null) || continue
  [ "$version" = "$pinned" ] || continue
  printf '%s\n' "$candidate"
  exit 0
done
exit 1
