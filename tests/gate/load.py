#!/usr/bin/env python3
"""load.py [--program build/ringfence] [--calls N] [--window N] [--rest] [--connections N] [--wrap COMMAND]: how many calls
a second a real server acknowledges, durably, and what a call costs it in processor time (W8).

WebSocket: pairs of create-order and cancel-order, pipelined, at most `window` of them unanswered. REST: signed
user-balance and create-order in turn, one at a time on each of N connections. The bytes are made beforehand, so that
this program costs little while it measures. --wrap: a command in front of the server's (valgrind)."""
import argparse
import hashlib
import hmac
import http.client
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from client import Client, frame, request

LIMITS = ['--orders', '262144', '--recent-orders', '1048576']


class Server:
    def __init__(self, program, wrap):
        self.home = tempfile.mkdtemp(prefix='ringfence-load-')
        data = f'{self.home}/data'
        command = [*wrap, program, 'serve', '--listen', '127.0.0.1:0', '--data', data, '--rate-limits', 'off', *LIMITS]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        where = json.loads(self.process.stdout.readline())
        self.address = where['url'].removeprefix('http://')
        self.socket = where['operator_socket']

    def operator(self, method, **params):
        client = Client(f'unix:{self.socket}', timeout=60)
        body = json.dumps({'id': 1, 'method': f'operator/{method}', 'params': params}).encode()
        client.send(request('POST', f'/exchange/v1/operator/{method}', body, headers=['Content-Type: application/json']))
        answer = json.loads(client.answer().body)
        client.close()
        assert answer['code'] == 0, answer
        return answer.get('result')

    def cpu_seconds(self):
        with open(f'/proc/{self.process.pid}/stat') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=120)
        shutil.rmtree(self.home)


def prepare(server):
    server.operator('create-instrument', instrument_name='BTCUSD-PERP', base_ccy='BTC', quote_ccy='USD', price_tick_size='0.5',
                    qty_tick_size='0.0001', max_leverage='50', maker_fee_rate='0.00025', taker_fee_rate='0.0004',
                    liquidation_fee_rate='0.005', mark_stale_ms='86400000')
    server.operator('create-account', account='alice')
    server.operator('deposit', account='alice', currency='USDC', amount='100000000')
    server.operator('set-mark-price', instrument_name='BTCUSD-PERP', price='50000')
    key = server.operator('create-api-key', account='alice', scopes=['read', 'trade'])
    return key['api_key'], key.get('api_secret') or key.get('secret')


def flat(value):
    if isinstance(value, dict):
        return ''.join(name + flat(value[name]) for name in sorted(value))
    if isinstance(value, list):
        return ''.join(flat(one) for one in value)
    return str(value)


def signed(key, method, number, params=None):
    nonce = int(time.time() * 1000)
    payload = f'{method}{number}{key[0]}{flat(params or {})}{nonce}'
    sig = hmac.new(key[1].encode(), payload.encode(), hashlib.sha256).hexdigest()
    envelope = {'id': number, 'method': method, 'api_key': key[0], 'sig': sig, 'nonce': nonce}
    if params is not None:
        envelope['params'] = params
    return json.dumps(envelope, separators=(',', ':')).encode()


def order(number):
    return {'instrument_name': 'BTCUSD-PERP', 'side': 'BUY', 'type': 'LIMIT', 'price': str(49000 - number % 400),
            'quantity': '0.0010', 'client_oid': f'o{number}'}


def websocket_calls(count):
    calls = []
    for i in range(count // 2):
        for j, (method, params) in enumerate((('create-order', order(i)), ('cancel-order', {'client_oid': f'o{i}'}))):
            text = {'id': 2 * i + j, 'method': f'private/{method}', 'params': params, 'nonce': 1700000000000}
            calls.append(frame(json.dumps(text, separators=(',', ':')).encode()))
    return calls


def run_websocket(server, key, count, window):
    client = Client(server.address, timeout=120).upgrade('/exchange/v1/user')
    client.text(signed(key, 'public/auth', 1))
    opcode, payload = client.frame()
    assert json.loads(payload)['code'] == 0, payload
    calls = websocket_calls(count)
    client.socket.setblocking(True)
    done = sent = refused = 0
    rest = b''
    cpu, begin = server.cpu_seconds(), time.monotonic()
    while done < count:
        while sent < count and sent - done < window:
            part = min(window // 4, count - sent)
            client.socket.sendall(b''.join(calls[sent:sent + part]))
            sent += part
        data = rest + client.socket.recv(1 << 20)
        whole = data.rfind(b'"code":')  # an occurrence may be cut in two: what is behind the last one is kept
        done += data.count(b'"code":')
        refused += data.count(b'"code":') - data.count(b'"code":0')
        rest = data[whole + 8:][-7:] if whole >= 0 else data[-7:]
    return time.monotonic() - begin, server.cpu_seconds() - cpu, refused


def run_rest(server, key, count, connections):
    calls = []
    for i in range(count):
        method, params = ('private/user-balance', {}) if i % 2 else ('private/create-order', dict(order(i), exec_inst=[], time_in_force='IMMEDIATE_OR_CANCEL'))
        calls.append(request('POST', f'/exchange/v1/{method}', signed(key, method, i, params), headers=['Content-Type: application/json']))
    selector = selectors.DefaultSelector()
    cpu, begin = server.cpu_seconds(), time.monotonic()
    sent = done = refused = 0
    for _ in range(connections):
        client = Client(server.address)
        selector.register(client.socket, selectors.EVENT_READ)
        client.socket.sendall(calls[sent])
        sent += 1
    while done < count:
        for ready, _ in selector.select():
            data = ready.fileobj.recv(65536)
            done += data.count(b'"code":')
            refused += data.count(b'"code":401') + data.count(b'"code":400')
            if sent < count:
                ready.fileobj.sendall(calls[sent])
                sent += 1
    return time.monotonic() - begin, server.cpu_seconds() - cpu, refused


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--program', default='build/ringfence')
    parser.add_argument('--calls', type=int, default=100000)
    parser.add_argument('--window', type=int, default=2000)
    parser.add_argument('--connections', type=int, default=16)
    parser.add_argument('--rest', action='store_true')
    parser.add_argument('--wrap', default='')
    options = parser.parse_args()
    server = Server(options.program, options.wrap.split())
    try:
        key = prepare(server)
        if options.rest:
            seconds, cpu, refused = run_rest(server, key, options.calls, options.connections)
        else:
            seconds, cpu, refused = run_websocket(server, key, options.calls, options.window)
        print(f'{options.calls} calls in {seconds:.2f} s: {options.calls / seconds:.0f}/s, server CPU {cpu * 1e6 / options.calls:.2f} us '
              f'a call, {refused} refused')
    finally:
        server.stop()


if __name__ == '__main__':
    main()
