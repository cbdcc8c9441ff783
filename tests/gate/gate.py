#!/usr/bin/env python3
"""gate.py [--program build/gate_echo] [NAME ...]: what the gate promises, from the outside.

Each function test_* is one promise. Deadlines are shortened for the tests that wait for one."""
import argparse
import os
import socket
import stat
import struct
import sys
import tempfile
import time
import traceback

from client import Client, Closed, Echo, frame, raise_descriptor_limit, request, upgrade, wait_until

PROGRAM = 'build/gate_echo'


def echo(*arguments, **options):
    """With little patience at the end, for the tests' clients do not say goodbye."""
    return Echo(PROGRAM, 'linger_ms=100', 'tick_ms=20', *arguments, **options)


def refused(server, data, status, code=40001):
    """What the gate refuses is answered with an envelope, and the connection ends where it is lost."""
    client = server.connect()
    client.send(data)
    answer = client.answer()
    assert answer.status == status, (data[:60], answer.text)
    assert answer.code == code, answer.body
    assert answer.headers['content-type'] == 'application/json'
    assert answer.headers['connection'] == 'close', answer.text
    assert client.is_closed(), data[:60]


# ---- HTTP ------------------------------------------------------------------------------------------------

def test_keep_alive():
    with echo() as server:
        client = server.connect()
        for i in range(50):
            assert client.get(f'/{i}?a={i}').body == b'GET /%d a=%d' % (i, i)
        client.send(request('POST', '/', b'some bytes'))
        assert client.answer().body == b'some bytes'
        stats = server.stats()
        assert stats['requests'] == 51 and stats['accepted'] == 1 and stats['connections'] == 1, stats


def test_head_and_options():
    with echo() as server:
        client = server.connect()
        client.send(request('HEAD', '/big/1000'))
        answer = client.answer(head_only=True)
        assert answer.headers['content-length'] == '1000'
        assert client.get('/next').body == b'GET /next'  # no body was in between
        client.send(request('OPTIONS', '*'))
        assert client.answer().body == b'OPTIONS *'
        client.send(request('GET', 'http://host:1/path?q'))
        assert client.answer().body == b'GET /path q'


def test_answers_tell_nothing_of_us():
    with echo() as server:
        for data in (request('GET', '/'), b'nonsense\r\n\r\n', request('PUT', '/')):
            client = server.connect()
            client.send(data)
            text = client.answer().text.lower()
            for word in ('server:', 'x-powered', 'ringfence', 'llhttp', 'libuv', '/home', '/usr'):
                assert word not in text, text


def test_pipelining_keeps_order():
    """Answers that come out of turn, and barriers let go late and out of turn."""
    with echo() as server:
        client = server.connect()
        client.send(b''.join([request('GET', '/held'), request('GET', '/after/7'), request('GET', '/after/3'),
                              request('GET', '/held'), request('GET', '/now')]))
        wait_until(lambda: server.stats()['requests'] == 5)
        assert client.is_silent()
        server.say('answer 1')
        server.say('release 3')
        assert client.is_silent()
        server.say('answer 0')
        assert client.answer().body == b'answer 0'
        assert client.is_silent()  # record 7 holds back the rest
        server.say('release 6')
        assert client.is_silent()
        server.say('release 7')
        assert [client.answer().body for _ in range(4)] == [b'GET /after/7', b'GET /after/3', b'answer 1', b'GET /now']
        server.say('answer 0')  # answered before: ignored
        assert client.is_silent()


def test_more_requests_than_may_wait():
    """Beyond 64 unanswered requests the gate reads no further, and goes on when answers have left."""
    with echo() as server:
        client = server.connect()
        client.send(b''.join(request('GET', f'/after/1?{i}') for i in range(300)))
        wait_until(lambda: server.stats()['requests'] >= 64)
        time.sleep(0.05)
        assert server.stats()['requests'] == 300  # answered, though none has left: they wait for the journal
        server.say('release 1')
        assert [client.answer().body for _ in range(300)] == [b'GET /after/1 %d' % i for i in range(300)]
        client.send(b''.join(request('GET', '/held') for i in range(200)))
        wait_until(lambda: server.stats()['requests'] >= 364)
        time.sleep(0.05)
        assert server.stats()['requests'] == 364
        for i in range(200):
            wait_until(lambda: server.stats()['requests'] >= min(500, 364 + i))
            server.say(f'answer {i}')
        assert [client.answer().body for _ in range(200)] == [b'answer %d' % i for i in range(200)]


