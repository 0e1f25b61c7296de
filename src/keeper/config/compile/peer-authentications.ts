/** Which PeerAuthentication holds for which workload, with Istio's scopes and inheritance. */
import type { DocumentOf, FieldPath, PeerAuthenticationSpec } from "../../../model/documents.ts";
import type { WorkloadRecord } from "../../../model/snapshot.ts";
import { qualifiedName } from "./document-set.ts";
import type { Report } from "./report.ts";

type PeerAuthentication = DocumentOf<"PeerAuthentication">;
type Workload = DocumentOf<"Workload">;
type Mode = "STRICT" | "PERMISSIVE";

/** What holds for one workload. */
export interface PeerMode {
  readonly mode: Mode;
  /** By port of the workload; those that say the same as `mode` included. */
  readonly ports: Readonly<Record<string, Mode>>;
  /** Which document made the mode of a port, to point at; `undefined` for the default. */
  readonly decidedBy: (port: number) => PeerAuthentication | undefined;
}

/** Documents of one namespace, in order of their names, because files carry no age by which Istio orders them. */
interface Scope {
  whole: PeerAuthentication | undefined;
  readonly selecting: PeerAuthentication[];
}

/** All PeerAuthentications of a configuration. */
export class PeerAuthentications {
  readonly #rootNamespace: string;
  readonly #scopes = new Map<string, Scope>();
  readonly #modes = new Map<Workload, PeerMode>();
  readonly #report: Report;

  /** @param documents ordered by name; those that have no effect are reported */
  constructor(documents: readonly PeerAuthentication[], rootNamespace: string, report: Report) {
    this.#rootNamespace = rootNamespace;
    this.#report = report;
    for (const document of documents) {
      this.#refuseDisable(document);
      this.#file(document);
    }
  }

  /** What the mesh, the namespace and the most specific document say, the later over the earlier; STRICT where none does. */
  modeOf(workload: Workload): PeerMode {
    const known = this.#modes.get(workload);
    if (known !== undefined) return known;
    const mode = this.#judge(workload);
    this.#modes.set(workload, mode);
    return mode;
  }

  #judge(workload: Workload): PeerMode {
    const { namespace } = workload.metadata;
    const mesh = this.#scopes.get(this.#rootNamespace)?.whole;
    const own = this.#scopes.get(namespace);
    const selecting = this.#selecting(workload, own);
    let mode: Mode = "STRICT";
    let by: PeerAuthentication | undefined;
    for (const document of [mesh, own?.whole, selecting]) {
      const said = document && saidMode(document.spec.mode);
      if (said === undefined) continue;
      mode = said;
      by = document;
    }
    const ports: Record<string, Mode> = {};
    for (const [port, said] of Object.entries(selecting?.spec.portLevelMtls ?? {})) {
      ports[port] = saidMode(said) ?? mode;
      if (selecting !== undefined && !Object.values(workload.spec.ports).includes(Number(port))) {
        const message = `is for port ${port}, which Workload ${qualifiedName(workload)} does not have`;
        this.#warn(selecting, ["spec", "portLevelMtls", port], message);
      }
    }
    return { mode, ports, decidedBy: (port) => (Object.hasOwn(ports, port) ? selecting : by) };
  }

  #file(document: PeerAuthentication): void {
    const { namespace } = document.metadata;
    const scope: Scope = this.#scopes.get(namespace) ?? { whole: undefined, selecting: [] };
    this.#scopes.set(namespace, scope);
    if (isSelecting(document)) {
      if (namespace !== this.#rootNamespace) scope.selecting.push(document);
      else
        this.#warn(
          document,
          ["spec", "selector"],
          "has a selector in the root namespace, where only the whole mesh can be meant",
        );
    } else if (scope.whole === undefined) scope.whole = document;
    else
      this.#warn(document, ["metadata", "name"], `is for all of ${namespace}, and so is ${scope.whole.metadata.name}`);
  }

  #selecting(workload: Workload, scope: Scope | undefined): PeerAuthentication | undefined {
    const found = (scope?.selecting ?? []).filter((document) => selects(document, workload));
    const [first, ...others] = found;
    for (const other of others) {
      const message = `selects Workload ${qualifiedName(workload)}, and so does ${first?.metadata.name}`;
      this.#warn(other, ["spec", "selector"], message);
    }
    return first;
  }

  #warn(document: PeerAuthentication, path: FieldPath, message: string): void {
    this.#report.add(document, path, "SV1206", `PeerAuthentication ${qualifiedName(document)} ${message}`);
  }

  #refuseDisable(document: PeerAuthentication): void {
    const { mode, portLevelMtls } = document.spec;
    if (mode !== "DISABLE" && !Object.values(portLevelMtls).includes("DISABLE")) return;
    const message = `PeerAuthentication ${qualifiedName(document)} says DISABLE, but between nodes all traffic is encrypted`;
    this.#report.add(document, ["spec"], "SV1205", message);
  }
}

/** The field `mtls` of a WorkloadRecord; none where everything is STRICT. */
export function mtlsOf({ mode, ports }: PeerMode): Pick<WorkloadRecord, "mtls"> {
  const different = Object.entries(ports).filter(([, one]) => one !== mode);
  if (mode === "STRICT" && different.length === 0) return {};
  return { mtls: { mode, ports: Object.fromEntries(different) } };
}

/** `undefined` inherits. Encryption cannot be turned off, so DISABLE asks for it like STRICT. */
function saidMode(mode: PeerAuthenticationSpec["mode"]): Mode | undefined {
  if (mode === "UNSET") return undefined;
  return mode === "PERMISSIVE" ? "PERMISSIVE" : "STRICT";
}

function isSelecting({ spec }: PeerAuthentication): boolean {
  return Object.keys(spec.selector?.matchLabels ?? {}).length > 0;
}

function selects({ spec }: PeerAuthentication, { metadata }: Workload): boolean {
  const wanted = Object.entries(spec.selector?.matchLabels ?? {});
  return wanted.every(([key, value]) => Object.hasOwn(metadata.labels, key) && metadata.labels[key] === value);
}
