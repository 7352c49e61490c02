// The files that the playground has in this tab: a decision can be compared with them.
const NAME = "draft";

/** @param {{name: string, text: string}[]} files */
export function keep(files) {
  try {
    sessionStorage.setItem(NAME, JSON.stringify(files));
  } catch {
    // They are too many for the browser.
    forget();
  }
}

export const forget = () => sessionStorage.removeItem(NAME);
/** @returns {{name: string, text: string}[] | null} */
export const draft = () => JSON.parse(sessionStorage.getItem(NAME) || "null");
