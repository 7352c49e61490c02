// Cases and proofs of a revision: run when somebody asks, since they take a while.
import { html, useState } from "../vendor/preact.js";
import { ask } from "../api.js";
import { Act, useAgain } from "./act.js";
import { t } from "../words.js";
import "../words/policies.js";
import "../words/rules.js";

/** @param {{revision: string}} props */
export function Cases({ revision }) {
  const [shown, show] = useState(/** @type {any} */ (null));
  const run = async (/** @type {AbortSignal} */ signal) => {
    const { body } = await ask("POST", "/v1/policies/test", { body: { revision }, signal });
    show({ Part: (await import("./tested.js")).Tested, of: body });
  };
  useAgain(shown, run);
  return html`<p><${Act} label=${t("policies.run")} run=${run} /></p>${shown && html`<${shown.Part} of=${shown.of} />`}`;
}

/** @param {{revision: string}} props */
export function Proofs({ revision }) {
  const [shown, show] = useState(/** @type {any} */ (null));
  const run = async (/** @type {AbortSignal} */ signal) => {
    const { body } = await ask("POST", "/v1/policies/prove", { body: { revision }, signal });
    show({ Part: (await import("./tested.js")).Tried, of: body });
  };
  useAgain(shown, run);
  return html`<p><${Act} label=${t("proofs.run")} run=${run} /></p>${shown && html`<${shown.Part} of=${shown.of} />`}`;
}
