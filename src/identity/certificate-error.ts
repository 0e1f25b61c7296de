/** Why bytes are no certificate that we judge; stable words, for audit and metrics. */
export type CertificateProblem =
  | "certificate_too_large"
  | "der_truncated"
  | "der_trailing"
  | "der_tag"
  | "der_length"
  | "der_boolean"
  | "der_integer"
  | "der_oid"
  | "der_bit_string"
  | "der_time"
  | "der_default"
  | "version"
  | "serial"
  | "signature_algorithm"
  | "signature_form"
  | "name_form"
  | "validity"
  | "public_key"
  | "unique_id"
  | "extension_repeated"
  | "extension_count"
  | "extension_critical"
  | "extension_form"
  | "san_empty"
  | "san_count"
  | "san_byte"
  | "san_repeated"
  | "constraint_form"
  | "constraint_kind";

/** The only thing that reading a certificate throws. */
export class CertificateError extends Error {
  readonly problem: CertificateProblem;

  constructor(problem: CertificateProblem) {
    super(`not a certificate that can be judged: ${problem}`);
    this.name = "CertificateError";
    this.problem = problem;
  }
}
