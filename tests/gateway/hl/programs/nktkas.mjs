// A session with @nktkas/hyperliquid, unmodified, pointed at a node by URL alone. Arguments: URL, secret, secret of another trader.
// Prints one JSON object with everything it saw; what must hold is judged by the test that started it.

import { ExchangeClient, HttpTransport, InfoClient, SubscriptionClient, WebSocketTransport } from "@nktkas/hyperliquid";
import { SymbolConverter } from "@nktkas/hyperliquid/utils";
import { Wallet } from "ethers";
import WebSocket from "ws";

globalThis.WebSocket ??= WebSocket; // Node.js before 22 has none of its own.

const [url, secret, other] = process.argv.slice(2);
const wallet = new Wallet(secret), maker = new Wallet(other);
const user = wallet.address.toLowerCase();
const transport = new HttpTransport({ apiUrl: url, isTestnet: true });
const socket = new WebSocketTransport({ url: url.replace("http", "ws") + "/ws", isTestnet: true });
const info = new InfoClient({ transport });
const subs = new SubscriptionClient({ transport: socket });
const mine = new ExchangeClient({ transport, wallet });
const theirs = new ExchangeClient({ transport, wallet: maker });
const fast = new ExchangeClient({ transport: socket, wallet });
const seen = { "failed reads": [], "failed subscriptions": [], silent: [] };
const timer = setTimeout(() => { console.error("too slow", JSON.stringify(seen)); process.exit(3); }, 80_000);

const order = (b, p, s, tif = "Gtc") => ({ a: 0, b, p, s, r: false, t: { limit: { tif } } });
const place = async (client, ...orders) => (await client.order({ orders, grouping: "na" })).response.data.statuses;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function subscribe() {
  const heard = {};
  const wanted = {
    allMids: [], l2Book: [{ coin: "BTC" }], bbo: [{ coin: "BTC" }], trades: [{ coin: "BTC" }],
    candle: [{ coin: "BTC", interval: "1m" }], activeAssetCtx: [{ coin: "BTC" }], orderUpdates: [{ user }], userEvents: [{ user }],
    userFills: [{ user }], userFundings: [{ user }], userNonFundingLedgerUpdates: [{ user }], userHistoricalOrders: [{ user }],
    userTwapSliceFills: [{ user }], userTwapHistory: [{ user }], clearinghouseState: [{ user }], spotState: [{ user }],
    openOrders: [{ user }], webData3: [{ user }], allDexsAssetCtxs: [], allDexsClearinghouseState: [{ user }], assetCtxs: [],
    fastAssetCtxs: [], spotAssetCtxs: [], twapStates: [{ user }], activeAssetData: [{ user, coin: "BTC" }], notification: [{ user }],
  };
  const open = [];
  for (const [name, given] of Object.entries(wanted)) {
    heard[name] = 0;
    try {
      open.push(await subs[name](...given, () => { heard[name] += 1; }));
    } catch (error) {
      seen["failed subscriptions"].push(`${name}: ${error.message}`);
    }
  }
  return { heard, open };
}

async function read() {
  const now = Date.now(), oid = 1;
  const questions = {
    meta: [], metaAndAssetCtxs: [], allPerpMetas: [], perpDexs: [], spotMeta: [], spotMetaAndAssetCtxs: [], outcomeMeta: [], allMids: [],
    l2Book: [{ coin: "BTC" }], recentTrades: [{ coin: "BTC" }], candleSnapshot: [{ coin: "BTC", interval: "3m", startTime: now - 3_600_000 }],
    fundingHistory: [{ coin: "BTC", startTime: 0 }], predictedFundings: [], marginTable: [{ id: 1001 }], exchangeStatus: [],
    perpsAtOpenInterestCap: [], clearinghouseState: [{ user }], spotClearinghouseState: [{ user }], openOrders: [{ user }],
    frontendOpenOrders: [{ user }], orderStatus: [{ user, oid }], historicalOrders: [{ user }], userFills: [{ user }],
    userFillsByTime: [{ user, startTime: 0 }], userFunding: [{ user }], userNonFundingLedgerUpdates: [{ user }], userFees: [{ user }],
    userRateLimit: [{ user }], portfolio: [{ user }], subAccounts: [{ user }], subAccounts2: [{ user }], userVaultEquities: [{ user }],
    vaultDetails: [{ vaultAddress: user }], extraAgents: [{ user }], userRole: [{ user }], maxBuilderFee: [{ user, builder: user }],
    userAbstraction: [{ user }], activeAssetData: [{ user, coin: "BTC" }], referral: [{ user }], userTwapSliceFills: [{ user }],
    twapHistory: [{ user }], webData2: [{ user }], legalCheck: [{ user }], isVip: [{ user }], leadingVaults: [{ user }],
    approvedBuilders: [{ user }], delegations: [{ user }], delegatorSummary: [{ user }], userDexAbstraction: [{ user }],
    maxMarketOrderNtls: [], vaultSummaries: [], liquidatable: [], perpCategories: [], perpConciseAnnotations: [],
  };
  for (const [name, given] of Object.entries(questions)) {
    try {
      await info[name](...given);
    } catch (error) {
      seen["failed reads"].push(`${name}: ${error.message}`);
    }
  }
}

const symbols = await SymbolConverter.create({ transport });
Object.assign(seen, { btc: symbols.getAssetId("BTC"), eth: symbols.getAssetId("ETH"), decimals: symbols.getSzDecimals("BTC") });
const { heard, open } = await subscribe();
const [placed] = await place(mine, order(true, "59000", "0.01"));
seen.placed = placed;
seen.modified = await mine.modify({ oid: placed.resting.oid, order: order(true, "59100", "0.02") });
const [left] = await info.openOrders({ user });
seen.cancelled = (await mine.cancel({ cancels: [{ a: 0, o: left.oid }] })).response.data.statuses;
await place(theirs, order(false, "60100", "0.05"));
const [{ filled }] = await place(mine, order(true, "60100", "0.01", "Ioc"));
seen.filled = filled;
seen["over the socket"] = Object.keys((await place(fast, order(true, "59000", "0.01")))[0])[0];
seen.sent = await mine.usdSend({ destination: maker.address, amount: "1.5" });
try {
  await place(mine, order(true, "59000.55", "0.01"));
  seen.refused = "none";
} catch (error) {
  seen.refused = error.message;
}
await place(mine, order(false, "59500", "0.01")); // Meets its own bid's side only: rests or trades, and is told.
await read();
await pause(3_000);
const optional = ["userFundings", "notification"];
seen.silent = Object.keys(heard).filter((name) => !heard[name] && !optional.includes(name));
for (const subscription of open) await subscription.unsubscribe();
clearTimeout(timer);
console.log(JSON.stringify(seen));
process.exit(0);
