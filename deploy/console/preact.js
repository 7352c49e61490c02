// One module of what pages are drawn with.
import { h, render, Fragment } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback } from "preact/hooks";
import { signal, computed, effect, batch, untracked } from "@preact/signals";
import htm from "htm";

const html = htm.bind(h);
export {
  html, render, Fragment, useEffect, useLayoutEffect, useMemo, useRef, useState, useCallback,
  signal, computed, effect, batch, untracked,
};
