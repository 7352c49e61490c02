// Light, dark, or as the system is.
import { effect, signal } from "./vendor/preact.js";

export const THEMES = ["system", "light", "dark"];
const kept = localStorage.getItem("theme") || "system";
export const theme = signal(THEMES.includes(kept) ? kept : "system");
effect(() => {
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem("theme", theme.value);
});
