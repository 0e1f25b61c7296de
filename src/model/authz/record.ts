/** Compiled authorization rules as they stand in a snapshot record; plain JSON. Fields that are absent do not constrain. */

export interface SourceRecord {
  /** With `cluster.local` and this site's aliases already expanded to explicit trust domains. */
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  /** `<issuer>/<subject>`; no request carries one yet, so the attribute counts as absent. */
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  /** `<namespace>/<service account>`, already qualified. */
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
}

export interface OperationRecord {
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  readonly ports?: readonly number[];
  readonly notPorts?: readonly number[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
}

export interface ConditionRecord {
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}

export interface PolicyRuleRecord {
  readonly from?: readonly SourceRecord[];
  readonly to?: readonly OperationRecord[];
  readonly when?: readonly ConditionRecord[];
}
