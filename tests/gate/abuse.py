#!/usr/bin/env python3
"""abuse.py [--server echo|real] [--program FILE] [--cases N] [--seed N]: hostile inputs (R11), made up from a seed.

Each is answered as the protocol has it, or its connection ends; never a crash, never a hang. A connection whose
protocol was not broken goes on. Between them an honest client is served. "real" is ringfence serve: the same at
REST, WebSocket and the operators' socket, where every refusal must carry a code."""
import argparse
import json
import random
import struct
import sys
import time

from client import Client, Closed, Echo, frame, request, upgrade

STATUSES = {200, 204, 400, 401, 403, 404, 405, 408, 413, 414, 417, 426, 429, 431, 500, 501, 503, 505}
CLOSE_CODES = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1013} | set(range(3000, 5000))


# ---- What is sent ----------------------------------------------------------------------------------------

def noise(draw, size):
    return draw.randbytes(draw.randrange(1, size))


def spoil(draw, data):
    """A good input with something wrong in it."""
    data = bytearray(data)
    for _ in range(draw.randrange(1, 4)):
        at = draw.randrange(len(data) + 1) if data else 0
        kind = draw.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << draw.randrange(8)
        elif kind == 1:
            data[at:at] = noise(draw, 20)
        elif kind == 2:
            del data[at:at + draw.randrange(1, 30)]
        elif kind == 3:
            data[at:at] = data[at:at + draw.randrange(1, 60)]
        elif kind == 4:
            data = data[:at]
        else:
            data[at:at] = draw.choice([b'\r\n', b'\n', b'\0', b' ', b':', b'\xff', b'\r\n\r\n', b'0'])
    return bytes(data)


def bad_json(draw):
    """Texts that a parser, or what reads the parsed, could stumble over. None of them is a good call."""
    value = draw.choice(['1e308', '1e999', '-0', 'NaN', 'Infinity', '1' * 40, '0.' + '1' * 40, '"1e5"', '"NaN"', '"-0"', '" 1"',
                         '"' + '9' * 400 + '"', '[]', '{}', 'null', 'true', '"\\u0000"', '"\\ud800"', '"' + 'x' * 5000 + '"'])
    name = draw.choice(['price', 'quantity', 'client_oid', 'side', 'instrument_name', 'exec_inst'])
    depth = draw.choice([15, 16, 17, 100, 5000])
    choices = [
        lambda: f'{{"id":1,"method":"private/create-order","params":{{"{name}":{value}}}}}'.encode(),
        lambda: f'{{"id":{value},"method":"private/create-order","params":{{}}}}'.encode(),
        lambda: f'{{"id":1,"method":{value},"params":{{}}}}'.encode(),
        lambda: f'{{"id":1,"method":"private/create-order","params":{value}}}'.encode(),
        lambda: b'{"id":1,"method":"private/create-order","params":' + b'[' * depth + b']' * depth + b'}',
        lambda: b'{"a":' * depth + b'1' + b'}' * depth,
        lambda: b'{"id":1,"id":2,"method":"private/create-order"}',
        lambda: b'{"id":1,"method":"private/create-order","params":{"side":"BUY","side":"SELL"}}',
        lambda: b'{' + b','.join(b'"k%d":%d' % (i, i) for i in range(draw.choice([255, 256, 257, 3000]))) + b'}',
        lambda: b'[' + b'1,' * draw.choice([100, 8190, 8191, 20000]) + b'1]',
        lambda: b'{"id":1,"method":"private/\xc0\x80"}',
        lambda: b'{"id":1,"method":"private/create-order"}{"id":2}',
        lambda: b'{"id":1,"method":"\\u0000"}',
        lambda: noise(draw, 200),
        lambda: spoil(draw, b'{"id":1,"method":"private/create-order","params":{"instrument_name":"BTCUSD-PERP"},"nonce":1}'),
    ]
    return draw.choice(choices)()


