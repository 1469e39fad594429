// What k6 has of the world outside the language, as far as it is used here and @types/k6 does not name it.
declare const console: {
  log(...what: unknown[]): void;
  warn(...what: unknown[]): void;
  error(...what: unknown[]): void;
};
