/** Looks up one parameter of a raw query string. */

/**
 * The first value of a query parameter, decoded, or `undefined` where it is absent.
 *
 * Names and values are compared as an application would read them: `+` is a space and `%XX` is decoded as UTF-8, so a
 * match cannot be dodged by another spelling. What does not decode is taken as it stands. A parameter without `=` has the
 * value `""`. Nothing is allocated but the value, unless the query is encoded.
 */
export function firstQueryValue(query: string, name: string): string | undefined {
  let start = 0;
  while (start < query.length) {
    let end = query.indexOf("&", start);
    if (end < 0) end = query.length;
    const equals = query.indexOf("=", start);
    const nameEnd = equals >= 0 && equals < end ? equals : end;
    if (namesParameter(query, start, nameEnd, name))
      return nameEnd === end ? "" : decode(query.slice(nameEnd + 1, end));
    start = end + 1;
  }
  return undefined;
}

function namesParameter(query: string, start: number, end: number, name: string): boolean {
  if (start === end) return false;
  if (end - start === name.length && query.startsWith(name, start)) return true;
  // Encoding never shortens a name.
  return end - start >= name.length && decode(query.slice(start, end)) === name;
}

function decode(text: string): string {
  if (!text.includes("%") && !text.includes("+")) return text;
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
