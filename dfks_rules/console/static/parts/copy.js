// A button that copies the address of what is seen.
import { html, useState } from "../vendor/preact.js";
import { t } from "../words.js";

/** @param {{text?: () => string, children?: any}} props */
export function Copy({ text = () => location.href, children }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text());
    setDone(true);
    window.setTimeout(() => setDone(false), 2000);
  };
  return html`<button onClick=${copy}>${children || t("do.copyLink")}<span role="status">${done ? ` ✓ ${t("do.copied")}` : ""}</span></button>`;
}
