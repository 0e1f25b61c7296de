/** The ways in which a message is cut up to show that the cuts do not matter. */

/** Above this size only some cuts are tried, so that the test stays quick. */
const EVERY_CUT_BYTES_MAX = 600;
const LARGE_STEP = 997;

function steps(text: string, step: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += step) pieces.push(text.slice(at, at + step));
  return pieces;
}

/** Whole; byte by byte (large messages in larger steps); and in two at every offset (large messages at some). */
export function* cutsOf(text: string): Generator<readonly string[]> {
  yield [text];
  const isLarge = text.length > EVERY_CUT_BYTES_MAX;
  yield steps(text, isLarge ? LARGE_STEP : 1);
  for (let at = 1; at < text.length; at += isLarge ? LARGE_STEP : 1) yield [text.slice(0, at), text.slice(at)];
}
