import type { ResponseFlag } from "./response-flags.ts";

/** What each response flag says happened, and what to look at first; one sentence each, no final period. */
export const FLAG_CAUSES: Readonly<Record<ResponseFlag, string>> = {
  "-": "the mesh found nothing wrong; the answer is the application's own",
  DPE: "the request was malformed or could be read in two ways, so that it was refused before any rule was asked",
  NR: "no service has this name, or none of its routes matches",
  RBAC: "policy refused it",
  CALLS: "the caller's own spec.calls does not name the destination",
  UH: "no endpoint of the destination takes requests: all are down, drained or absent",
  UF: "no connection to the endpoint could be made",
  UC: "the endpoint closed the connection before it had answered",
  UO: "a limit of connections or waiting requests was reached",
  UT: "the endpoint did not answer within the route's time-out",
  UPE: "the endpoint's answer broke the protocol",
  LISTENER_MISMATCH: "the process that listens at the endpoint is not the Workload it is declared to be",
  DC: "the caller closed the connection before the answer was complete",
  DT: "the caller did not finish its request in time",
  NC: "the route leads to a backend that does not exist, or asks for something that this version does not do",
  IH: "a header that the mesh relies on was invalid",
  SI: "the stream was idle for too long",
  OM: "the mesh was short of memory",
};
