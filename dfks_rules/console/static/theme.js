// Light, dark, or as the system is.
import { signal } from "./signal.js";

export const THEMES = ["system", "light", "dark"];
const kept = localStorage.getItem("theme") || "system";
export const theme = signal("");

/** @param {string} name */
export function dress(name) {
  theme.value = THEMES.includes(name) ? name : "system";
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem("theme", theme.value);
}
dress(kept);
