/**
 * The endorsement certificate of the machine's TPM 2.0, read from where its vendor left it (TCG EK Credential Profile 2.2.1.4).
 * Two commands over the kernel's resource manager: how long it is, and its bytes.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** The kernel's door to the TPM. */
export const TPM_DEVICE = "/dev/tpmrm0";

/** Indices of the certificates for RSA 2048 and for P-256. */
const CERTIFICATE_INDICES = [0x01c00002, 0x01c0000a] as const;

/** Longest certificate. Reason: vendors' take 1 to 1.5 KB. */
export const ENDORSEMENT_BYTES_MAX = 4096;

/** Bytes of one read. Reason: every TPM can give as many at once. */
const CHUNK_BYTES = 512;

const COMMAND = { NV_READ_PUBLIC: 0x169, NV_READ: 0x14e } as const;
const TAG = { NO_SESSIONS: 0x8001, SESSIONS: 0x8002 } as const;
const HEAD_BYTES = 10;

/** Sends one command and answers its response, head included; throws what the device says. */
export type Transact = (command: Uint8Array) => Uint8Array;

/** SHA-256 of the certificate, hex, or `""` where there is no TPM, none in it, or no right to ask. Never throws. */
export function readEndorsementHash(device: string = TPM_DEVICE): string {
  let fd: number;
  try {
    fd = openSync(device, "r+");
  } catch {
    return "";
  }
  try {
    return endorsementHash((command) => {
      writeSync(fd, command);
      const response = new Uint8Array(ENDORSEMENT_BYTES_MAX);
      return response.subarray(0, readSync(fd, response));
    });
  } catch {
    return "";
  } finally {
    closeSync(fd);
  }
}

/** The same over a given way to the TPM. Throws what `transact` throws. */
export function endorsementHash(transact: Transact): string {
  for (const index of CERTIFICATE_INDICES) {
    const certificate = readIndex(transact, index);
    if (certificate !== undefined) return createHash("sha256").update(certificate).digest("hex");
  }
  return "";
}

function readIndex(transact: Transact, index: number): Uint8Array | undefined {
  const length = readLength(transact, index);
  if (length === undefined || length === 0 || length > ENDORSEMENT_BYTES_MAX) return undefined;
  const certificate = new Uint8Array(length);
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    const piece = readPiece(transact, index, at, Math.min(CHUNK_BYTES, length - at));
    if (piece === undefined) return undefined;
    certificate.set(piece, at);
  }
  return certificate;
}

/** TPM2_NV_ReadPublic: TPM2B_NV_PUBLIC of index, name algorithm, attributes, policy and, last, the length. */
function readLength(transact: Transact, index: number): number | undefined {
  const command = new DataView(new ArrayBuffer(HEAD_BYTES + 4));
  writeHead(command, TAG.NO_SESSIONS, COMMAND.NV_READ_PUBLIC);
  command.setUint32(HEAD_BYTES, index);
  const response = bodyOf(transact(new Uint8Array(command.buffer)));
  if (response === undefined || response.byteLength < 2) return undefined;
  const size = response.getUint16(0);
  return size < 2 || 2 + size > response.byteLength ? undefined : response.getUint16(size);
}

/** TPM2_NV_Read with the index's own, empty password. */
function readPiece(transact: Transact, index: number, offset: number, length: number): Uint8Array | undefined {
  const command = new DataView(new ArrayBuffer(HEAD_BYTES + 8 + 4 + 9 + 4));
  writeHead(command, TAG.SESSIONS, COMMAND.NV_READ);
  command.setUint32(10, index);
  command.setUint32(14, index);
  command.setUint32(18, 9);
  // TPM_RS_PW, no nonce, no attributes, no password.
  command.setUint32(22, 0x40000009);
  command.setUint16(31, length);
  command.setUint16(33, offset);
  const response = bodyOf(transact(new Uint8Array(command.buffer)));
  // Length of the parameters, then TPM2B_MAX_NV_BUFFER.
  if (response === undefined || response.byteLength < 6 + length || response.getUint16(4) !== length) return undefined;
  return new Uint8Array(response.buffer, response.byteOffset + 6, length);
}

function writeHead(command: DataView, tag: number, code: number): void {
  command.setUint16(0, tag);
  command.setUint32(2, command.byteLength);
  command.setUint32(6, code);
}

/** What follows the head of a response that says success. */
function bodyOf(response: Uint8Array): DataView | undefined {
  const view = new DataView(response.buffer, response.byteOffset, response.byteLength);
  if (view.byteLength < HEAD_BYTES || view.getUint32(2) !== view.byteLength || view.getUint32(6) !== 0)
    return undefined;
  return new DataView(response.buffer, response.byteOffset + HEAD_BYTES, view.byteLength - HEAD_BYTES);
}
