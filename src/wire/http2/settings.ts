/** SETTINGS payloads (RFC 9113 6.5). */
import { TABLE_BYTES_DEFAULT } from "../hpack/limits.ts";
import { FRAME_BYTES_MAX, SETTINGS_ENTRIES_MAX } from "./limits.ts";
import { ERROR_CODE, SETTING, WINDOW_BYTES_DEFAULT, WINDOW_BYTES_MAX } from "./protocol.ts";

const ENTRY_BYTES = 6;
/** Largest MAX_FRAME_SIZE that may be announced (RFC 9113 6.5.2). */
const FRAME_BYTES_ALLOWED_MAX = 0xff_ffff;
/** A setting that was not sent means no limit. */
const UNLIMITED = 0xffff_ffff;

/** What one side of a connection has announced. */
export class Settings {
  tableBytes = TABLE_BYTES_DEFAULT;
  /** Smallest it was since the encoder took it over last, which must be told to the peer's decoder (RFC 7541 4.2). */
  tableBytesLowest = TABLE_BYTES_DEFAULT;
  streamsMax = UNLIMITED;
  windowBytes = WINDOW_BYTES_DEFAULT;
  frameBytesMax = FRAME_BYTES_MAX;
  listBytesMax = UNLIMITED;
  allowsExtendedConnect = false;
}

/**
 * Reads the payload `buf[start, end)` into `settings`. Unknown ones are ignored. Answers 0, or the error code for the
 * connection. @param isFromServer push may then not be switched on.
 */
export function readSettings(
  buf: Uint8Array,
  start: number,
  end: number,
  settings: Settings,
  isFromServer: boolean,
): number {
  if ((end - start) % ENTRY_BYTES !== 0) return ERROR_CODE.FRAME_SIZE_ERROR;
  if (end - start > SETTINGS_ENTRIES_MAX * ENTRY_BYTES) return ERROR_CODE.ENHANCE_YOUR_CALM;
  for (let at = start; at < end; at += ENTRY_BYTES) {
    const error = applySetting(settings, (buf[at]! << 8) | buf[at + 1]!, readUint32(buf, at + 2), isFromServer);
    if (error !== 0) return error;
  }
  return 0;
}

function applySetting(settings: Settings, setting: number, value: number, isFromServer: boolean): number {
  switch (setting) {
    case SETTING.HEADER_TABLE_SIZE:
      settings.tableBytes = value;
      settings.tableBytesLowest = Math.min(value, settings.tableBytesLowest);
      return 0;
    case SETTING.ENABLE_PUSH:
      return value > (isFromServer ? 0 : 1) ? ERROR_CODE.PROTOCOL_ERROR : 0;
    case SETTING.MAX_CONCURRENT_STREAMS:
      settings.streamsMax = value;
      return 0;
    case SETTING.INITIAL_WINDOW_SIZE:
      if (value > WINDOW_BYTES_MAX) return ERROR_CODE.FLOW_CONTROL_ERROR;
      settings.windowBytes = value;
      return 0;
    case SETTING.MAX_FRAME_SIZE:
      if (value < FRAME_BYTES_MAX || value > FRAME_BYTES_ALLOWED_MAX) return ERROR_CODE.PROTOCOL_ERROR;
      settings.frameBytesMax = value;
      return 0;
    case SETTING.MAX_HEADER_LIST_SIZE:
      settings.listBytesMax = value;
      return 0;
    case SETTING.ENABLE_CONNECT_PROTOCOL:
      // RFC 8441 3: once allowed it cannot be taken back.
      if (value > 1 || (value === 0 && settings.allowsExtendedConnect)) return ERROR_CODE.PROTOCOL_ERROR;
      settings.allowsExtendedConnect = value === 1;
      return 0;
    default:
      return 0;
  }
}

/** The unsigned 32-bit number at `at`, high byte first. */
export function readUint32(buf: Uint8Array, at: number): number {
  return ((buf[at]! << 24) | (buf[at + 1]! << 16) | (buf[at + 2]! << 8) | buf[at + 3]!) >>> 0;
}
