// Files to try: a tab for each, with findings under their lines.
import { html, useState } from "../vendor/preact.js";
import { Editor } from "./editor.js";
import { coded } from "./coded.js";
import { Badge } from "./states.js";
import { t } from "../words.js";
import "../words/playground.js";

const NAME = /^(tenants\/[a-z0-9.-]+\/)?[A-Za-z0-9_][A-Za-z0-9_.-]*\.(yaml|yml|csv)$/;

/** @param {{files: {name: string, text: string}[], change: (files: any[]) => void, findings: any[]}} props */
export function Files({ files, change, findings }) {
  const [chosen, choose] = useState(0);
  const [wrong, setWrong] = useState(false);
  const at = Math.min(chosen, files.length - 1);
  const file = files[at];
  const own = findings.filter((one) => one.file === file.name);
  const add = (/** @type {any} */ event) => {
    event.preventDefault();
    const name = String(new FormData(event.target).get("name")).trim();
    const isGood = NAME.test(name) && !files.some((one) => one.name === name) && files.length < 20;
    setWrong(!isGood);
    if (!isGood) return;
    change([...files, { name, text: "" }]);
    choose(files.length);
    event.target.reset();
  };
  const remove = () => {
    change(files.filter((one) => one !== file));
    choose(0);
  };
  return html`<div class="tabs" role="group" aria-label=${t("play.files")}>${files.map((one, number) =>
      html`<button class="mono" aria-pressed=${number === at} onClick=${() => choose(number)}>${one.name}${findings.some((each) => each.file === one.name && each.severity === "error") ? " ✕" : ""}</button>`)}</div>
    <${Editor} key=${file.name} name=${file.name} label=${t("play.editor", { name: file.name })} text=${file.text} findings=${own}
      change=${(/** @type {string} */ text) => change(files.map((one) => (one === file ? { ...one, text } : one)))} />
    <ul class="stack" aria-live="off">${own.slice(0, 20).map((one) => html`<li><${Badge} of=${one.severity === "error" ? "bad" : "warn"}>${t("play.line", { line: one.line })}: ${coded(one.message)}<//></li>`)}</ul>
    <form class="row" onSubmit=${add}>
      <label>${t("play.name")}<input name="name" class="mono" maxlength="200" aria-invalid=${wrong ? "true" : undefined} aria-describedby="name-why" /></label>
      <button>${t("play.add")}</button>
      ${files.length > 1 && html`<button type="button" onClick=${remove}>${t("play.remove", { name: file.name })}</button>`}
    </form>
    <p id="name-why" role="alert" class="bad">${wrong ? t("play.badName") : ""}</p>`;
}
