// A token, once; from then on the browser has a cookie that no script can read.
import { html, useEffect, useState } from "../vendor/preact.js";
import { Problem } from "../api.js";
import { login } from "../session.js";
import { t } from "../words.js";
import "../words/login.js";
import { coded } from "../parts/coded.js";
import { why } from "../parts/states.js";

export function Page() {
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = `${t("login.title")} · dfks-rules`;
  });
  const enter = async (/** @type {any} */ event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await login(new FormData(event.target).get("token")?.toString().trim() || "");
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      setWrong(problem.status === 401 ? t("login.wrong") : why(problem));
      setBusy(false);
    }
  };
  return html`<div class="login">
    <h1>${t("login.title")}</h1>
    <p>${coded(t("login.why"))}</p>
    <form class="row" onSubmit=${enter}>
      <label>${t("login.token")}
        <input name="token" type="password" autocomplete="current-password" required autofocus maxlength="512"
          aria-invalid=${wrong ? "true" : undefined} aria-describedby="wrong" />
      </label>
      <button class="primary" disabled=${busy}>${t("login.go")}</button>
      <p id="wrong" role="alert" class="bad">${wrong}</p>
    </form>
  </div>`;
}
