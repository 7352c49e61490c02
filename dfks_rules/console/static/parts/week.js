// A schedule drawn as a week: a line for each day, midnight to midnight. The same is said in words.
import { html } from "../vendor/preact.js";
import { language, t } from "../words.js";
import "../words/week.js";

const DAY = 1440;
const [LEFT, TOP, LINE] = [170, 80, 70];

/** @param {number} day 0: Monday */
const dayName = (day) => new Intl.DateTimeFormat(language.value, { weekday: "short", timeZone: "UTC" }).format(Date.UTC(2024, 0, 1 + day));
/** @param {number} minute */
const clock = (minute) => (minute === DAY ? "24:00" : [Math.floor(minute / 60) % 24, minute % 60].map((one) => String(one).padStart(2, "0")).join(":"));

/** @param {{day: number, start: number, end: number, weeks: string}} hours */
const told = ({ day, start, end, weeks }) => `${dayName(day)} ${clock(start)}–${clock(end)}${weeks === "every" ? "" : ` (${t(`week.${weeks}`)})`}`;

/** What of the hours is on which day: those over midnight are on two. @param {{hours: any[]}} of */
const pieces = ({ hours }) => hours.flatMap(({ day, start, end, weeks }) => [
  { day, start, end: Math.min(end, DAY), weeks },
  ...(end > DAY ? [{ day: (day + 1) % 7, start: 0, end: end - DAY, weeks }] : []),
]);

/** @param {{of: {name: string, zone: string | null, hours: any[], excepted: string[], extra: string[]}}} props */
export function Week({ of }) {
  const zone = of.zone ? t("week.zone", { zone: of.zone }) : t("week.server");
  const words = of.hours.map(told).join("; ") || t("week.none");
  return html`<figure class="week">
    <figcaption><span class="mono">${of.name}</span> ${zone}</figcaption>
    <svg viewBox=${`0 0 ${LEFT + DAY + 60} ${TOP + 7 * LINE}`} role="img" aria-label=${`${of.name}: ${words}`}>
      ${[0, 6, 12, 18, 24].map((hour) => html`<text x=${LEFT + hour * 60} y=${TOP - 18} text-anchor="middle">${hour}</text>`)}
      ${[0, 1, 2, 3, 4, 5, 6].map((day) => html`<text x="0" y=${TOP + day * LINE + 50}>${dayName(day)}</text><rect class="day" x=${LEFT} y=${TOP + day * LINE + 8} width=${DAY} height=${LINE - 16} />`)}
      ${pieces(of).map(({ day, start, end, weeks }) => html`<rect class=${weeks === "every" ? "hours" : "hours some"} x=${LEFT + start} y=${TOP + day * LINE + 8} width=${end - start} height=${LINE - 16} />`)}
    </svg>
    ${of.hours.some((one) => one.weeks !== "every") && html`<p class="soft">${words}</p>`}
    ${of.excepted.length > 0 && html`<p class="soft">${t("week.except", { days: of.excepted.join(", ") })}</p>`}
    ${of.extra.length > 0 && html`<p class="soft">${t("week.also", { days: of.extra.join(", ") })}</p>`}
  </figure>`;
}
