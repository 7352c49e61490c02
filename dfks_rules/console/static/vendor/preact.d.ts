// Types of what preact.js exports, as far as the console uses it; for `tsc` only.
export interface RefObject<T> {
  current: T | null;
}
export interface MutableRef<T> {
  current: T;
}
export function html(strings: TemplateStringsArray, ...values: unknown[]): any;
export function render(tree: unknown, place: Element): void;
export function useState<T>(value: T | (() => T)): [T, (next: T | ((old: T) => T)) => void];
export function useEffect(work: () => unknown, inputs?: readonly unknown[]): void;
export function useRef<T>(value: T): MutableRef<T>;
