// A state in words: "on to +4930…, 4 rings".
import { named, t, WORDS } from "../words.js";
import "../words/state.js";

/** @param {Record<string, any> | null} state */
export function stateText(state) {
  if (!state) return t("state.untold");
  const { status, ...values } = state;
  const isOn = status === "on" || status === 1;
  const more = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const told = more.map(([name, value]) => {
    if (name === "forwardTo") return `→ ${value}`;
    return `value.${name}` in WORDS ? t(`value.${name}`, { value: name === "state" ? named("agent", value) : value }) : `${name} ${value}`;
  });
  return [isOn ? t("word.on") : t("word.off"), ...told].join(", ").replace(", →", " →");
}
