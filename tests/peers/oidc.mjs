// npm's oidc-provider on 127.0.0.1: node tests/peers/oidc.mjs PORT SETTINGS, from a folder whose node_modules has it.
// SETTINGS, a JSON file: client, people (by number) and the keys that it signs with. One signs in there by one's number.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { Provider } = await import(pathToFileURL(`${process.cwd()}/node_modules/oidc-provider/lib/index.js`).href);
const port = Number(process.argv[2]);
const { client, people, jwks } = JSON.parse(readFileSync(process.argv[3], "utf8"));

new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  jwks,
  clientAuthMethods: [client.token_endpoint_auth_method],
  claims: { openid: ["sub"], profile: ["name", "preferred_username", "groups"] },
  features: { backchannelLogout: { enabled: true } },
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options), // its own refuses 127.0.0.1
  cookies: { keys: ["of this test alone"] },
  findAccount: (_context, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
}).listen(port, "127.0.0.1");
