// A state in words: "on to +4930…, 4 rings".
import { t } from "../words.js";
import "../words/state.js";

/** @param {Record<string, any> | null} state */
export function stateText(state) {
  if (!state) return t("state.untold");
  const { status, ...values } = state;
  const isOn = status === "on" || status === 1;
  const more = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const told = more.map(([name, value]) => (name === "forwardTo" ? `→ ${value}` : t(`value.${name}`, { value })));
  return [isOn ? t("word.on") : t("word.off"), ...told].join(", ").replace(", →", " →");
}
