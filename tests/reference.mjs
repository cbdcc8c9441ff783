// @ts-check
// reference.mjs [--write] [BUILD]: docs/api.md is docs/api.in.md, the tables as `ringfence describe reference` prints
// them, and for each method the first accepted call of examples/api.jsonl with its answer. Without --write: is the
// page that is there the same?
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const write = process.argv.includes('--write');
const program = (process.argv.slice(2).find(word => word !== '--write') ?? 'build') + '/ringfence';
const root = new URL('..', import.meta.url);
process.chdir(root.pathname);

const width = 118;
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
  for (const [id, answer] of answers) {
    const call = JSON.parse(script[id - 1]);
    if (answer.code !== 0) throw new Error(`examples/api.jsonl:${id}: ${JSON.stringify(answer)}`);
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
if (write) {
  writeFileSync('docs/api.md', wanted);
} else if (readFileSync('docs/api.md', 'utf8') !== wanted) {
  console.log('docs/api.md is not what the tables say now: make docs');
  process.exit(1);
}
const methods = wanted.match(/^### /gm)?.length ?? 0;
const shown = wanted.match(/^```json\n\{"method"|^```json\n\{\n  "method"/gm)?.length ?? 0;
console.log(`docs/api.md: ${methods} methods, ${shown} with an example`);
