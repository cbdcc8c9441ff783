// The server asks every 30 s whether somebody is there, and hangs up after 5 s without an answer.
import ccxt from 'ccxt';
import { check, finish, same, section } from './check';
import { Socket, Venue } from './venue';

const venue = await Venue.start();
await venue.instrument('BTC', '50000');
const http = venue.url;
const ws = http.replace('http', 'ws');
const ex: any = new (ccxt as any).pro.cryptocom({
  options: { defaultType: 'swap' },
  urls: { api: { base: http, v1: http + '/exchange/v1', ws: { public: ws + '/exchange/v1/market', private: ws + '/exchange/v1/user' } } },
});
await ex.loadHttpProxyAgent();
await ex.watchOrderBook('BTC/USD:USD');
const client = ex.clients[ex.urls.api.ws.public];
const [polite, rude, wrong, busy] = await Promise.all(
  [Socket.open(venue, 'market'), Socket.open(venue, 'user'), Socket.open(venue, 'market'), Socket.open(venue, 'market')]);
rude.answersHeartbeats = wrong.answersHeartbeats = busy.answersHeartbeats = false;

await section('heartbeats', async () => {
  const started = Date.now();
  const beat = await polite.find(message => message.method === 'public/heartbeat', 33000);
  check(Date.now() - started > 25000, 'every 30 s, not earlier');
  same([Number.isSafeInteger(beat.id), beat.code], [true, 0], 'a heartbeat has an id and code 0');
  wrong.send({ id: 12345, method: 'public/respond-heartbeat' });
  const stranger = await wrong.find(message => message.id === 12345, 2000);
  same([stranger.code, stranger.error_data], [40004, { param: 'id' }], 'an answer to another heartbeat is refused');
  // Whoever has used up his messages of this second and of the next is there all the same.
  const asked = await busy.find(message => message.method === 'public/heartbeat', 33000);
  for (let i = 0; i < 250; i++) busy.send({ id: i, method: 'public/x/get-time' });
  busy.send({ id: asked.id, method: 'public/respond-heartbeat' });
  await new Promise(resolve => setTimeout(resolve, 6500));
  same(rude.closed, 1000, 'who does not answer is hung up on');
  same(wrong.closed, 1000, 'who answers something else too');
  same(polite.closed, undefined, 'who answers stays');
  same(busy.closed, undefined, 'also when too many messages came before the answer');
  check(ex.clients[ex.urls.api.ws.public] === client, 'ccxt answers: it has the same connection');
  check(client.isConnected !== false && !client.error, 'which is alive');
});

await ex.close();
for (const socket of [polite, rude, wrong, busy]) socket.close();
await venue.close();
finish('heartbeat', 9);
