import { html } from "../vendor/preact.js";
import { t } from "../words.js";

export const Page = () => html`<h1>${t("page.policies")}</h1>`;
