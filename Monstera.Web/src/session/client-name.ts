const browsers: [RegExp, string][] = [
  [/Edg(?:e|A|iOS)?\//, 'Edge'], [/OPR\//, 'Opera'], [/Firefox\/|FxiOS\//, 'Firefox'], [/Chrome\/|CriOS\//, 'Chrome'], [/Safari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'], [/Android/, 'Android'], [/Windows/, 'Windows'], [/Mac OS X/, 'macOS'], [/CrOS/, 'ChromeOS'], [/Linux/, 'Linux'],
];

/** “Chrome · macOS” out of what a browser calls itself; anything else as it is. */
export function clientName(client: string | undefined): string | undefined {
  if (!client) return undefined;
  const browser = browsers.find(([pattern]) => pattern.test(client))?.[1];
  const system = systems.find(([pattern]) => pattern.test(client))?.[1];
  return browser ? [browser, system].filter(Boolean).join(' · ') : client;
}
