/**
 * Flags without which no program of ours is started. By itself Bun takes code to preload from a bunfig.toml, what any import
 * stands for from a tsconfig.json or jsconfig.json (also of a folder above), variables from an .env and missing packages from
 * a registry, all by the folder it happens to run in: whoever may write there would decide what runs, perhaps as root.
 */
export const RUNTIME_FLAGS: readonly string[] = [
  "--config=/dev/null",
  "--tsconfig-override=/dev/null",
  "--no-env-file",
  "--no-install",
];
