// CodeMirror is used by one file, which checks what it does in a browser; for `tsc` only.
declare const module: any;
export = module;