def test_byte_by_byte():
    with echo() as server:
        client = server.connect()
        client.dribble(request('GET', '/a?b', headers=['X-Long: ' + 'y' * 50]) + request('POST', '/', b'body'))
        assert client.answer().body == b'GET /a b'
        assert client.answer().body == b'body'
        client.dribble(b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;ext=1\r\ndefg\r\n0\r\n'
                       b'Trailer: t\r\n\r\n' + upgrade() + frame(b'Hello') + frame(b'in ', 1) + frame(b'pieces', 0x80))
        assert client.answer().body == b'abcdefg'
        assert client.answer().status == 101
        assert client.message() == 'Hello' and client.message() == 'in pieces'


def test_connection_ends_where_asked():
    with echo() as server:
        for data in (request('GET', '/x', headers=['Connection: close']), request('GET', '/x', version='1.0'),
                     request('GET', '/close')):
            client = server.connect()
            client.send(data + request('GET', '/never'))
            answer = client.answer()
            assert answer.status == 200 and answer.headers.get('connection') == 'close', answer.text
            assert client.is_closed()
        client = server.connect()
        client.send(request('GET', '/x', version='1.0', host=None))  # an old client names no host
        assert client.answer().status == 200


def test_expect_continue():
    with echo() as server:
        client = server.connect()
        client.send(b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n')
        assert client.answer().status == 100
        client.send(b'body')
        assert client.answer().body == b'body'
        client.send(b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody')
        assert client.answer().body == b'body'  # it did not wait, nor do we
        refused(server, b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 16777216\r\n\r\n', 413)
        refused(server, request('POST', '/', b'x', headers=['Expect: miracles']), 417)


def test_sizes():
    with echo() as server:
        client = server.connect()
        assert client.get('/' + 'u' * 7900).status == 200
        client.send(request('POST', '/', b'b' * 65536))
        assert len(client.answer().body) == 65536
        assert client.get('/', headers=[f'H{i}: v' for i in range(63)]).status == 200
        refused(server, request('GET', '/' + 'u' * 8300), 414)
        refused(server, request('GET', '/', headers=['X: ' + 'v' * 8300]), 431)
        refused(server, request('GET', '/', headers=['X' * 8300 + ': v']), 431)
        refused(server, request('GET', '/', headers=[f'H{i}: v' for i in range(64)]), 431)
        refused(server, b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n', 413)
        chunked = b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
        refused(server, chunked + (b'1000\r\n' + b'c' * 4096 + b'\r\n') * 17, 413)
        refused(server, chunked + b'1;' + b'e' * 8300, 431)
        refused(server, chunked + b'0\r\n' + b'T: ' + b't' * 8300, 431)


def test_a_large_body_is_refused_early():
    """16 MiB: the refusal comes before the body, and reaches a client that sends on regardless."""
    with echo() as server:
        client = server.connect()
        client.send(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n')
        assert client.answer().status == 413
        client = server.connect()
        body = b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n' + b'x' * (16 << 20)
        try:
            client.send(body)
        except Closed:
            pass
        assert client.answer().status == 413
        assert server.resident_bytes() < 64 << 20


def test_what_is_not_http():
    with echo() as server:
        refused(server, b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400)  # TLS
        refused(server, b'GET / HTTP/1.1\r\n\r\n', 400)  # no host
        refused(server, b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400)
        refused(server, b'GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n', 400)
        refused(server, b'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400)
        refused(server, b'GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n', 400)
        refused(server, request('POST', '/', headers=['Content-Length: 4', 'Content-Length: 5']), 400)
        refused(server, request('POST', '/', headers=['Content-Length: -1']), 400)
        refused(server, request('POST', '/', headers=['Content-Length: 99999999999999999999']), 400)
        refused(server, request('POST', '/', headers=['Content-Length: 4', 'Transfer-Encoding: chunked']), 400)
        refused(server, request('POST', '/', headers=['Transfer-Encoding: chunked']) + b'zz\r\n', 400)
        refused(server, request('POST', '/', headers=['Transfer-Encoding: gzip']), 501)
        refused(server, request('CONNECT', 'host:1'), 405, 40002)
        refused(server, request('GET', '/', version='2.0'), 505)
        refused(server, b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400)
        client = server.connect()  # a method of others: the connection is not lost
        client.send(request('PUT', '/', b'x') + request('GET', '/next'))
        answer = client.answer()
        assert answer.status == 405 and answer.code == 40002 and 'POST' in answer.headers['allow']
        assert client.answer().status == 200
        # An upgrade to something else may be ignored.
        assert client.get('/h2c', headers=['Connection: Upgrade', 'Upgrade: h2c']).body == b'GET /h2c'


def test_slow_requests():
    with echo('header_ms=150', 'body_ms=200', 'idle_ms=250', 'tick_ms=10') as server:
        silent = server.connect()
        head, body, idle = server.connect(), server.connect(), server.connect()
        head.send(b'GET / HTTP/1.1\r\nHo')
        body.send(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n')
        assert idle.get('/').status == 200
        begin = time.monotonic()
        end = begin + 0.3
        lost = set()
        while time.monotonic() < end:  # a byte now and then buys no time
            for client in (head, body):
                try:
                    client.send(b'x')
                except Closed:
                    lost.add(client)
            time.sleep(0.02)
        for client in (head, body):
            answer = client.answer()
            assert answer.status == 408 and answer.code == 40801 and answer.headers['connection'] == 'close'
        assert silent.is_closed() and idle.is_closed()
        assert 0.2 < time.monotonic() - begin < 3
        wait_until(lambda: server.stats()['connections'] == 0)


def test_a_slow_request_does_not_cost_the_answers_before_it():
    with echo('header_ms=100', 'tick_ms=10') as server:
        client = server.connect()
        client.send(request('GET', '/after/1') + b'GET / HT')
        time.sleep(0.2)
        server.say('release 1')
        assert client.answer().body == b'GET /after/1'
        assert client.answer().status == 408


def test_half_closed():
    """One that has said all it wants still hears every answer."""
    with echo() as server:
        client = server.connect()
        client.send(request('GET', '/after/1') + request('GET', '/now') + b'GET /part')
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_silent()
        server.say('release 1')
        assert client.answer().body == b'GET /after/1'
        assert client.answer().body == b'GET /now'
        assert client.is_closed()
        client = server.connect().upgrade()
        client.text('@2 text')
        client.socket.shutdown(socket.SHUT_WR)
        assert client.is_silent()
        server.say('release 2')
        assert client.message() == '@2 text'
        assert client.is_closed()
        wait_until(lambda: server.stats()['connections'] == 0)


# ---- WebSocket -------------------------------------------------------------------------------------------

def test_messages():
    with echo() as server:
        client = server.connect()
        client.send(request('GET', '/first') + upgrade() + frame(b'at once'))  # without waiting for the 101
        assert client.answer().body == b'GET /first'
        assert client.answer().status == 101
        assert client.message() == 'at once'
        for size in (0, 1, 125, 126, 127, 65535, 65536):
            client.text('m' * size)
            assert client.message() == 'm' * size, size
        client.send(frame('é'.encode()[:1], 1) + frame(b'', 0) + frame('é'.encode()[1:], 0x80))
        assert client.message() == 'é'
        client.send(b''.join(frame(b'%d' % i) for i in range(1000)))
        assert [client.message() for _ in range(1000)] == [str(i) for i in range(1000)]


def test_ping_and_close():
    with echo() as server:
        client = server.connect().upgrade()
        client.send(frame(b'part', 1) + frame(b'are you there', 0x89) + frame(b'', 0x8a) + frame(b'ial', 0x80))
        assert client.frame() == (10, b'are you there')
        assert client.message() == 'partial'
        client.send(frame(struct.pack('>H', 4321) + b'why', 0x88) + frame(b'too late'))
        assert client.close_code() == 4321
        client = server.connect().upgrade()
        client.send(frame(b'', 0x88))
        assert client.close_code() == 1000
        client = server.connect().upgrade()
        client.text('end 4000')
        opcode, payload = client.frame()
        assert (opcode, payload) == (8, struct.pack('>H', 4000) + b'as you say')
        client.send(frame(payload, 0x88))
        assert client.is_closed()


def test_breaches():
    with echo() as server:
        for code, data in (
                (1002, frame(b'x', mask=None)), (1002, frame(b'x', 0xc1)), (1002, frame(b'x', 0x83)),
                (1002, frame(b'x', 0x80)), (1002, frame(b'x', 0x09)), (1002, frame(b'x' * 126, 0x89)),
                (1002, frame(b'x', form=2)), (1002, frame(b'x', 1) + frame(b'y')), (1002, frame(b'\x03', 0x88)),
                (1002, frame(struct.pack('>H', 1006), 0x88)), (1003, frame(b'\x00', 0x82)),
                (1007, frame(b'\xff')), (1007, frame(b'\xed\xa0\x80')), (1007, frame(b'ok\xc3', 1) + frame(b'', 0x80)),
                (1009, frame(b'x' * 65537)), (1009, frame(b'x' * 65000, 1) + frame(b'x' * 537, 0x80)),
                (1009, b'\x81\xff' + struct.pack('>Q', 1 << 40) + b'mask'), (1002, b'\x81\xff' + struct.pack('>Q', 1 << 63) + b'mask')):
            client = server.connect().upgrade()
            client.text('before')
            client.send(data)
            assert client.message() == 'before'
            assert client.close_code() == code, (code, data[:20])


def test_refused_upgrades():
    with echo() as server:
        client = server.connect()
        client.send(upgrade('/no') + upgrade(version='8') + upgrade(key='short') + request('GET', '/on'))
        answer = client.answer()
        assert answer.status == 401 and answer.code == 40101
        answer = client.answer()
        assert answer.status == 426 and answer.headers['sec-websocket-version'] == '13'
        assert client.answer().status == 400
        assert client.answer().body == b'GET /on'


def test_ping_flood():
    with echo() as server:
        client, other = server.connect().upgrade(), server.connect().upgrade()
        client.send(frame(b'p', 0x89) * 100)
        assert client.close_code() == 1008
        other.text('still here')
        assert other.message() == 'still here'


def test_slow_messages():
    with echo('message_ms=150', 'tick_ms=10') as server:
        client, idle = server.connect().upgrade(), server.connect().upgrade()
        client.send(frame(b'a', 1))
        for _ in range(12):
            try:
                client.send(frame(b'', 0))
            except Closed:
                break
            time.sleep(0.02)
        assert client.close_code() == 1008
        idle.text('whole')
        assert idle.message() == 'whole'


def test_barriers_of_messages():
    with echo() as server:
        client, other = server.connect().upgrade(), server.connect().upgrade()
        client.text('@5 late')
        client.text('soon')
        other.text('@2 other')
        assert client.is_silent() and other.is_silent()
        server.say('release 4')
        assert other.message() == '@2 other'
        assert client.is_silent()
        server.say('release 5')
        assert client.message() == '@5 late' and client.message() == 'soon'
        client.text('@5 free')
        assert client.message() == '@5 free'


# ---- Many, and slow --------------------------------------------------------------------------------------

def test_two_thousand_at_once():
    raise_descriptor_limit(5000)
    with echo() as server:
        clients = [server.connect() for _ in range(2000)]
        for i, client in enumerate(clients):
            client.send(request('GET', f'/{i}'))
        for i, client in enumerate(clients):
            assert client.answer().body == b'GET /%d' % i
        assert server.stats()['connections'] == 2000
        for client in clients:
            client.close()
        wait_until(lambda: server.stats()['connections'] == 0)
        stats = server.stats()
        assert stats['opened'] == stats['closed'] == 2000


def test_limits_of_connections():
    with echo('connections_of_loopback=5') as server:
        clients = [server.connect() for _ in range(5)]
        for client in clients:
            assert client.get('/').status == 200
        answer = server.connect().answer()
        assert answer.status == 429 and answer.code == 42901
        clients.pop().close()
        wait_until(lambda: server.stats()['connections'] == 4)
        assert server.connect().get('/').status == 200
    with echo('connections=3') as server:
        clients = [server.connect() for _ in range(3)]
        for client in clients:
            assert client.get('/').status == 200
        answer = server.connect().answer()
        assert answer.status == 503 and answer.code == 9010001
        assert server.stats()['refused'] == 1


def test_out_of_descriptors():
    """The gate waits, without spinning, and serves the rest once there is room."""
    with echo('tick_ms=20', descriptors=40) as server:
        clients = [server.connect() for _ in range(80)]
        for client in clients:
            client.send(request('GET', '/'))
        served = clients[:10]
        for client in served:
            assert client.answer().status == 200
        before = server.cpu_seconds()
        time.sleep(0.5)
        assert server.cpu_seconds() - before < 0.1
        for client in served:
            client.close()
        for client in clients[10:]:
            assert client.answer().status == 200
            client.close()


def test_a_stalled_reader_is_dropped():
    """R10 at the gate: over the ceiling it goes, whole; the others get every frame."""
    with echo('queue_size=1000000') as server:
        stalled = server.connect(receive_buffer=4096).upgrade()
        readers = [server.connect().upgrade() for _ in range(20)]
        for client in [stalled, *readers]:
            client.text('join')
        wait_until(lambda: server.stats()['joined'] == 21)
        for _ in range(30):
            server.say('tell 10000 30')
            for client in readers:
                assert [len(client.message()) for _ in range(30)] == [10000] * 30
        stats = server.stats()
        assert stats['dropped'] == 1 and stats['joined'] == 20 and stats['closed'] == 1, stats
        whole = 0
        try:
            while True:
                assert len(stalled.message()) == 10000
                whole += 1
        except Closed:
            pass
        assert whole > 0  # what it got is gapless from the beginning


def test_all_queues_together_have_a_ceiling():
    """S3: none is over its own, all together are: who takes no bytes goes, the heaviest first, the others stay."""
    with echo('queues_size=4000000') as server:
        reader = server.connect()
        slow = [server.connect(receive_buffer=4096) for _ in range(12)]
        for client in slow:
            client.send(b'GET /big/900000 HTTP/1.1\r\nHost: h\r\n\r\n' * 12)
        wait_until(lambda: server.stats()['dropped'] > 0)
        reader.send(b'GET /big/100000 HTTP/1.1\r\nHost: h\r\n\r\n')
        assert len(reader.answer().body) == 100000
        stats = server.stats()
        assert 0 < stats['dropped'] < 12, stats
        assert stats['held'] <= 8000000 and stats['crowded'], stats
        for client in slow:
            client.close()
        wait_until(lambda: server.stats()['held'] < 100000)
        assert not server.stats()['crowded']
        reader.close()


def test_input_that_is_not_whole_counts():
    """Bodies and messages that do not come to their end are held too, and are let go when their clients are."""
    with echo('queues_size=400000') as server:
        reader = server.connect()
        halves = [server.connect() for _ in range(20)]
        for client in halves[:10]:
            client.send(b'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n' + 40000 * b'x')
        for client in halves[10:]:
            client.upgrade()
            client.send(frame(40000 * b'x', first=0x01))
        wait_until(lambda: server.stats()['dropped'] > 0)
        stats = server.stats()
        assert stats['held'] <= 800000 and stats['dropped'] < 20, stats
        reader.send(b'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok')
        assert reader.answer().body == b'ok'
        for client in halves:
            client.close()
        wait_until(lambda: server.stats()['held'] < 50000)
        reader.close()


def test_what_many_wait_for_counts_once():
    with echo('queues_size=1000000') as server:
        clients = [server.connect().upgrade() for _ in range(30)]
        for client in clients:
            client.text('join')
        wait_until(lambda: server.stats()['joined'] == 30)
        server.say('tell 100000 5 7')  # all wait for record 7
        stats = server.stats()
        assert 500000 < stats['held'] < 700000 and not stats['crowded'], stats
        server.say('release 7')
        for client in clients:
            assert [len(client.message()) for _ in range(5)] == [100000] * 5
            client.close()
        wait_until(lambda: server.stats()['held'] < 100000)


def test_who_reads_is_not_blamed_for_the_journal():
    """What waits for a record is no backlog of the client's; what its socket does not take is."""
    with echo() as server:
        client = server.connect(receive_buffer=4096).upgrade()
        client.text('join')
        wait_until(lambda: server.stats()['joined'] == 1)
        server.say('tell 10000 100 7')
        assert client.is_silent()
        assert int(server.say('backlog')) == 0
        server.say('release 7')
        assert [len(client.message()) for _ in range(100)] == [10000] * 100
        server.say('tell 10000 300 7')
        wait_until(lambda: int(server.say('backlog')) > 0)
        assert [len(client.message()) for _ in range(300)] == [10000] * 300
        assert int(server.say('backlog')) == 0


def test_a_flood_without_reading_is_held_off():
    """Requests whose answers nobody takes are not read beyond a bound; all are answered in the end."""
    with echo() as server:
        client = server.connect()
        client.socket.setblocking(False)
        data = request('GET', '/big/100000') * 2000
        sent = 0
        for _ in range(200):
            try:
                sent += client.socket.send(data[sent:])
            except BlockingIOError:
                time.sleep(0.002)
        assert server.resident_bytes() < 64 << 20
        assert server.stats()['requests'] < 400
        client.socket.settimeout(10)
        got = 0
        while got < 2000:
            if sent < len(data):
                try:
                    client.socket.setblocking(False)
                    sent += client.socket.send(data[sent:])
                except BlockingIOError:
                    pass
                client.socket.settimeout(10)
            assert len(client.answer().body) == 100000
            got += 1


def test_who_takes_nothing_for_long_is_dropped():
    with echo('stall_ms=200', 'tick_ms=10') as server:
        client = server.connect(receive_buffer=4096)
        client.send(request('GET', '/big/1000000') * 20)
        wait_until(lambda: server.stats()['dropped'] == 1)
        assert server.stats()['connections'] == 0


def test_resets():
    with echo() as server:
        for i in range(300):
            client = server.connect()
            if i % 3 == 0:
                client.upgrade()
                client.text('flood 10 1000')
            elif i % 3 == 1:
                client.send(request('GET', '/after/9'))
            client.reset()
        wait_until(lambda: server.stats()['connections'] == 0)
        server.say('release 9')
        assert server.connect().get('/').status == 200


# ---- Listening and stopping ------------------------------------------------------------------------------

def test_unix_socket():
    with tempfile.TemporaryDirectory() as folder:
        path = f'{folder}/socket'
        old = socket.socket(socket.AF_UNIX)
        old.bind(path)
        old.close()
        with echo(addresses=(f'unix:{path}', '[::1]:0')) as server:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert server.connect(0).get('/').body == b'GET /'
            assert server.connect(1).get('/').body == b'GET /'
            try:
                echo(addresses=(f'unix:{path}',))
                raise SystemExit('a socket in use was taken over')
            except AssertionError:
                pass
            assert server.connect(0).get('/').status == 200
        assert not os.path.exists(path)
        with open(path, 'w'):
            pass
        try:
            echo(addresses=(f'unix:{path}',))
            raise SystemExit('a file was taken for a socket')
        except AssertionError:
            pass
        assert os.path.exists(path)


def test_goodbye():
    with echo() as server:
        websocket, idle, waiting = server.connect().upgrade(), server.connect(), server.connect()
        assert idle.get('/').status == 200
        waiting.send(request('GET', '/big/1000000'))
        wait_until(lambda: server.stats()['requests'] == 2)
        begin = time.monotonic()
        server.say('stop')
        assert websocket.close_code() == 1013
        assert len(waiting.answer().body) == 1000000
        assert idle.is_closed()
        for client in (websocket, idle, waiting):
            client.close()
        server.process.wait(timeout=10)
        assert time.monotonic() - begin < 3
    with echo('linger_ms=100', 'tick_ms=10') as server:  # who does not go is not waited for
        stays = server.connect().upgrade()
        stays.text('@99 never')
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 2
        stays.close()


def main():
    global PROGRAM
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--program', default=PROGRAM)
    parser.add_argument('names', nargs='*')
    options = parser.parse_args()
    PROGRAM = options.program
    tests = {name: body for name, body in globals().items() if name.startswith('test_')}
    failed = 0
    for name, body in tests.items():
        if options.names and name.removeprefix('test_') not in options.names:
            continue
        begin = time.monotonic()
        try:
            body()
            print(f'ok    {name.removeprefix("test_"):50s} {time.monotonic() - begin:6.2f} s', flush=True)
        except Exception:  # noqa: one failure must not hide the others
            failed += 1
            print(f'FAIL  {name.removeprefix("test_")}\n{traceback.format_exc()}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
