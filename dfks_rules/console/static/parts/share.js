// The playground's state in a link: deflated, behind `#`, so that no server and no log ever sees it.
const MOST = 8000;

/** @param {ReadableStream<Uint8Array>} stream */
const all = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());

/** @param {any} state */
export async function pack(state) {
  const packed = await all(new Blob([JSON.stringify(state)]).stream().pipeThrough(new CompressionStream("deflate-raw")));
  const text = btoa(Array.from(packed, (one) => String.fromCharCode(one)).join(""));
  const told = text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return { text: told, fits: told.length <= MOST };
}

/** @param {string} text */
export async function unpack(text) {
  const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
  const state = JSON.parse(new TextDecoder().decode(await all(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")))));
  if (!Array.isArray(state.files) || typeof state.facts !== "object") throw new TypeError("no state");
  return state;
}
