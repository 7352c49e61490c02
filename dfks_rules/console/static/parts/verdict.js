// What the files decide, why, and how that differs from what is in force.
import { html, useState } from "../vendor/preact.js";
import { ask } from "../api.js";
import { Act, useAgain } from "./act.js";
import { answer } from "./answer.js";
import { Explanation } from "./explanation.js";
import { Loading, why } from "./states.js";
import { t } from "../words.js";
import "../words/playground.js";

/** @param {{of: any, files: any[]}} props */
export function Verdict({ of: { evaluated, active, problem }, files }) {
  const [tested, setTested] = useState(/** @type {any} */ (null));
  const [compared, setCompared] = useState(/** @type {any} */ (null));
  const test = async (/** @type {AbortSignal} */ signal) => {
    const { body } = await ask("POST", "/v1/policies/test", { body: { files }, signal });
    setTested({ Part: (await import("./tested.js")).Tested, of: body });
  };
  useAgain(tested, test);
  const compare = async (/** @type {AbortSignal} */ signal) => {
    const { body } = await ask("POST", "/v1/policies/diff", { body: { new: files }, signal });
    setCompared({ Part: (await import("./meaning.js")).Meaning, of: body });
  };
  const isSame = evaluated && active && JSON.stringify(evaluated.decision) === JSON.stringify(active.decision);
  return html`<h2>${t("play.result")}</h2>
    ${problem ? html`<p class="bad" role="status">${why(problem)}</p>` : !evaluated ? html`<${Loading} />` : html`
      <p role="status"><strong>${answer(evaluated.decision)}</strong></p>
      ${active && html`<p>${t("play.against")}: ${isSame ? t("play.same") : answer(active.decision)}</p>`}
      <${Explanation} of=${evaluated} />`}
    <p class="row"><${Act} label=${t("play.cases")} run=${test} /><${Act} label=${t("play.diff")} run=${compare} /></p>
    ${[tested, compared].map((one) => one && html`<${one.Part} of=${one.of} />`)}`;
}
