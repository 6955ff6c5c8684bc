// Delivers calls with Segment's SDK for Node: a line of JSON each, {kind, call}, or {settle: true},
// which is answered once every call is settled: {failed: [...]}.
import { createInterface } from "node:readline";
import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ host, writeKey, flushAt: 10, flushInterval: 100, maxRetries: 50 });
const settled = [];

function deliver({ kind, call }) {
  const one = new Promise((resolve) => analytics[kind](call, (error) => resolve(error)));
  settled.push(one);
}

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  if (asked.settle) {
    const failed = (await Promise.all(settled)).filter(Boolean).map(String);
    console.log(JSON.stringify({ failed }));
  } else {
    deliver(asked);
  }
}
await analytics.closeAndFlush();
