const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const stagesMax = 50;

/** A stage of a load: how many users there are at its end. */
export interface Stage {
  ms: number;
  users: number;
}

/** `90s`, `500ms`, `1h30m`. @throws Error that names the setting */
export function parseDuration(name: string, text: string): number {
  let ms = 0;
  const rest = text.trim().replace(/(\d+(?:\.\d+)?)(ms|s|m|h)/g, (_, amount: string, unit: string) => {
    ms += Number(amount) * (units[unit] ?? 0);
    return '';
  });
  if (rest !== '' || text.trim() === '') throw new Error(`${name} is "${text}", which is no duration such as 90s, 500ms or 1h30m.`);
  return ms;
}

/** @throws Error that names the setting */
export function parseNumber(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!(value >= min && value <= max)) throw new Error(`${name} is "${text}", and has to be a number from ${min} to ${max}.`);
  return value;
}

/** `2m:100,5m:1000`: in two minutes to 100 users, in five more to 1,000. @throws Error that names the setting */
export function parseStages(name: string, text: string, usersMax: number): Stage[] {
  const stages = text.split(',').map((part) => {
    const [time = '', users = '', ...more] = part.split(':');
    if (more.length > 0) throw new Error(`${name} has the stage "${part}", which is no duration and number such as 5m:1000.`);
    return { ms: parseDuration(name, time), users: parseNumber(name, users, 0, usersMax) };
  });
  if (stages.length > stagesMax) throw new Error(`${name} has more than ${stagesMax} stages.`);
  return stages;
}

/** How k6 wants a duration. */
export function k6Duration(ms: number): string {
  return `${Math.max(1, Math.round(ms))}ms`;
}
