import { CertificateError } from "./certificate-error.ts";
import { type DerReader, TAG } from "./der.ts";

/** First year that is written with four digits (RFC 5280 4.1.2.5). */
const GENERALIZED_FROM_YEAR = 2050;

/**
 * The next element as a time, in ms since 1970: UTCTime up to 2049, GeneralizedTime from 2050, seconds and `Z` written,
 * no fractions (RFC 5280 4.1.2.5). A day that the calendar does not have is refused.
 */
export function readTime(reader: DerReader): number {
  const isUtcTime = reader.nextTag === TAG.utcTime;
  const content = reader.content(isUtcTime ? TAG.utcTime : TAG.generalizedTime);
  const digits = isUtcTime ? 12 : 14;
  if (content.length !== digits + 1 || content[digits] !== 0x5a) throw new CertificateError("der_time");
  for (let at = 0; at < digits; at++)
    if (content[at]! < 0x30 || content[at]! > 0x39) throw new CertificateError("der_time");
  const yearDigits = digits - 10;
  const written = numberAt(content, 0, yearDigits);
  // RFC 5280 4.1.2.5.1: two digits from 50 on belong to the last century.
  const year = isUtcTime ? (written >= 50 ? 1900 + written : 2000 + written) : written;
  if (!isUtcTime && year < GENERALIZED_FROM_YEAR) throw new CertificateError("der_time");
  const [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map((at) => numberAt(content, yearDigits + at, 2));
  return calendarMs(year, month!, day!, hour!, minute!, second!);
}

function numberAt(content: Uint8Array, at: number, digits: number): number {
  let value = 0;
  for (let index = at; index < at + digits; index++) value = value * 10 + content[index]! - 0x30;
  return value;
}

function calendarMs(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // The calendar carries what is too large over into the next field; then it was not a date.
  const isSame =
    time.getUTCMonth() === month - 1 &&
    time.getUTCDate() === day &&
    time.getUTCHours() === hour &&
    time.getUTCMinutes() === minute &&
    time.getUTCSeconds() === second;
  if (!isSame || time.getUTCFullYear() !== year) throw new CertificateError("der_time");
  return time.getTime();
}
