import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["**/vendor/**"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      "max-lines": ["error", 200], eqeqeq: "error", "no-var": "error", "prefer-const": "error", "no-eval": "error",
      "no-implied-eval": "error", "no-new-func": "error", "no-console": "error", "no-shadow": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
];
