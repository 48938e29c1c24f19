// Compiles the contracts with the pinned solc and writes one artifact per deployable contract.
//
//   node node/l1/contracts/compile.mjs [output directory]
//
// The result depends on the sources and the locked npm packages alone: no metadata hash, no paths, no time.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const solc = require("solc");

const settings = {
  evmVersion: "cancun",
  viaIR: true,
  optimizer: { enabled: true, runs: 200 },
  metadata: { bytecodeHash: "none", appendCBOR: false },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
};
const contracts = {
  Novate: "Novate.sol",
  Committee: "Committee.sol",
  Escape: "Escape.sol",
  Timelock: "Timelock.sol",
  TestToken: "test/TestToken.sol",
  FeeOnTransferToken: "test/FeeOnTransferToken.sol",
  BarringToken: "test/BarringToken.sol",
  CallingToken: "test/CallingToken.sol",
  TestReceiver: "test/TestReceiver.sol",
};
// In the order of their names: the source hash runs over them, and a test lists the directory in the same order.
const sources = [
  "Committee.sol",
  "Escape.sol",
  "ICommittee.sol",
  "IEscape.sol",
  "INovate.sol",
  "Novate.sol",
  "SparseProof.sol",
  "Timelock.sol",
  "Worth.sol",
  "test/BarringToken.sol",
  "test/CallingToken.sol",
  "test/FeeOnTransferToken.sol",
  "test/TestReceiver.sol",
  "test/TestToken.sol",
];

const text = Object.fromEntries(sources.map((name) => [name, readFileSync(join(here, name), "utf8")]));
const digest = createHash("sha256");
for (const name of sources) digest.update(`${name}\0${text[name]}\0`);

const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: Object.fromEntries(Object.entries(text).map(([name, content]) => [name, { content }])),
      settings,
    }),
    { import: (path) => ({ contents: readFileSync(require.resolve(path), "utf8") }) },
  ),
);
// 2394 warns of transient storage in general; its one use here is the library's reentrancy guard, which clears it.
const problems = (output.errors ?? []).filter((problem) => problem.errorCode !== "2394");
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length > 0) process.exit(1); // A warning is an error.

const directory = process.argv[2] ?? join(here, "artifacts");
mkdirSync(directory, { recursive: true });
const library = JSON.parse(readFileSync(require.resolve("@openzeppelin/contracts/package.json"), "utf8")).version;
for (const [name, file] of Object.entries(contracts)) {
  const { abi, evm } = output.contracts[file][name];
  const artifact = {
    contractName: name,
    compiler: {
      solc: solc.version().replace(/\.Emscripten.*/, ""),
      openzeppelin: library,
      evmVersion: settings.evmVersion,
      viaIR: settings.viaIR,
      optimizerRuns: settings.optimizer.runs,
    },
    sourceHash: `0x${digest.copy().digest("hex")}`,
    abi,
    bytecode: `0x${evm.bytecode.object}`,
    deployedBytecode: `0x${evm.deployedBytecode.object}`,
  };
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(artifact, null, 1)}\n`);
  console.log(`${name}: ${evm.deployedBytecode.object.length / 2} bytes`);
}
