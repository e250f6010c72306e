// An edge node of npm's sparkplug-client on 127.0.0.1: node tests/peers/sparkplug.mjs PORT COUNT START_MS, in a folder that
// has it in node_modules. It sends births, COUNT values one by one, COUNT in one message, and COUNT compressed; then it ends.
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const found = require("sparkplug-client");
const newClient = found.newClient ?? found.default.newClient;
const [port, count, start] = process.argv.slice(2).map(Number);
const metric = (number) => ({ name: "main/energy", type: "Double", value: 1000 + number, timestamp: start + number * 60_000 });
const client = newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: "", password: "", groupId: "BMA", edgeNode: "edge-1",
  clientId: "npm-edge-1", version: "spBv1.0", publishDeath: false,
});
let hasBegun = false;
client.on("birth", () => {
  client.publishNodeBirth({ timestamp: start, metrics: [{ name: "Node Control/Rebirth", type: "Boolean", value: false }] });
  client.publishDeviceBirth("panel", { timestamp: start, metrics: [metric(0)] });
  if (hasBegun) return;
  hasBegun = true;
  for (let number = 1; number <= count; number++) {
    client.publishDeviceData("panel", { timestamp: start + number * 60_000, metrics: [metric(number)] });
  }
  const numbers = (first) => Array.from({ length: count }, (_, at) => metric(first + at));
  client.publishDeviceData("panel", { timestamp: start, metrics: numbers(count + 1) });
  client.publishDeviceData("panel", { timestamp: start, metrics: numbers(2 * count + 1) }, { compress: true, algorithm: "GZIP" });
  client.publishDeviceData("panel", { timestamp: start, metrics: numbers(3 * count + 1) }, { compress: true });
  setTimeout(() => { client.stop(); setTimeout(() => process.exit(0), 500); }, 3000);
});
client.on("error", (error) => { console.error(error); process.exit(1); });
