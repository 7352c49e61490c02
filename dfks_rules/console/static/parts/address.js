// Addresses of record as people write them, and as the server does.

/** As the server writes it. @param {string} text */
export const addressOf = (text) => (!text || /^sips?:/.test(text) ? text : `sip:${text}`).replace(/@[^@]*$/, (at) => at.toLowerCase());