def good_requests(draw):
    return draw.choice([request('GET', '/exchange/v1/public/get-tickers?instrument_name=X'),
                        request('POST', '/exchange/v1/private/create-order', b'{"id":1}', headers=['Content-Type: application/json']),
                        b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', upgrade('/exchange/v1/market')])


def long_request(draw):
    size = draw.choice([8000, 8192, 9000, 70000, 200000])
    return draw.choice([lambda: request('GET', '/' + 'a' * size), lambda: request('GET', '/', headers=['A: ' + 'b' * size]),
                        lambda: request('GET', '/', headers=['A: b'] * (size // 100)), lambda: request('POST', '/', b'c' * size),
                        lambda: b'GET ' + b'/' * size, lambda: b'\r\n' * (size // 20), lambda: b'\0' * size])()


def frames(draw):
    """Frames of which some are good."""
    first = draw.choice([0x81, 0x81, 0x01, 0x80, 0x00, 0x82, 0x88, 0x89, 0x8a, 0x09, 0xc1, 0x83, 0x8f, 0x91])
    size = draw.choice([0, 1, 2, 5, 125, 126, 127, 1000, 65535, 65536])
    payload = draw.choice([b'x' * size, draw.randbytes(min(size, 200)), struct.pack('>H', draw.choice([999, 1000, 1004, 1005, 1006, 3000, 5000])),
                           b'\xed\xa0\x80', 'é€😀'.encode() * 20])
    form = draw.choice([None, None, None, 2, 8]) if len(payload) < 126 else None
    one = frame(payload, first, mask=draw.choice([b'mask', b'\0\0\0\0', draw.randbytes(4), None]), form=form)
    return draw.choice([one, frame(b'good') + one, one + one, one[:draw.randrange(len(one) + 1)], spoil(draw, one),
                        b'\x81\xff' + struct.pack('>Q', draw.choice([1 << 62, 1 << 63, 70000])) + b'mask', frame(b'', 0x89) * 30])


# ---- What comes back -------------------------------------------------------------------------------------

def read_answers(client, statuses=STATUSES):
    """All answers until the end of the connection; whatever is refused has a code."""
    answers = []
    try:
        while True:
            answer = client.answer()
            if answer.status == 101:
                return answers + [answer]
            assert answer.status in statuses, answer.text
            if answer.status >= 400:
                assert isinstance(answer.code, int) and answer.code != 0, (answer.text, answer.body)
            answers.append(answer)
    except Closed:
        assert not client.pending, client.pending[:100]
        return answers


def send_and_finish(client, data):
    try:
        client.send(data)
        client.socket.shutdown(1)
    except (Closed, OSError):
        pass


def abuse_http(target, draw):
    data = draw.choice([lambda: spoil(draw, good_requests(draw)), lambda: noise(draw, 300), lambda: long_request(draw),
                        lambda: good_requests(draw) + spoil(draw, good_requests(draw))])()
    client = target.connect()
    send_and_finish(client, data)
    try:
        read_answers(client)
    except ValueError:  # the answer to a HEAD that a spoiled method became, or frames behind an upgrade
        pass
    client.close()


def abuse_body(target, draw):
    """The envelope is broken, HTTP is not: refused with a code, and the connection goes on."""
    client = target.connect()
    for _ in range(3):
        body = bad_json(draw)
        client.send(request('POST', target.path(draw), body, headers=['Content-Type: application/json']))
        target.judge_body(body, client.answer())
    client.close()


def abuse_frames(target, draw):
    client = target.connect(network=True).upgrade(target.websocket(draw))
    send_and_finish(client, b''.join(frames(draw) for _ in range(draw.randrange(1, 5))))
    code = None
    try:
        while True:
            opcode, payload = client.frame()
            assert opcode in (1, 8, 10), opcode
            if opcode == 8 and len(payload) >= 2:
                code = struct.unpack('>H', payload[:2])[0]
    except Closed:
        assert code is None or code in CLOSE_CODES, code
    client.close()


def abuse_message(target, draw):
    client = target.connect(network=True).upgrade(target.websocket(draw))
    for _ in range(3):
        body = bad_json(draw)
        try:
            body.decode()
        except UnicodeDecodeError:
            client.send(frame(body))
            assert client.close_code() == 1007
            break
        client.send(frame(body))
        target.judge_message(body, client.message())
    client.close()


def abuse_rudely(target, draw):
    """Comes, says a part of something, and goes without a word."""
    client = target.connect()
    try:
        client.send(draw.choice([good_requests(draw)[:draw.randrange(1, 60)], b'', good_requests(draw)]))
        client.reset()
    except (Closed, OSError):
        pass


# ---- Whom --------------------------------------------------------------------------------------------------

class EchoTarget:
    def __init__(self, program):
        self.echo = Echo(program, 'linger_ms=200', 'tick_ms=20', 'pings_per_second=20', addresses=('127.0.0.1:0',))
        self.honest = self.echo.connect()

    def connect(self, network=False):
        return self.echo.connect()

    def path(self, draw):
        return '/any'

    def websocket(self, draw):
        return '/ws'

    def judge_body(self, body, answer):
        assert answer.status == 200 and answer.body == body, answer.text

    def judge_message(self, body, message):
        assert message.encode() == body

    def serves(self):
        assert self.honest.get('/still').body == b'GET /still'

    def stop(self):
        self.honest.close()
        deadline = time.monotonic() + 10
        while (stats := self.echo.stats())['connections']:
            assert time.monotonic() < deadline, stats
            time.sleep(0.01)
        assert stats['opened'] == stats['closed'] and stats['dropped'] == 0, stats
        self.echo.stop()


class RealTarget:
    def __init__(self, program):
        from load import Server, prepare
        self.server = Server(program, [])
        prepare(self.server)
        self.honest = Client(self.server.address)
        self.turn = 0

    def connect(self, network=False):
        """Every fifth at the operators' socket, which has no WebSocket."""
        self.turn += 1
        self.operator = self.turn % 5 == 0 and not network
        return Client(f'unix:{self.server.socket}' if self.operator else self.server.address)

    def path(self, draw):
        if self.operator:
            return draw.choice(['/exchange/v1/operator/create-account', '/exchange/v1/operator/none', '/'])
        return draw.choice(['/exchange/v1/private/create-order', '/exchange/v1/public/get-book', '/exchange/v1/none', '/none'])

    def websocket(self, draw):
        return draw.choice(['/exchange/v1/user', '/exchange/v1/market'])

    def judge_body(self, body, answer):
        assert answer.status in STATUSES and answer.status != 500, (body[:200], answer.text)
        assert isinstance(answer.code, int) and answer.code != 0, (body[:200], answer.body)

    def judge_message(self, body, message):
        answer = json.loads(message)
        assert isinstance(answer['code'], int) and answer['code'] != 0, (body[:200], message)

    def serves(self):
        assert self.honest.get('/exchange/v1/public/get-instruments').code == 0

    def stop(self):
        assert self.server.operator('check-invariants')
        self.honest.close()
        self.server.stop()
        assert self.server.process.returncode == 0, self.server.process.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--server', choices=('echo', 'real'), default='echo')
    parser.add_argument('--program')
    parser.add_argument('--cases', type=int, default=5000)
    parser.add_argument('--seed', type=int, default=1)
    options = parser.parse_args()
    real = options.server == 'real'
    target = (RealTarget if real else EchoTarget)(options.program or ('build/ringfence' if real else 'build/gate_echo'))
    kinds = [abuse_http, abuse_body, abuse_frames, abuse_message, abuse_rudely]
    counts = dict.fromkeys((kind.__name__ for kind in kinds), 0)
    for number in range(options.cases):
        draw = random.Random(options.seed * 1000003 + number)
        kind = draw.choice(kinds)
        try:
            kind(target, draw)
            if number % 50 == 0:
                target.serves()
        except BaseException:
            print(f'case {number} of seed {options.seed}: {kind.__name__}', file=sys.stderr)
            raise
        counts[kind.__name__] += 1
    target.stop()
    print(f'{options.server}: {options.cases} cases: {counts}')
    assert all(counts.values())
    return 0


if __name__ == '__main__':
    sys.exit(main())
