/**
 * Making certificates. Loaded by the issuing child alone: the library takes some 20 MB that a keeper must not hold.
 * Whatever is made is read by our own strict reader before anybody sees it.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { parseSpiffeId, type SpiffeId, spiffeSubject, trustDomainId, trustDomainProblem } from "../model/spiffe-id.ts";
import { buildCertificate } from "./build-certificate.ts";
import { type Certificate, isSignedBy, keyHashOf, readCertificate } from "./certificate.ts";
import { CertificateError } from "./certificate-error.ts";
import type { IssuedCertificate, IssueProblem, IssueReply, IssueRequest, Signer } from "./issue-protocol.ts";
import { CHALLENGE_BYTES, makeIssuerRequest, readIssuerRequest } from "./issuer-request.ts";
import { BACKDATE_MS, ISSUER_LIFE_MS, ROOT_LIFE_MS, SVID_LIFE_MS } from "./lifetimes.ts";
import { ISSUER_ORGANIZATION, isNodeName, nodeServerName, ROOT_ORGANIZATION } from "./node-names.ts";
import { judgeIssuer, rootProblem } from "./profile.ts";

const SVID_ORGANIZATION = "Selvedge";

class IssueError extends Error {
  readonly problem: IssueProblem;
  constructor(problem: IssueProblem) {
    super(`not issued: ${problem}`);
    this.problem = problem;
  }
}

function refuse(problem: IssueProblem): never {
  throw new IssueError(problem);
}

/** Does what is asked. Refusals are replies; rejects only where the library or this program is at fault. */
export async function performIssue(request: IssueRequest): Promise<IssueReply> {
  try {
    return await perform(request);
  } catch (error) {
    if (error instanceof IssueError) return { kind: "refused", problem: error.problem };
    throw error;
  }
}

async function perform(request: IssueRequest): Promise<IssueReply> {
  switch (request.kind) {
    case "root":
      return { kind: "issued", issued: [await makeRoot(request.trustDomain, request.nowMs)] };
    case "issuer": {
      const pair = generatePair();
      const certificate = await signIssuer(
        openSigner(request.signer, request.nowMs),
        request.node,
        pair.spki,
        request.nowMs,
      );
      return { kind: "issued", issued: [{ certificate, key: exportKey(pair.privateKey) }] };
    }
    case "ask": {
      if (!isNodeName(request.node)) refuse("node_name");
      if (request.challenge.length !== CHALLENGE_BYTES) refuse("request_form");
      if (trustDomainProblem(request.trustDomain) !== undefined) refuse("trust_domain");
      const { privateKey } = generatePair();
      return { kind: "asked", key: exportKey(privateKey), request: makeIssuerRequest(request, privateKey) };
    }
    case "sign": {
      const signer = openSigner(request.signer, request.nowMs);
      const { node, challenge } = request;
      if (challenge.length !== CHALLENGE_BYTES) refuse("request_form");
      const binding = { trustDomain: signer.trustDomain, node, challenge };
      const spki = readIssuerRequest(binding, request.request) ?? refuse("proof_of_key");
      return {
        kind: "issued",
        issued: [{ certificate: await signIssuer(signer, node, spki, request.nowMs), key: new Uint8Array() }],
      };
    }
    case "svids":
      return { kind: "issued", issued: await makeSvids(request.signer, request.ids, request.nowMs) };
  }
}

interface Pair {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
}

function generatePair(): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return { privateKey, spki: new Uint8Array(publicKey.export({ type: "spki", format: "der" })) };
}

function exportKey(privateKey: KeyObject): Uint8Array {
  return new Uint8Array(privateKey.export({ type: "pkcs8", format: "der" }));
}

/** A signing certificate that was read and fits its key. */
interface OpenSigner {
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  readonly trustDomain: string;
}

function openSigner({ certificate: der, key }: Signer, nowMs: number): OpenSigner {
  const certificate = read(der, "signer");
  const id = parseSpiffeId(certificate.names?.list.find((name) => name.kind === "uri")?.text ?? "");
  if (typeof id === "string" || id.path !== "" || certificate.basic?.isCa !== true) refuse("signer");
  if (!(nowMs >= certificate.notBeforeMs && nowMs <= certificate.notAfterMs)) refuse("signer_time");
  const privateKey = importKey(key);
  const spki = new Uint8Array(createPublicKey(privateKey).export({ type: "spki", format: "der" }));
  if (keyHashOf(spki) !== certificate.keyHash) refuse("signer_key");
  return { certificate, privateKey, trustDomain: id.trustDomain };
}

