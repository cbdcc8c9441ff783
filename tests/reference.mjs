// @ts-check
// reference.mjs [--write] [BUILD]: docs/api.md is docs/api.in.md, the tables as `ringfence describe reference` prints
// them, and for each method the first accepted call of examples/api.jsonl with its answer. Without --write: is the
// page that is there the same? Of the same answers api/results.def is made, what `describe` knows of results.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const write = process.argv.includes('--write');
const program = (process.argv.slice(2).find(word => word !== '--write') ?? 'build') + '/ringfence';
const root = new URL('..', import.meta.url);
process.chdir(root.pathname);

const width = 118;
/** method -> every result of it @type {Map<string, any[]>} */
const results = new Map();
const rowsShown = 3; // of an array of objects

/** One line, with a blank behind colons and commas. @param {any} value @returns {string} */
function flatten(value) {
  if (Array.isArray(value)) return `[${value.map(flatten).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([key, v]) => `${JSON.stringify(key)}: ${flatten(v)}`).join(', ')}}`;
}

/** JSON for people: what fits on a line stays on one. @param {any} value @returns {string} */
function pretty(value, indent = '') {
  const flat = flatten(value);
  if (indent.length + flat.length <= width || value === null || typeof value !== 'object') return flat;
  const inner = indent + '  ';
  if (Array.isArray(value)) return `[\n${value.map(v => inner + pretty(v, inner)).join(',\n')}\n${indent}]`;
  const lines = [];
  let line = '';
  for (const [key, v] of Object.entries(value)) {
    const member = `${JSON.stringify(key)}: ${pretty(v, inner)}`;
    if (line && (line.length + member.length + inner.length > width || member.includes('\n'))) {
      lines.push(line + ',');
      line = '';
    }
    line += (line ? ', ' : '') + member;
    if (member.includes('\n')) {
      lines.push(line + ',');
      line = '';
    }
  }
  if (line) lines.push(line);
  return `{\n${lines.map(l => inner + l).join('\n').replace(/,$/, '')}\n${indent}}`;
}

/** Long lists of rows are cut, and say so. @param {any} value @returns {any} */
function cut(value) {
  if (Array.isArray(value)) {
    const rows = value.map(cut);
    return rows.length > rowsShown && typeof rows[0] === 'object' ? [...rows.slice(0, rowsShown), '...'] : rows;
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, cut(v)]));
}

/** What values of one place look like, as api/results.def says it. @param {any[]} values @returns {string} */
function shape(values) {
  const known = values.filter(v => v !== null && v !== undefined);
  if (known.length === 0) return '?';
  if (known.every(Array.isArray)) return `[${shape(known.flat())}]`;
  if (known.every(v => typeof v === 'object' && !Array.isArray(v))) {
    const keys = [...new Set(known.flatMap(v => Object.keys(v)))];
    return `{${keys.map(key => `${key}:${shape(known.map(v => v[key]))}`).join(' ')}}`;
  }
  if (known.every(v => typeof v === 'string')) return 's';
  if (known.every(v => typeof v === 'boolean')) return 'b';
  if (known.every(v => typeof v === 'number')) return known.every(Number.isInteger) ? 'i' : 'n';
  return '?';
}

/** api/results.def. @param {Map<string, any[]>} results */
function rows(results) {
  const lines = [...results].filter(([method]) => !method.startsWith('operator/'))
    .map(([method, seen]) => `RF_RESULT("${method}", "${shape(seen)}")`);
  return `/* What \`result\` holds, by method, as the answers to examples/api.jsonl have it; made by \`make docs\`.
 * s string, i integer, n number, b boolean, ? not told by any answer. */
${lines.sort().join('\n')}
`;
}

/** method -> {params, answer} @returns {Map<string, {params: any, answer: any}>} */
function examples() {
  const script = readFileSync('examples/api.jsonl', 'utf8').split('\n');
  const out = execFileSync(program, ['replay', 'examples/api.jsonl'], { encoding: 'utf8' });
  const answers = new Map(out.trim().split('\n').map(line => JSON.parse(line)).map(answer => [answer.id, answer]));
  /** @param {any} value @returns {any} */
  const resolve = value => {
    if (typeof value === 'string' && value.startsWith('@')) {
      const [line, ...path] = value.slice(1).split('.');
      return path.reduce((node, key) => node[key], answers.get(Number(line)).result);
    }
    if (Array.isArray(value)) return value.map(resolve);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, resolve(v)]));
  };
  const found = new Map();
  results.clear();
  for (const [id, answer] of answers) {
    const call = JSON.parse(script[id - 1]);
    if (answer.code !== 0) throw new Error(`examples/api.jsonl:${id}: ${JSON.stringify(answer)}`);
    if (answer.result !== undefined) results.set(call.method, [...results.get(call.method) ?? [], answer.result]);
    if (!found.has(call.method)) found.set(call.method, { params: resolve(call.params ?? {}), answer });
  }
  return found;
}

function page() {
  const found = examples();
  const tables = execFileSync(program, ['describe', 'reference'], { encoding: 'utf8' });
  const body = tables.replace(/<!-- example (\S+) -->\n/g, (_, method) => {
    const example = found.get(method);
    if (!example) return '';
    const { method: name, ...answer } = example.answer;
    return '```json\n' + pretty({ method, params: example.params }) + '\n' + pretty({ id: answer.id, method: name, ...cut(answer) }) + '\n```\n';
  });
  return readFileSync('docs/api.in.md', 'utf8') + body.replace(/\n{3,}/g, '\n\n');
}

const wanted = page();
for (const [file, text] of [['docs/api.md', wanted], ['api/results.def', rows(results)]]) {
  if (write) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.log(`${file} is not what the tables and answers say now: make docs`);
    process.exit(1);
  }
}
const methods = wanted.match(/^### /gm)?.length ?? 0;
const shown = wanted.match(/^```json\n\{"method"|^```json\n\{\n  "method"/gm)?.length ?? 0;
console.log(`docs/api.md: ${methods} methods, ${shown} with an example`);
