// Numbers and times as the reader's language writes them.
import { language } from "./words.js";

/** @type {Map<string, any>} */
const made = new Map();
/** One of `Intl`: making it takes longer than all that it does for a page.
 * @template {"NumberFormat" | "DateTimeFormat"} K @param {K} kind @param {object} options @returns {ReturnType<typeof Intl[K]>} */
export function format(kind, options) {
  const key = `${kind} ${language.value} ${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new /** @type {any} */ (Intl)[kind](language.value, options));
  return made.get(key);
}

/** @param {number | null | undefined} value @param {number} [digits] */
export function number(value, digits = 0) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return format("NumberFormat", { maximumFractionDigits: digits }).format(value);
}

/** The time of day; with the date if that is another one. @param {string | number | Date} at */
export function time(at) {
  const then = new Date(at);
  const isToday = then.toDateString() === new Date().toDateString();
  /** @type {Intl.DateTimeFormatOptions} */
  const day = isToday ? {} : { year: "numeric", month: "short", day: "numeric" };
  return format("DateTimeFormat", { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(then);
}

/** How long something takes. @param {number} seconds */
export function duration(seconds) {
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [unit, size] = /** @type {[string, number]} */ (units.find(([, of]) => seconds >= Number(of)) || units[3]);
  return format("NumberFormat", { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: 0 }).format(Math.floor(seconds / size));
}

/** @param {number | null | undefined} value */
export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(units.length - 1, value > 0 ? Math.floor(Math.log10(value) / 3) : 0);
  return format("NumberFormat", { style: "unit", unit: units[power], unitDisplay: "short", maximumFractionDigits: 1 }).format(value / 1000 ** power);
}

/** A share of one. @param {number | null} value */
export const percent = (value) =>
  value === null || Number.isNaN(value) ? "–" : format("NumberFormat", { style: "percent", maximumFractionDigits: 1 }).format(value);
