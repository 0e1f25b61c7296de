/**
 * The problems that decoding can find, by code: SV01xx files and YAML, SV02xx documents and fields, SV03xx values, SV04xx
 * rules between fields, SV05xx the short form. Issues take their severity from here. Codes are never reused and never change
 * their meaning. All tables together are in `error-table.ts`.
 */

/** One row of the table. */
export interface ErrorCodeEntry {
  readonly severity: "error" | "warning";
  /** What is wrong, in a few words. */
  readonly title: string;
  /** What to do about it, one or two sentences. */
  readonly fix: string;
}

const error = (title: string, fix: string): ErrorCodeEntry => ({ severity: "error", title, fix });
const warning = (title: string, fix: string): ErrorCodeEntry => ({ severity: "warning", title, fix });

/** Codes that decoding files can report. */
export const DECODE_CODES = {
  SV0101: error(
    "A source cannot be read",
    "Check that the path exists and that the user who runs Selvedge may read it.",
  ),
  SV0102: error("A file is too large", "Split it into several files in one folder."),
  SV0103: error(
    "Too many files, or too many bytes in all",
    "Point -f at the folder that holds the mesh, not above it.",
  ),
  SV0104: error("A file is not UTF-8 text", "Save it as UTF-8, or keep files of other kinds out of the folder."),
  SV0105: error("YAML syntax", "Correct the line; indentation and quotes are the usual causes."),
  SV0106: error("A key stands twice in one mapping", "Keep one of the two: which of them would win is not defined."),
  SV0107: error("A YAML tag is not allowed", "Remove the tag; quote the value where it must be a string."),
  SV0108: error(
    "A YAML alias is unknown, refers to itself, or expands to too much",
    "Write the value out where it is needed.",
  ),
  SV0109: error("YAML merge keys are not part of YAML 1.2", "Write the merged fields out."),
  SV0110: error("Nested too deeply", "No document needs this depth; look for a bracket that was never closed."),
  SV0111: error("Too many documents", "Split the configuration between sites, or raise the question with us."),
  SV0112: error("A key is not a plain string", "Quote the key; sequences, mappings and null cannot be field names."),
  SV0113: error(
    "A source is neither a regular file nor a folder, or a link leads back into itself",
    "Remove the link, socket, pipe or device from the folder.",
  ),
  SV0114: warning("A source holds no document", "Check the path; only *.yaml, *.yml and *.json are read in a folder."),

  SV0115: error(
    "The sources hold no document at all",
    "Check the path, and whether the file was emptied while it was saved. What serves already serves on.",
  ),

  SV0201: error("A document is not a mapping", "Start it with apiVersion and kind, or with mesh for the short form."),
  SV0202: error("A document has no kind", "Add apiVersion and kind, or mesh for the short form."),
  SV0203: error("Unknown kind", "docs/reference.md lists the kinds that are understood."),
  SV0204: error(
    "The kind is known but not supported yet",
    "Remove the document, or keep it outside the sources of Selvedge.",
  ),
  SV0205: error("Wrong apiVersion for the kind", "Write one of the versions that the message lists."),
  SV0206: error("Unknown field", "Correct the spelling or the indentation; unknown fields are never ignored."),
  SV0207: error(
    "The field is valid upstream but not supported here",
    "Remove it. It is refused because ignoring it would promise what does not happen.",
  ),
  SV0208: error("A required field is missing", "Add the field."),
  SV0209: error(
    "A field has no value",
    "Write [] or {} where nothing is meant, or remove the key. A key left empty by mistake must not open access.",
  ),
  SV0210: error("Wrong type", "Write the type that the message asks for; quote what must be a string."),
  SV0211: error(
    "The value is valid upstream but not supported here",
    "Choose one of the values that the message lists.",
  ),
  SV0212: error("Too many problems", "Correct the ones above first; the rest is shown after that."),

  SV0301: error("Not one of the known values", "Choose one of the values that the message lists; case matters."),
  SV0302: error("A number is out of range", "Choose a number in the range that the message gives."),
  SV0303: error("A name or pattern has characters that are not allowed", "Use the characters that the message lists."),
  SV0304: error("A text is too long or empty", "Shorten it, or write one."),
  SV0305: error("A list or mapping has too many or too few items", "Keep to the number that the message gives."),
  SV0306: error("Not a duration", "Write numbers with units, largest first: 1h30m, 10s, 500ms; 0s disables."),
  SV0307: error("Not an address", "Write what the message asks for: an IP address, host:port, or unix:/path."),
  SV0308: error(
    "Not a selector of local processes",
    "Use unix:user:NAME, unix:uid:N, cgroup:/path, systemd:id:NAME.service, and unix:path:/exe beside another one.",
  ),
  SV0309: error(
    "Not something that can be called",
    "Write name, name.namespace, or host:port for hosts outside the mesh.",
  ),
  SV0310: error("Not a loopback address of its own", "Choose one in 127.0.0.0/8 other than 127.0.0.1, say 127.77.0.5."),
  SV0311: error("Not a trust domain", "Use lower-case letters, digits, dots, dashes and underscores; 255 at most."),
  SV0312: error("Not a label", "Keys are [prefix/]name, values at most 63 letters, digits, dots, dashes, underscores."),
  SV0313: error("Not a path that can be matched", "Write an absolute path without empty, . or .. segments."),
  SV0314: error("Not a header", "Names are HTTP tokens; values are visible characters, spaces and tabs."),
  SV0315: error("The header belongs to the mesh", "Framing and identity headers are written by the mesh alone."),
  SV0316: error(
    "Not an IP address or CIDR block",
    "Write 10.0.0.7 or 10.0.0.0/8; bits behind the prefix must be zero.",
  ),
  SV0317: error("A wildcard stands where it has no meaning", "Use it alone, or as the first or the last character."),
  SV0318: error(
    "A number is ambiguous",
    "Write it in decimal without leading zeros: YAML versions differ on what they mean.",
  ),
  SV0319: error(
    "Not an assertion",
    'Write "no dev/* may reach prod/*" or "prod/web may reach prod/orders with GET /path".',
  ),

  SV0401: error("Two fields exclude each other", "Keep one of them."),
  SV0402: error("A field needs another one", "Add the field that the message names."),
  SV0403: error("Two entries of a list are the same", "Keep one of them, or give them different names."),
  SV0404: error("A filter is repeated or does not go with another", "Keep one of them."),
  SV0405: error(
    "replacePrefixMatch needs exactly one PathPrefix match",
    "Give the rule one match with a path of type PathPrefix, or split the rule.",
  ),
  SV0406: error("A redirect stands beside backendRefs", "A request is either redirected or forwarded: use two rules."),
  SV0407: error("Too many matches in one route", "Split the route; routes for one parent are merged."),
  SV0408: error(
    "backendRequest is longer than request",
    "The time-out of one attempt must fit into that of the request.",
  ),
  SV0409: error("A reference to a Service has no port", "Add port: the Service's port, not the workload's."),
  SV0410: error(
    "A reference names something that cannot be referred to from here",
    'For the mesh write group: "" and kind: Service; for a LAN listener kind: Gateway.',
  ),
  SV0411: error("Two parentRefs cannot be told apart", "Give each its own port or sectionName, or remove one."),
  SV0412: warning("Ports that are never used", "Add an address, or remove the ports."),
  SV0413: warning("A route attaches to nothing", "Add parentRefs."),
  SV0414: warning("A header is matched twice", "Only the first entry counts; remove the other."),
  SV0415: warning("A value can never match", "Write principals as <trust domain>/ns/<namespace>/sa/<service account>."),
  SV0416: error("The fields of a union do not fit its type", "Set exactly the field that the type names."),
  SV0417: error("A condition is empty", "Name at least one thing to match, or remove the entry."),

  SV0501: error("Not a caller", "Write name, name.namespace, namespace/*, namespace/name or *."),
  SV0502: error("A label is set by the short form itself", "Remove it; app and version follow from the names."),
  SV0503: warning("A name in allow is not in this document", "Correct it, or define it in another document."),
} as const satisfies Record<string, ErrorCodeEntry>;

export type DecodeCode = keyof typeof DECODE_CODES;
