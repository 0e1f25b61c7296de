/**
 * A path as an application reads it that drops `;parameters` from segments before it resolves them (servlet containers do):
 * `/a/..;x/admin;v=1` is `/admin` there. Policy looks at such a path both ways.
 */
export function withoutPathParameters(path: string): string {
  const kept: string[] = [];
  const segments = path.split("/");
  let isFolder = false;
  for (const raw of segments) {
    const semicolon = raw.indexOf(";");
    const segment = semicolon === -1 ? raw : raw.slice(0, semicolon);
    isFolder = segment === "" || segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    else if (!isFolder) kept.push(segment);
  }
  const end = isFolder && kept.length > 0 ? "/" : "";
  return `/${kept.join("/")}${end}`;
}
