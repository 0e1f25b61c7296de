import { nodeAddress } from "../addresses.ts";
import { asWritten, declareKind } from "../kind.ts";
import { object, required } from "../object.ts";

/** A machine of a site with several. */
export const nodeKind = declareKind({
  kind: "Node",
  apiVersions: ["selvedge/v1"],
  doc: "A machine of the site. Only where there are several.",
  nameIsLabel: true,
  spec: object("NodeSpec", {
    address: required(nodeAddress, "Where the other nodes reach its tunnel listener."),
  }),
  toModel: asWritten,
  toFile: asWritten,
});
