/**
 * Envoy's response flags, and our own: why an answer was made by the mesh, or what went wrong with one that was not.
 * The order is part of the stats layout: append only.
 */
export const RESPONSE_FLAGS = [
  "-",
  "DPE",
  "NR",
  "RBAC",
  "CALLS",
  "UH",
  "UF",
  "UC",
  "UO",
  "UT",
  "UPE",
  "LISTENER_MISMATCH",
  "DC",
  "DT",
  "NC",
  "IH",
  "SI",
  "OM",
] as const;

export type ResponseFlag = (typeof RESPONSE_FLAGS)[number];

/** Position of a flag in `RESPONSE_FLAGS`. */
export const FLAG = {
  none: 0,
  DPE: 1,
  NR: 2,
  RBAC: 3,
  CALLS: 4,
  UH: 5,
  UF: 6,
  UC: 7,
  UO: 8,
  UT: 9,
  UPE: 10,
  LISTENER_MISMATCH: 11,
  DC: 12,
  DT: 13,
  NC: 14,
  IH: 15,
  SI: 16,
  OM: 17,
} as const;

export type FlagIndex = (typeof FLAG)[keyof typeof FLAG];
