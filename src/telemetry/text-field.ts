/** A piece of text of bounded length that is filled from bytes without making a string, and reused. */
export class TextField {
  readonly bytes: Uint8Array;
  /** Bytes in use. */
  length = 0;
  /** True when there was more than the field holds. */
  isCut = false;

  /** @param bytesMax 1 to 255. */
  constructor(bytesMax: number) {
    this.bytes = new Uint8Array(bytesMax);
  }

  clear(): void {
    this.length = 0;
    this.isCut = false;
  }

  /** Takes `source[start, end)`, or as much of it as fits. A copy: the source may change afterwards. */
  setBytes(source: Uint8Array, start: number, end: number): void {
    const wanted = end - start;
    const length = Math.min(wanted, this.bytes.length);
    const bytes = this.bytes;
    // A loop, because below a few hundred bytes it beats `set(subarray())`, which makes an object per call.
    for (let at = 0; at < length; at++) bytes[at] = source[start + at]!;
    this.length = length;
    this.isCut = wanted > length;
  }

  /** Takes a string of ASCII; any other character becomes `?`. */
  setText(text: string): void {
    const length = Math.min(text.length, this.bytes.length);
    const bytes = this.bytes;
    for (let at = 0; at < length; at++) {
      const code = text.charCodeAt(at);
      bytes[at] = code < 128 ? code : 63;
    }
    this.length = length;
    this.isCut = text.length > length;
  }
}