function importKey(pkcs8: Uint8Array): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  } catch {
    return refuse("signer_key");
  }
}

function read(der: Uint8Array, problem: IssueProblem): Certificate {
  try {
    return readCertificate(der);
  } catch (error) {
    if (error instanceof CertificateError) refuse(problem);
    throw error;
  }
}

async function makeRoot(trustDomain: string, nowMs: number): Promise<IssuedCertificate> {
  if (trustDomainProblem(trustDomain) !== undefined) refuse("trust_domain");
  const { privateKey, spki } = generatePair();
  const der = await buildCertificate({
    role: "root",
    spki,
    // The key's name is in the subject, so that two roots of one site are told apart while changing.
    subject: { organization: ROOT_ORGANIZATION, commonName: keyHashOf(spki).slice(0, 16) },
    id: trustDomainId(trustDomain),
    validity: { fromMs: nowMs - BACKDATE_MS, toMs: nowMs + ROOT_LIFE_MS },
    privateKey,
  });
  if (rootProblem(read(der, "certificate"), trustDomain) !== undefined) refuse("certificate");
  return { certificate: der, key: exportKey(privateKey) };
}

async function signIssuer(root: OpenSigner, node: string, spki: Uint8Array, nowMs: number): Promise<Uint8Array> {
  const { trustDomain } = root;
  if (!isNodeName(node)) refuse("node_name");
  if (rootProblem(root.certificate, trustDomain) !== undefined) refuse("signer");
  const der = await buildCertificate({
    role: "issuer",
    spki,
    subject: { organization: ISSUER_ORGANIZATION, commonName: node },
    id: trustDomainId(trustDomain),
    validity: { fromMs: nowMs - BACKDATE_MS, toMs: Math.min(nowMs + ISSUER_LIFE_MS, root.certificate.notAfterMs) },
    privateKey: root.privateKey,
    issuer: root.certificate,
  });
  const judged = judgeIssuer(read(der, "certificate"), trustDomain);
  return typeof judged !== "string" && judged.node === node ? der : refuse("certificate");
}

async function makeSvids(from: Signer, ids: readonly string[], nowMs: number): Promise<IssuedCertificate[]> {
  const issuer = openSigner(from, nowMs);
  const judged = judgeIssuer(issuer.certificate, issuer.trustDomain);
  if (typeof judged === "string") refuse("signer");
  const wanted = ids.map((text) => judgeId(text, issuer.trustDomain, judged.node));
  const issued: IssuedCertificate[] = [];
  for (const id of wanted) {
    // A new key each time: what was stolen with an old one ends with it.
    const { privateKey, spki } = generatePair();
    issued.push({ certificate: await signSvid(issuer, id, spki, nowMs), key: exportKey(privateKey) });
  }
  return issued;
}

function judgeId(text: string, trustDomain: string, node: string): SpiffeId {
  const id = parseSpiffeId(text);
  if (typeof id === "string") refuse("id");
  if (id.trustDomain !== trustDomain) refuse("id_of_another_domain");
  const subject = spiffeSubject(id);
  if (subject.kind !== "node" && subject.kind !== "workload") refuse("id");
  if (subject.kind === "node" && subject.name !== node) refuse("id_of_another_node");
  return id;
}

async function signSvid(issuer: OpenSigner, id: SpiffeId, spki: Uint8Array, nowMs: number): Promise<Uint8Array> {
  const subject = spiffeSubject(id);
  const der = await buildCertificate({
    role: "svid",
    spki,
    subject: { organization: SVID_ORGANIZATION },
    id,
    dnsNames: subject.kind === "node" ? [nodeServerName(id.trustDomain, subject.name)] : [],
    validity: { fromMs: nowMs - BACKDATE_MS, toMs: Math.min(nowMs + SVID_LIFE_MS, issuer.certificate.notAfterMs) },
    privateKey: issuer.privateKey,
    issuer: issuer.certificate,
  });
  return isSignedBy(read(der, "certificate"), issuer.certificate) ? der : refuse("certificate");
}
