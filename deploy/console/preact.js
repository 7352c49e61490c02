// One module of what pages are drawn with.
import { h, render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";

const html = htm.bind(h);
export { html, render, useEffect, useRef, useState };
