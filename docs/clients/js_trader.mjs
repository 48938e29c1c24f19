// A trader in JavaScript, written from docs/PROTOCOL.md alone: connect, sign, place, amend, cancel, look at the account, follow a stream.
//
//     npm install ethers @msgpack/msgpack          (in a checkout: npm ci --ignore-scripts)
//     node js_trader.mjs ws://127.0.0.1:8080/v1/ws 0xPRIVATE_KEY BTC-PERPETUAL
//
// Without a key it uses the first account of the public development mnemonic, which is worth nothing outside a devnet.

import { decode, encode } from "@msgpack/msgpack";
import { Wallet, getBytes, hexlify } from "ethers";

const Socket = globalThis.WebSocket ?? (await import("ws")).WebSocket; // Built in from Node.js 22 on; before that, ws comes with ethers.

const DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const [url = "ws://127.0.0.1:8080/v1/ws", secret = DEVELOPMENT_KEY, marketName = "BTC-PERPETUAL"] = process.argv.slice(2);

// Section 4: kinds, fields and EIP-712 types. A client id travels as 16 bytes; what is signed is the number.
const ORDER = [
  ["market", "uint16"], ["side", "uint8"], ["orderType", "uint8"], ["timeInForce", "uint8"], ["price", "uint64"],
  ["size", "uint64"], ["reduceOnly", "bool"], ["clientId", "uint128"], ["selfTrade", "uint8"],
  ["goodTil", "uint64"],
];
const ACTIONS = {
  PlaceOrder: { kind: 1, fields: [["order", "Order"]] },
  CancelOrder: { kind: 3, fields: [["orderId", "uint64"]] },
  AmendOrder: { kind: 6, fields: [["orderId", "uint64"], ["clientId", "uint128"], ["price", "uint64"], ["size", "uint64"]] },
};
const HEAD = [["account", "address"], ["nonce", "uint64"], ["expiresAfter", "uint64"]];
const ACTION = 1, QUERY = 2, SUBSCRIBE = 3, HELLO = 64, ACK = 65, REFUSAL = 66, EVENT = 68, CLOSING = 70, SNAPSHOT = 71;
const BUY = 0, LIMIT = 0, POST_ONLY = 3, EXPIRE_MAKER = 0;
const [RESTING, , CANCELLED] = [0, 1, 2];

const typed = (fields) => fields.map(([name, type]) => ({ name, type }));

// Section 3: msgpack in its shortest form. This library writes a BigInt in eight bytes whatever its value, and (with `useBigInt64`) a number
// from 2^32 up as a float: so each integer gets the type that is written right.
const integer = (value) => (BigInt(value) < 2n ** 32n ? Number(value) : BigInt(value));
const pack = (value) => encode(value, { useBigInt64: true });

function wire(value, type) {
  if (type === "address") return getBytes(value);
  if (type === "uint128") return getBytes("0x" + value.toString(16).padStart(32, "0"));
  if (type === "Order") return ORDER.map(([name, part]) => wire(value[name], part));
  if (type === "bool") return value;
  return integer(value);
}

class Trader {
  #waiting = new Map(); // Correlation id -> promise of the one answer.
  #streams = new Map(); // Subscription id -> what takes its events.
  #lastId = 0;
  #lastNonce = 0;

