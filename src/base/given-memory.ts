/** Memory below this is left to the collector. Reason: giving back by hand costs more then. */
const GIVEN_BYTES_MIN = 16 * 1024;

/** Whether memory of these bytes can be given back once they were used: they are large, and all there is in it. */
export function isWhole(bytes: Uint8Array): boolean {
  return bytes.length >= GIVEN_BYTES_MIN && bytes.buffer.byteLength === bytes.length;
}

/**
 * Gives memory back now: what is moved to a buffer of no bytes is freed. The collector would come hundreds of megabytes later,
 * because it does not see what buffers weigh, and the next one would be made of memory that the system has to clear first. All views
 * of it are empty afterwards.
 */
export function giveBack(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
