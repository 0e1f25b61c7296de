/** Whether a stream that is open may go on under the snapshot that is served now. What is not known any more may not. */
import { checkCalls } from "../../model/authz/calls.ts";
import { authorize } from "../../model/authz/permit.ts";
import type { PolicySet } from "../../model/authz/policy-set.ts";
import type { CallerIdentity } from "../caller.ts";
import type { HeldRequest } from "../exchange/held-request.ts";
import { passthroughFor } from "../exchange/passthrough-for.ts";
import type { RequestOrigin } from "../exchange/request-origin.ts";
import type { Destination, Target } from "../mesh/destination.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { permits } from "./judge-stream.ts";

const PERMITTED = { allowed: true } as const;

/** A TCP stream to `target`, for which `parent` had been asked under the snapshot it was opened by. */
export function mayStreamGoOn(mesh: Mesh, caller: CallerIdentity, parent: Destination, target: Target): boolean {
  const now = destinationNow(mesh, caller, parent);
  const policies = policiesNow(mesh, target);
  if (!now || policies === undefined) return false;
  return permits(mesh, caller, now, { ...target, policies }).allowed;
}

/** What a request became after a 101. `origin` has been refreshed. */
export function mayUpgradeGoOn(mesh: Mesh, origin: RequestOrigin, held: HeldRequest, target: Target): boolean {
  const policies = policiesNow(mesh, target);
  if (policies === undefined) return false;
  if (target.port.kind === "external") return mayStreamGoOn(mesh, origin.caller, target.port, target);
  const { serviceKey, asReceived, asForwarded } = held;
  const service = serviceKey === null ? null : mesh.service(serviceKey);
  if (service === undefined) return false;
  asReceived.caller = origin.caller.facts;
  const verdict = authorize({
    calls: serviceKey === null ? PERMITTED : checkCalls(origin.caller.workload.record.calls, { serviceKey }),
    service: (service ? service.policies : origin.gatewayPolicies) ?? undefined,
    workload: policies,
    asReceived,
    asForwarded,
  });
  return verdict.allowed;
}

/** The same destination in the snapshot that is served now; `null`: it is not there any more. */
function destinationNow(mesh: Mesh, caller: CallerIdentity, parent: Destination): Destination | null {
  if (parent.kind === "service") {
    return mesh.service(parent.service.record.key)?.portFor(parent.record.port) ?? null;
  }
  if (parent.record) return mesh.externalPort(parent.record.key, parent.host, parent.port);
  const host = parent.host.includes(":") ? `[${parent.host}]` : parent.host;
  return passthroughFor(mesh, caller, `${host}:${parent.port}`, parent.port) ? parent : null;
}

/** The policies that hold now for the workload behind a target; `null` outside the mesh, `undefined`: the workload is gone. */
function policiesNow(mesh: Mesh, target: Target): PolicySet | null | undefined {
  if (target.endpoint.workload === "") return null;
  const workload = mesh.workload(target.endpoint.workload);
  return workload && mesh.policySet(workload.record.policies, true);
}
