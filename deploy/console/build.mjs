// Makes dfks_rules/console/static/vendor from the packages of package-lock.json; `--check`: only looks whether
// it is what they make.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const VENDOR = join(HERE, "../../dfks_rules/console/static/vendor");
const ENTRIES = ["preact.js", "editor.js"];

/** @type {Record<string, string>} */
const made = {};
/** @type {any[]} */
const listed = [];
/** @type {Map<string, string>} */
const licences = new Map();
for (const entry of ENTRIES) {
  const result = await build({
    entryPoints: [join(HERE, entry)], bundle: true, format: "esm", minify: true, target: "es2022",
    legalComments: "none", write: false, metafile: true, absWorkingDir: HERE,
  });
  const text = result.outputFiles[0].text;
  const folders = new Set(Object.keys(result.metafile.inputs).flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) || []));
  const packages = [...folders].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(HERE, folder, "package.json"), "utf8"));
    licences.set(`${name} ${version}`, readFileSync(join(HERE, folder, "LICENSE"), "utf8").trim());
    return { name, version, license };
  });
  made[entry] = text;
  listed.push({ file: entry, sha256: createHash("sha256").update(text).digest("hex"), packages });
}
made["vendor.json"] = `${JSON.stringify(listed, null, 1)}\n`;
made["LICENSES.txt"] = [...licences].sort().map(([name, text]) => `${name}\n\n${text}\n`).join(`\n${"-".repeat(80)}\n\n`);

let differs = false;
for (const [name, text] of Object.entries(made)) {
  const path = join(VENDOR, name);
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error(`${relative(join(HERE, "../.."), path)} is not what the packages of package-lock.json make; run \`make console-vendor\``);
    differs = true;
  }
}
process.exitCode = differs ? 1 : 0;
