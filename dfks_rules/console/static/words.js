// Every sentence, in each language: `[English, German]`. `{name}` is replaced.
import { signal } from "./signal.js";

export const LANGUAGES = { en: "English", de: "Deutsch" };
/** Those of the shell, and of the pages that were opened. @type {Record<string, [string, string]>} */
export const WORDS = {};

/** @param {typeof WORDS} words */
export const learn = (words) => Object.assign(WORDS, words);

const kept = localStorage.getItem("language");
const asked = navigator.languages.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES) || "en";
/** `en` or `de`. */
export const language = signal(kept !== null && kept in LANGUAGES ? kept : asked);

/** @param {string} chosen */
export function choose(chosen) {
  localStorage.setItem("language", chosen);
  language.value = chosen;
}

/** The words for something. @param {string} key @param {Record<string, unknown>} [values] */
export function t(key, values = {}) {
  const pair = WORDS[key];
  if (!pair) throw new Error(`no words for ${key}`);
  return pair[language.value === "de" ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/** The words for something that has a name in `/v1`; the name itself, or what else is given, where there are none.
 * @param {string} key @param {string} name @param {string} [otherwise] */
export const named = (key, name, otherwise = name) => (`${key}.${name}` in WORDS ? t(`${key}.${name}`) : otherwise);
