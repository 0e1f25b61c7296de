#!/bin/sh
# Prints the path of the pinned Bun binary under the package root given as $1, or nothing.
# Bun's npm package links its binary in an install script, which npm may have been told not to run;
# the platform package always holds the real one.
root=$1
for candidate in "$root"/node_modules/@oven/bun-*/bin/bun; do
  [ -x "$candidate" ] && "$candidate" --version >/dev/null 2>&1 && { echo "$candidate"; exit 0; }
done
exit 1
