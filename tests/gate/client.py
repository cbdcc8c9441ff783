"""Clients that can misbehave: raw sockets that speak just enough HTTP and WebSocket, and the echo server."""
import json
import os
import resource
import socket
import struct
import subprocess
import time

KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='


def raise_descriptor_limit(wanted):
    """A shell may start us with 1,024; what the system allows beyond that is ours to take."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


class Echo:
    """tests/gate/gate_echo.c as a process, steered by lines."""

    def __init__(self, program, *arguments, addresses=('127.0.0.1:0',), descriptors=None):
        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        self.process = subprocess.Popen([program, *arguments, *addresses], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, preexec_fn=limit)
        self.addresses = [self.line() for _ in addresses]

    def line(self):
        text = self.process.stdout.readline()
        assert text, 'the server is gone'
        return text.strip()

    def say(self, text):
        self.process.stdin.write(text + '\n')
        self.process.stdin.flush()
        return self.line()

    def stats(self):
        return json.loads(self.say('stats'))

    def cpu_seconds(self):
        with open(f'/proc/{self.process.pid}/stat') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def resident_bytes(self):
        with open(f'/proc/{self.process.pid}/statm') as file:
            return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')

    def connect(self, which=0, **options):
        return Client(self.addresses[which], **options)

    def stop(self):
        """Stops it in good order; it must end with status 0, nothing left behind."""
        try:
            self.say('stop')
            self.process.stdin.close()
        except (BrokenPipeError, AssertionError, ValueError):
            pass  # it was stopped before
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        assert status == 0, f'the server ended with {status}'

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.process.kill()
            self.process.wait()
        else:
            self.stop()


class Closed(Exception):
    """The other side closed, or reset, the connection."""


class Answer:
    def __init__(self, status, headers, body, text):
        self.status, self.headers, self.body, self.text = status, headers, body, text

    @property
    def code(self):
        return json.loads(self.body)['code']


class Client:
    def __init__(self, address, timeout=10, receive_buffer=None, nodelay=True):
        if address.startswith('unix:'):
            self.socket = socket.socket(socket.AF_UNIX)
            target = address[5:]
        else:
            host, port = address.rsplit(':', 1)
            self.socket = socket.socket(socket.AF_INET6 if host[0] == '[' else socket.AF_INET)
            target = (host.strip('[]'), int(port))
            if receive_buffer:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if nodelay:
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.socket.connect(target)
        self.pending = b''

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with a reset in place of a goodbye."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def send(self, data):
        if isinstance(data, str):
            data = data.encode('latin-1')
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Closed(str(error)) from None

    def dribble(self, data):
        for i in range(len(data)):
            self.send(data[i:i + 1])

    def more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed('end of stream')
        self.pending += data

    def take(self, size):
        while len(self.pending) < size:
            self.more()
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def take_to(self, end):
        while end not in self.pending:
            self.more()
        return self.take(self.pending.index(end) + len(end))

    def is_silent(self, seconds=0.05):
        """Nothing comes for so long."""
        if self.pending:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.more()
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)

    def is_closed(self):
        try:
            self.more()
            return False
        except Closed:
            return True

    # ---- HTTP ----

    def answer(self, head_only=False):
        text = self.take_to(b'\r\n\r\n').decode('latin-1')
        lines = text.split('\r\n')
        version, status, _ = lines[0].split(' ', 2)
        assert version == 'HTTP/1.1', lines[0]
        headers = {name.lower(): value for name, value in
                   (line.split(': ', 1) for line in lines[1:] if line)}
        body = b''
        if not head_only and int(status) >= 200:
            body = self.take(int(headers.get('content-length', 0)))
        return Answer(int(status), headers, body, text)

    def get(self, path, **more):
        self.send(request('GET', path, **more))
        return self.answer()

    # ---- WebSocket ----

    def upgrade(self, path='/ws'):
        self.send(upgrade(path))
        answer = self.answer()
        assert answer.status == 101, answer.text
        assert answer.headers['sec-websocket-accept'] == ACCEPT
        return self

    def text(self, text):
        self.send(frame(text if isinstance(text, bytes) else text.encode()))

    def frame(self):
        """(opcode, payload) of the next frame; a server's are never masked and never in pieces here."""
        first, second = self.take(2)
        size = second & 127
        assert first & 0x80 and not second & 0x80, (first, second)
        if size == 126:
            size = struct.unpack('>H', self.take(2))[0]
        elif size == 127:
            size = struct.unpack('>Q', self.take(8))[0]
        return first & 15, self.take(size)

    def message(self):
        opcode, payload = self.frame()
        assert opcode == 1, (opcode, payload)
        return payload.decode()

    def close_code(self):
        """The code that ends the connection, after which nothing comes."""
        opcode, payload = self.frame()
        while opcode != 8:
            opcode, payload = self.frame()
        assert self.is_closed()
        return struct.unpack('>H', payload[:2])[0]


def request(method, path, body=None, headers=(), version='1.1', host='x'):
    lines = [f'{method} {path} HTTP/{version}']
    if host:
        lines.append(f'Host: {host}')
    if body is not None:
        lines.append(f'Content-Length: {len(body)}')
    lines += headers
    return ('\r\n'.join(lines) + '\r\n\r\n').encode('latin-1') + (body or b'')


def upgrade(path='/ws', headers=(), version='13', key=KEY):
    return request('GET', path, headers=['Upgrade: websocket', 'Connection: Upgrade', f'Sec-WebSocket-Version: {version}',
                                         f'Sec-WebSocket-Key: {key}', *headers])


def frame(payload, first=0x81, mask=b'\x12\x34\x56\x78', form=None):
    """A masked frame; form: bytes of the length (0, 2, 8), the shortest if not said."""
    size = len(payload)
    if form is None:
        form = 0 if size < 126 else 2 if size < 65536 else 8
    bit = 0x80 if mask else 0
    head = bytes([first, bit | (size if form == 0 else 126 if form == 2 else 127)])
    if form:
        head += size.to_bytes(form, 'big')
    if not mask:
        return head + payload
    repeated = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, 'big') ^ int.from_bytes(repeated, 'big')).to_bytes(size, 'big')
    return head + mask + masked


def wait_until(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'waited in vain'
        time.sleep(0.005)
