// Counting checks: each is one line when it fails, and the run says how many there were.
let checks = 0;
let failures = 0;

function fail(name: string, detail = '') {
  failures++;
  console.log(`FAIL ${name}${detail ? ': ' + detail : ''}`);
}

const show = (value: unknown) => (JSON.stringify(value) ?? String(value)).slice(0, 600);

export function check(good: unknown, name: string, detail?: unknown) {
  checks++;
  if (!good) fail(name, detail === undefined ? '' : show(detail));
}

export function same(actual: unknown, wanted: unknown, name: string) {
  checks++;
  if (JSON.stringify(actual) !== JSON.stringify(wanted)) fail(name, `${show(actual)} instead of ${show(wanted)}`);
}

/** Equal but for the last digits that a JavaScript number cannot hold. */
export function near(actual: unknown, wanted: number, name: string) {
  checks++;
  if (typeof actual !== 'number' || !(Math.abs(actual - wanted) <= 1e-6 * Math.max(1, Math.abs(wanted)))) fail(name, `${show(actual)} instead of ${wanted}`);
}

/** The call must throw this class, with this code in its message. */
export async function throws(call: () => Promise<unknown>, kind: Function, code: number, name: string) {
  checks++;
  try {
    const value = await call();
    fail(name, `was accepted: ${show(value)}`);
  } catch (error: any) {
    if (error?.constructor !== kind) fail(name, `${error?.constructor?.name} instead of ${kind.name}: ${String(error?.message).slice(0, 300)}`);
    else if (code !== 0 && !String(error.message).includes(`"code":${code}`)) fail(name, `without ${code}: ${String(error.message).slice(0, 300)}`);
  }
}

/** What it throws is one failure, and the next section goes on. */
export async function section(name: string, body: () => Promise<void>) {
  const before = checks;
  const started = Date.now();
  try {
    await body();
  } catch (error: any) {
    fail(name, String(error?.stack ?? error).slice(0, 1500));
  }
  console.log(`${name}: ${checks - before} checks, ${Date.now() - started} ms`);
}

/** A promise that must not take long. */
export async function soon(promise: Promise<any>, what: string, milliseconds = 5000): Promise<any> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: nothing after ${milliseconds} ms`)), milliseconds); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Ends the process. */
export function finish(what: string, atLeast: number): never {
  if (checks < atLeast) fail(what, `only ${checks} checks, ${atLeast} are wanted`);
  console.log(`${what}: ${checks} checks, ${failures} failed`);
  process.exit(failures > 0 ? 1 : 0);
}
