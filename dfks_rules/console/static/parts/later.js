// A part of a page that is loaded when it is needed.
import { html, useEffect, useState } from "../vendor/preact.js";

/** @param {{load: () => Promise<any>, with: any}} props load: gives what draws `with` */
export function Later({ load, with: props }) {
  const [Part, set] = useState(/** @type {{of: any} | null} */ (null));
  useEffect(() => {
    let isThere = true;
    load().then((of) => isThere && set({ of }), () => null);
    return () => {
      isThere = false;
    };
  }, []);
  return Part && html`<${Part.of} ...${props} />`;
}
