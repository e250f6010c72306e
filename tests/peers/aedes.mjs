// An aedes broker in memory on 127.0.0.1: node tests/peers/aedes.mjs PORT, with aedes in NODE_PATH's or the folder's node_modules.
import { createRequire } from "node:module";
import { createServer } from "node:net";

const require = createRequire(process.cwd() + "/");
const found = require("aedes");
const Aedes = found.Aedes ?? found;
const broker = Aedes.createBroker ? await Aedes.createBroker() : new Aedes();
createServer(broker.handle).listen(Number(process.argv[2]), "127.0.0.1");
