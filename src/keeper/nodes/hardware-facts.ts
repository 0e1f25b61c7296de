import { readFileSync } from "node:fs";
import { type HardwareFacts, SERIAL_LENGTH_MAX } from "../../identity/join-protocol.ts";
import { readEndorsementHash } from "./tpm.ts";

/** Where firmware tells a machine's serial number: PCs (readable by root alone), and boards with a device tree. */
export const SERIAL_PATHS = [
  "/sys/class/dmi/id/product_serial",
  "/sys/firmware/devicetree/base/serial-number",
] as const;

/** Numbers that vendors leave in machines that have none. */
const NO_SERIAL =
  /^(?:0+|none|n\/a|not specified|not applicable|default string|to be filled by o\.e\.m\.|system serial number)$/i;

/** What this machine can tell of itself; `""` for what it cannot. */
export function hardwareFacts(paths: readonly string[] = SERIAL_PATHS): HardwareFacts {
  return { serial: readSerial(paths), endorsementKey: readEndorsementHash() };
}

function readSerial(paths: readonly string[]): string {
  for (const path of paths) {
    try {
      const serial = readFileSync(path, "latin1").replace(/\0+$/, "").trim();
      if (isSerial(serial)) return serial;
    } catch {
      // The next place, or none.
    }
  }
  return "";
}

/** Whether a text can be a serial number that tells one machine from another. */
export function isSerial(text: string): boolean {
  return (
    text.length <= SERIAL_LENGTH_MAX && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !NO_SERIAL.test(text)
  );
}
