// Types of what preact.js exports, as far as the console uses it; for `tsc` only.
export interface Signal<T> {
  value: T;
}
export interface RefObject<T> {
  current: T | null;
}
export interface MutableRef<T> {
  current: T;
}
type Cleanup = () => void;
export function html(strings: TemplateStringsArray, ...values: unknown[]): any;
export function render(tree: unknown, place: Element): void;
export function signal<T>(value: T): Signal<T>;
export function computed<T>(work: () => T): Signal<T>;
export function effect(work: () => unknown): Cleanup;
export function batch<T>(work: () => T): T;
export function untracked<T>(work: () => T): T;
export function useState<T>(value: T | (() => T)): [T, (next: T | ((old: T) => T)) => void];
export function useEffect(work: () => unknown, inputs?: readonly unknown[]): void;
export function useLayoutEffect(work: () => unknown, inputs?: readonly unknown[]): void;
export function useMemo<T>(work: () => T, inputs: readonly unknown[]): T;
export function useCallback<T>(work: T, inputs: readonly unknown[]): T;
export function useRef<T>(value: T): MutableRef<T>;
export const Fragment: unknown;
