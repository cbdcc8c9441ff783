// The programs in examples/ do what they say, against a server that has a market.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { check, finish, same, section } from './check';
import { Venue } from './venue';

const here = new URL('../../examples/', import.meta.url).pathname;
const venue = await Venue.start();
const symbol = await venue.instrument('BTC', '50000');
const maker = venue.client(await venue.account('maker', '1000000'));
for (const [side, price] of [['SELL', '50001'], ['SELL', '50100'], ['BUY', '49999'], ['BUY', '49900']]) {
  await maker.ok('private/create-order', { instrument_name: symbol, side, type: 'LIMIT', price, quantity: '5' });
}

function run(program: string, args: string[], env: Record<string, string>) {
  return new Promise<{ status: number | null; out: string }>(resolve => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    child.stdout.on('data', data => { out += data; });
    child.stderr.on('data', data => { out += data; });
    const late = setTimeout(() => child.kill('SIGKILL'), 20000);
    child.on('exit', status => { clearTimeout(late); resolve({ status, out }); });
  });
}

for (const [folder, program] of [['javascript', process.execPath], ['python', 'python3']] as const) {
  for (const file of readdirSync(here + folder).filter(name => /\.(mjs|py)$/.test(name))) {
    await section(`examples/${folder}/${file}`, async () => {
      const account = await venue.account(`${folder}-${file.replace(/\W/g, '-')}`.slice(0, 31), '10000');
      const { status, out } = await run(program, [here + folder + '/' + file], {
        RINGFENCE_URL: venue.url, RINGFENCE_API_KEY: account.apiKey, RINGFENCE_API_SECRET: account.secret, PYTHONDONTWRITEBYTECODE: '1',
      });
      same(status, 0, `${file} ends well`);
      if (status !== 0) console.log(out);
      for (const word of file.includes('watch') ? ['book'] : ['isolation', 'liquidation', 'margin', 'closed']) check(out.includes(word), `${file} tells about ${word}`, out.slice(0, 400));
      const left = (await venue.client(account).ok('private/get-positions')).data;
      same(left.length, 0, `${file} leaves nothing open`);
    });
  }
}

await venue.close();
finish('examples', 15);
