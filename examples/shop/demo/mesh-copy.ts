/** The demo's own copy of mesh.yaml, for the user to edit. */

/**
 * The committed mesh file with its sockets under `runFolder` and ports that are free. Without root nobody can run a service
 * under another uid, so callers are recognised as those that `selvedge run` started and the `run:` lines go.
 */
export function meshCopy(text: string, options: { readonly runFolder: string; readonly isRoot: boolean }): string {
  const moved = text.replaceAll("/run/shop/", `${options.runFolder}/`);
  const listening = moved.replace(/^mesh: .*$/m, (line) => `${line}\noutbound: 127.0.0.1:0\nmetrics: 127.0.0.1:0`);
  return options.isRoot ? listening : listening.replace(/^ *run: .*\n/gm, "");
}

/** The share of orders v2 that the text asks for, 0 to 1; `undefined` where its weights cannot be read. */
export function wantedShare(text: string): number | undefined {
  const weight = (version: string) => {
    const found = new RegExp(`^\\s*${version}:.*\\bweight:\\s*(\\d+)`, "m").exec(text)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const [v1, v2] = [weight("v1"), weight("v2")];
  return v1 === undefined || v2 === undefined || v1 + v2 === 0 ? undefined : v2 / (v1 + v2);
}
