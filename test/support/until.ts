/**
 * Waits for what another process does without telling: looks again every few milliseconds and answers the first value that is
 * neither undefined nor false. Rejects after `timeoutMs`, with what was waited for.
 */
export async function until<T>(look: () => T | undefined | false, what: string, timeoutMs = 4_000): Promise<T> {
  const endsAtMs = Date.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > endsAtMs) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await Bun.sleep(5);
  }
}
