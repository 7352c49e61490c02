/** @type {Record<string, [string, string]>} */
export const words = {};
