/** `orders` on till-2, which `web`, the user that runs the tests, may call: the documents of the smallest shop on two nodes. */

/**
 * @param webPlace where `web` is: a field of its Workload, `node: till-1` or `nodes: all`
 * @param port of the origin behind `orders`, on loopback
 */
export const shopOnNodes = (webPlace: string, port: number): string => `---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: orders, namespace: prod, labels: { app: orders } }
spec: { node: till-2, address: 127.0.0.1, ports: { http: ${port} } }
---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: web, namespace: prod }
spec: { ${webPlace}, selectors: [["unix:uid:${process.getuid?.() ?? 0}"]] }
---
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: prod }
spec: { selector: { app: orders }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: orders, namespace: prod }
spec: { selector: { matchLabels: { app: orders } }, rules: [{ from: [{ source: { serviceAccounts: [web] } }] }] }
`;
