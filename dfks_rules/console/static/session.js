// Who is using the page, and what he may do.
import { ask, onLogin, Problem } from "./api.js";
import { signal } from "./signal.js";

/** undefined: not known yet; null: nobody. @type {import("./signal.js").Signal<Api.Session | null | undefined>} */
export const session = signal(undefined);
/** Why it is not known. */
export const failure = signal(/** @type {Problem | null} */ (null));
onLogin.lost = () => (session.value = null);

export async function look() {
  try {
    session.value = (await ask("GET", "/v1/session")).body;
    failure.value = null;
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    failure.value = problem.status === 401 ? null : problem;
  }
}

/** @param {string} token */
export async function login(token) {
  await ask("POST", "/v1/session", { body: { token } });
  await look();
}

export async function logout() {
  await ask("DELETE", "/v1/session");
  sessionStorage.clear();
  session.value = null;
}

/** Whether the user may do something; policies are for all domains. @type {(scope: Api.Session["scopes"][number]) => boolean} */
export const mayAll = (scope) => may(scope) && !session.value?.domains;
/** Whether the user may do something. @param {Api.Session["scopes"][number]} scope */
export const may = (scope) => Boolean(session.value?.scopes.includes(scope));
/** Whether this server has something. @param {Api.Session["offers"][number]} what */
export const offers = (what) => Boolean(session.value?.offers.includes(what));