  constructor(address, privateKey) {
    this.wallet = new Wallet(privateKey);
    this.socket = new Socket(address);
    this.socket.binaryType = "arraybuffer";
    this.hello = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve, reject });
      this.socket.onmessage = (message) => this.#take(decode(new Uint8Array(message.data), { useBigInt64: true }).map(small));
      this.socket.onclose = () => {
        for (const { reject: fail } of this.#waiting.values()) fail(new Error("the connection ended before the answer"));
      };
    });
  }

  #take(frame) {
    const [kind, id] = [frame[0], frame[1]];
    if (kind === EVENT) return void this.#streams.get(id)?.(frame);
    if (kind === CLOSING) return void console.error(`node: ${frame[3]} ${frame[4]}`);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (kind === HELLO) waiting.resolve(frame[2]);
    else if (kind === REFUSAL) waiting.reject(new Error(`${frame[3]} ${frame[4]}: ${frame[5]} ${frame[6]}`));
    else waiting.resolve(frame);
  }

  #ask(kind, ...rest) {
    const id = (this.#lastId += 1);
    this.socket.send(pack([kind, id, ...rest]));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  async query(name, ...params) {
    return (await this.#ask(QUERY, name, params))[3];
  }

  // Section 8: the answer is a snapshot (or, where one resumes, a reply); events follow under the same id.
  async subscribe(stream, params, after, onEvent) {
    this.#streams.set(this.#lastId + 1, onEvent);
    const answer = await this.#ask(SUBSCRIBE, stream, params, integer(after));
    return answer[0] === SNAPSHOT ? answer[6] : null;
  }

  // Section 4: canonical bytes are what travels, the EIP-712 digest is what is signed.
  async act(name, values) {
    const { kind, fields } = ACTIONS[name];
    const facts = await this.hello;
    this.#lastNonce = Math.max(this.#lastNonce + 1, Date.now());
    const message = { account: this.wallet.address, nonce: this.#lastNonce, expiresAfter: Date.now() + 60_000, ...values };
    const all = [...HEAD, ...fields];
    const types = { [name]: typed(all), ...(name === "PlaceOrder" && { Order: typed(ORDER) }) };
    const domain = {
      name: facts.domain_name, version: facts.domain_version, chainId: facts.chain_id, verifyingContract: hexlify(facts.contract),
    };
    const signature = getBytes(await this.wallet.signTypedData(domain, types, message));
    const action = pack([kind, ...all.map(([field, type]) => wire(message[field], type))]);
    const answer = await this.#ask(ACTION, action, signature);
    if (answer[0] !== ACK) throw new Error(`frame kind ${answer[0]} where an ACK was due`);
    const [code, order, state, filled, remaining] = answer[4][0];
    if (code) throw new Error(`refused with ${code}`);
    return { seq: answer[2], order, state, filled, remaining };
  }
}

// Decoded 64-bit integers are BigInts; those that a number holds exactly become numbers, here and in everything nested.
function small(value) {
  if (typeof value === "bigint") return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : value;
  if (value instanceof Uint8Array || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(small);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, small(item)]));
}

// Section 9: at most five significant figures, unless it is whole USDC.
function onTick(price) {
  const excess = Math.max(String(price).length - 5, 0);
  return Math.floor(price / 10 ** excess) * 10 ** excess;
}

function expect(holds, what) {
  if (!holds) throw new Error(`expected: ${what}`);
}

async function main() {
  const trader = new Trader(url, secret);
  const { network, chain_id: chain } = await trader.hello;
  const market = await trader.query("market", marketName);
  const me = getBytes(trader.wallet.address);
  const events = [];
  await trader.subscribe("orders", [me], 0, (frame) => events.push(...frame[5]));

  // Five percent below the mark, so that it rests; worth twenty times the least that an order may be worth.
  const price = onTick(Math.floor(market.mark * 0.95));
  const size = Math.max(Math.ceil((20 * market.minimum_notional) / price), 2);
  const clientId = BigInt(Date.now());
  const order = {
    market: market.id, side: BUY, orderType: LIMIT, timeInForce: POST_ONLY, price, size, reduceOnly: false, clientId, selfTrade: EXPIRE_MAKER,
    goodTil: 0,
  };
  const placed = await trader.act("PlaceOrder", { order });
  expect(placed.state === RESTING && placed.remaining === size, "the order rests");
  const lower = onTick(Math.floor(price * 0.99));
  const amended = await trader.act("AmendOrder", { orderId: placed.order, clientId: 0n, price: lower, size: size - 1 });
  expect(amended.order === placed.order && amended.remaining === size - 1, "the amended order keeps its id");
  const open = await trader.query("orders", me, market.id);
  expect(open.some((row) => row.id === placed.order && row.price === lower && String(row.client_id) === String(clientId)), "the node shows it");
  const cancelled = await trader.act("CancelOrder", { orderId: placed.order });
  expect(cancelled.state === CANCELLED, "the order is cancelled");
  const account = await trader.query("account", me);
  await trader.query("status"); // Answers come in order: the stream's events are here by now.
  expect(events.at(-1)?.id === placed.order && events.at(-1).status === 2, "the stream told its end");

  // One JSON object, so that a program can read it.
  const result = { network, chain, market: market.name, order: placed.order, seqs: [placed.seq, amended.seq, cancelled.seq], equity: String(account.equity) };
  console.log(JSON.stringify(result));
  trader.socket.close();
}

await main();
