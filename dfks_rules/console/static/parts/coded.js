// A sentence in which code stands between backticks.
import { html } from "../vendor/preact.js";

/** @param {string} text */
export const coded = (text) => text.split("`").map((part, place) => (place % 2 ? html`<code>${part}</code>` : part));
