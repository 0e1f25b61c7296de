/**
 * What the keeper asks of the issuing child, and what the child answers: one message each way, then the child ends. Bytes, not
 * JSON, so that keys stand in arrays that can be wiped.
 */
import { fieldNumber, fieldText, numberField, packFields, textField, unpackFields } from "./fields.ts";

/** Most SVIDs of one request. Reason: a node has dozens of workloads; more are asked for in turns. */
export const SVIDS_MAX = 256;

/** Longest message. Reason: 256 certificates and keys of about 1 KB. */
export const ISSUE_BYTES_MAX = 1024 * 1024;

/** A signing certificate in DER with its key in PKCS #8. */
export interface Signer {
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

/** Certificates begin `BACKDATE_MS` before `nowMs`. */
export type IssueRequest =
  /** A self-signed root with a new key. */
  | { readonly kind: "root"; readonly trustDomain: string; readonly nowMs: number }
  /** An issuer with a new key, for the root's own node. */
  | { readonly kind: "issuer"; readonly signer: Signer; readonly node: string; readonly nowMs: number }
  /** A new key and what another node sends to the root's node; see `issuer-request.ts`. */
  | { readonly kind: "ask"; readonly trustDomain: string; readonly node: string; readonly challenge: Uint8Array }
  /** An issuer for the key of another node. */
  | {
      readonly kind: "sign";
      readonly signer: Signer;
      readonly node: string;
      readonly challenge: Uint8Array;
      readonly request: Uint8Array;
      readonly nowMs: number;
    }
  /** SVIDs with new keys, in the order of `ids`. */
  | { readonly kind: "svids"; readonly signer: Signer; readonly ids: readonly string[]; readonly nowMs: number };

/** Why nothing was issued. */
export type IssueProblem =
  | "request_form"
  | "trust_domain"
  | "node_name"
  | "signer"
  | "signer_key"
  | "signer_time"
  | "proof_of_key"
  | "id"
  | "id_of_another_domain"
  | "id_of_another_node"
  | "certificate";

/**
 * `issued`: for `root`, `issuer` and `svids` certificate and key of each; for `sign` the certificate and no key. `asked`: the
 * new key and the request. Whoever reads a key wipes it after use.
 */
export type IssueReply =
  | { readonly kind: "issued"; readonly issued: readonly IssuedCertificate[] }
  | { readonly kind: "asked"; readonly key: Uint8Array; readonly request: Uint8Array }
  | { readonly kind: "refused"; readonly problem: IssueProblem };

export interface IssuedCertificate {
  readonly certificate: Uint8Array;
  /** PKCS #8; empty where the key was made elsewhere. */
  readonly key: Uint8Array;
}

const NAME = "selvedge-issue-v1";

/** A request as bytes. */
export function encodeIssueRequest(request: IssueRequest): Uint8Array {
  return packFields([textField(NAME), textField(request.kind), ...requestFields(request)]);
}

function requestFields(request: IssueRequest): Uint8Array[] {
  switch (request.kind) {
    case "root":
      return [textField(request.trustDomain), numberField(request.nowMs)];
    case "issuer":
      return [...signerFields(request.signer), textField(request.node), numberField(request.nowMs)];
    case "ask":
      return [textField(request.trustDomain), textField(request.node), request.challenge];
    case "sign": {
      const { signer, node, challenge, request: asked, nowMs } = request;
      return [...signerFields(signer), textField(node), challenge, asked, numberField(nowMs)];
    }
    case "svids":
      return [...signerFields(request.signer), numberField(request.nowMs), ...request.ids.map(textField)];
  }
}

const signerFields = ({ certificate, key }: Signer): Uint8Array[] => [certificate, key];

/** The request, or `undefined` for anything that `encodeIssueRequest` does not make. */
export function decodeIssueRequest(bytes: Uint8Array): IssueRequest | undefined {
  const [name, kind, ...rest] = fieldsOf(bytes);
  if (name === undefined || kind === undefined || fieldText(name) !== NAME) return undefined;
  switch (fieldText(kind)) {
    case "root": {
      const [trustDomain, nowMs] = [textAt(rest, 0), numberAt(rest, 1)];
      if (rest.length !== 2 || trustDomain === undefined || nowMs === undefined) return undefined;
      return { kind: "root", trustDomain, nowMs };
    }
    case "issuer": {
      const [node, nowMs] = [textAt(rest, 2), numberAt(rest, 3)];
      if (rest.length !== 4 || node === undefined || nowMs === undefined) return undefined;
      return { kind: "issuer", signer: signerOf(rest), node, nowMs };
    }
    case "ask": {
      const [trustDomain, node] = [textAt(rest, 0), textAt(rest, 1)];
      if (rest.length !== 3 || trustDomain === undefined || node === undefined) return undefined;
      return { kind: "ask", trustDomain, node, challenge: rest[2]! };
    }
    case "sign": {
      const [node, nowMs] = [textAt(rest, 2), numberAt(rest, 5)];
      if (rest.length !== 6 || node === undefined || nowMs === undefined) return undefined;
      return { kind: "sign", signer: signerOf(rest), node, challenge: rest[3]!, request: rest[4]!, nowMs };
    }
    case "svids":
      return decodeSvids(rest);
    default:
      return undefined;
  }
}

function decodeSvids(rest: readonly Uint8Array[]): IssueRequest | undefined {
  const nowMs = numberAt(rest, 2);
  const ids = rest.slice(3).map((field) => fieldText(field));
  const isWhole = ids.every((id): id is string => id !== undefined);
  if (nowMs === undefined || !isWhole || ids.length === 0 || ids.length > SVIDS_MAX) return undefined;
  return { kind: "svids", signer: signerOf(rest), ids, nowMs };
}

function fieldsOf(bytes: Uint8Array): readonly Uint8Array[] {
  return bytes.length > ISSUE_BYTES_MAX ? [] : (unpackFields(bytes) ?? []);
}

const textAt = (fields: readonly Uint8Array[], index: number) => fieldText(fields[index] ?? new Uint8Array());
const numberAt = (fields: readonly Uint8Array[], index: number) => fieldNumber(fields[index] ?? new Uint8Array());
const signerOf = (fields: readonly Uint8Array[]): Signer => ({ certificate: fields[0]!, key: fields[1]! });

/** A reply as bytes. */
export function encodeIssueReply(reply: IssueReply): Uint8Array {
  const head = [textField(NAME), textField(reply.kind)];
  switch (reply.kind) {
    case "issued":
      return packFields([...head, ...reply.issued.flatMap(({ certificate, key }) => [certificate, key])]);
    case "asked":
      return packFields([...head, reply.key, reply.request]);
    case "refused":
      return packFields([...head, textField(reply.problem)]);
  }
}

const PROBLEMS: ReadonlySet<string> = new Set<IssueProblem>([
  "request_form",
  "trust_domain",
  "node_name",
  "signer",
  "signer_key",
  "signer_time",
  "proof_of_key",
  "id",
  "id_of_another_domain",
  "id_of_another_node",
  "certificate",
]);

function isIssueProblem(text: string | undefined): text is IssueProblem {
  return text !== undefined && PROBLEMS.has(text);
}

/** The reply, its arrays views of `bytes`, or `undefined` for anything that `encodeIssueReply` does not make. */
export function decodeIssueReply(bytes: Uint8Array): IssueReply | undefined {
  const [name, kind, ...rest] = fieldsOf(bytes);
  if (name === undefined || kind === undefined || fieldText(name) !== NAME) return undefined;
  const [first, second] = rest;
  switch (fieldText(kind)) {
    case "issued": {
      if (rest.length === 0 || rest.length % 2 !== 0 || rest.length > SVIDS_MAX * 2) return undefined;
      const pairs = Array.from({ length: rest.length / 2 }, (_, index) => index * 2);
      return { kind: "issued", issued: pairs.map((at) => ({ certificate: rest[at]!, key: rest[at + 1]! })) };
    }
    case "asked":
      return rest.length === 2 ? { kind: "asked", key: first!, request: second! } : undefined;
    case "refused": {
      const problem = textAt(rest, 0);
      return rest.length === 1 && isIssueProblem(problem) ? { kind: "refused", problem } : undefined;
    }
    default:
      return undefined;
  }
}
